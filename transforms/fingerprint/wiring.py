"""The stage in Beam: objects -> contents, assignments, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc, progress
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks, MapParked, Park, SpreadBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteShard
from mirrorfold.transforms.fingerprint import again, commit, known, plan, spread
from mirrorfold.transforms.fingerprint.assign import KEYS, fill_content_ids
from mirrorfold.transforms.fingerprint.beside.facts import FACTS
from mirrorfold.transforms.fingerprint.crew import Crew
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.imagehashes import ImageHasher
from mirrorfold.transforms.fingerprint.memory import ceiling
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.shard import ASSIGNMENTS, fingerprint_shard
from mirrorfold.transforms.stores.api import SourceSpec, Stores
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.sources import open_stores

STEP = "fingerprint"
OBJECTS_PER_PARTITION = 200_000
"""Rows that one call of the planner holds: about 100 MB."""

COMPILED_FROM = 500
"""Objects from which compiled loops are worth their loading (0.2 CPU seconds; compiled once per machine in some 5)."""

PLAN_INPUTS = {"rows": plan.NEEDED_SCHEMA, "known": known.KNOWN}

OpenStores = Callable[[tuple[SourceSpec, ...]], Stores]


class Fingerprinted(NamedTuple):
    """Collections of blocks: rows of `contents` (repeated where shards share one), shard.ASSIGNMENTS, `failures`."""

    contents: beam.PCollection
    assignments: beam.PCollection
    failures: beam.PCollection


@dataclass(eq=False)
class Fingerprint(beam.PTransform):
    """Read every distinct content once and sign it.

    Takes blocks of `objects`, or {"objects", "known"} with blocks of known.KNOWN; gives `Fingerprinted`.

    Args:
      specs: the run's sources.
      options: budgets and shard sizes.
      output: DIR's URL, where shards are committed.
      objects: listed rows, which alone set the number of partitions and the size of shards.
      spill: as in blocks.wiring.Shuffle.
      stores: how sources are opened; a test gives its own.
    """

    specs: tuple[SourceSpec, ...]
    options: FingerprintOptions
    output: str
    objects: int
    spill: str | None = None
    stores: OpenStores = open_stores

    def expand(self, inputs):
        objects, known_rows = (
            (inputs["objects"], inputs.get("known")) if isinstance(inputs, Mapping) else (inputs, None)
        )
        options = replace(self.options, compiled=self.objects >= COMPILED_FROM)
        per_shard = plan.objects_per_shard(self.objects, options)
        skipped = objects | "FindSkipped" >> beam.Map(plan.skipped, options).with_output_types(pa.Table)
        rows = {"rows": objects | "FindReadable" >> beam.Map(plan.readable, options).with_output_types(pa.Table)}
        if known_rows is not None:
            rows["known"] = known_rows
        keys: tuple[str, ...] = ("size",)
        schemas = {name: PLAN_INPUTS[name] for name in rows}
        partitions = max(1, -(-self.objects // OBJECTS_PER_PARTITION))
        if partitions > 1:
            keys = ("size", spread.SPREAD.name)
            schemas = {name: schema.append(spread.SPREAD) for name, schema in schemas.items()}
            rows = rows | "SpreadSizes" >> SpreadSizes(self.spill)
        shards = (
            rows
            | "PlanShards"
            >> Shuffle(
                keys=dict.fromkeys(rows, keys),
                schemas=schemas,
                partitions=partitions,
                reduce=CutShards(options, per_shard),
                spill=self.spill,
            )
            | "SpreadShards" >> SpreadBlocks(self.spill)
        )
        worker = FingerprintShard(self.specs, options, self.output, self.stores)
        done = shards | "FingerprintShards" >> beam.ParDo(worker).with_outputs(
            "assignments", "failures", main="contents"
        )
        failures = (skipped, done.failures) | "JoinFailures" >> FlattenBlocks(self.spill)
        return Fingerprinted(done.contents, done.assignments, failures)


@dataclass(eq=False)
class SpreadSizes(beam.PTransform):
    """Add spread.SPREAD to the blocks of each input, by which sizes are common among "rows"."""

    spill: str | None = None

    def expand(self, inputs):
        common = (
            inputs["rows"]
            | "CountSizes" >> beam.Map(spread.count_sizes).with_output_types(pa.Table)
            | "SumSizes"
            >> Shuffle(
                keys={"rows": ("size",)},
                schemas={"rows": spread.SIZES},
                partitions=1,
                reduce=CommonSizes(OBJECTS_PER_PARTITION // 2),
                spill=self.spill,
            )
            | "AsNumbers" >> beam.Map(lambda block: block.column("size").to_pylist()).with_output_types(list[int])
        )
        # Rows that wait for a side input between two readers would be held whole.
        return {
            name: rows
            | f"Park {name}" >> Park(self.spill)
            | f"AddSpread {name}" >> MapParked(spread.add_spread, beam.pvalue.AsIter(common))
            for name, rows in inputs.items()
        }


@dataclass
class CommonSizes:
    """Find the sizes that more than `limit` objects share; called by the shuffle."""

    limit: int

    def __call__(self, partition: int, blocks: dict[str, pa.Table]):
        yield pa.table({"size": pa.array(spread.common_sizes(blocks["rows"], self.limit), pa.int64())})


@dataclass
class CutShards:
    """Cut one partition of the listing into shards; called by the shuffle."""

    options: FingerprintOptions
    per_shard: int

    def __call__(self, partition: int, blocks: dict[str, pa.Table]):
        return plan.cut_shards(blocks["rows"], self.options, self.per_shard, blocks.get("known"))


@dataclass(eq=False)
class ReadKnown(beam.PTransform):
    """Read what an earlier run knows, as blocks of known.KNOWN; applied to a pipeline's root.

    Args:
      previous: its DIR.
      rows: about how many objects it has, which sets the partitions.
      failures: take over failures that would only repeat.
      again: says which of its objects are read once more; picklable.
    """

    previous: str
    rows: int
    failures: bool
    spill: str | None = None
    again: known.Mask | None = None

    def expand(self, root):
        objects = root | "ReadEarlierObjects" >> ReadTable(self.previous, OBJECTS, known.OBJECT_COLUMNS)
        contents = objects | "FindKnown" >> beam.Map(known.known_contents, self.again).with_output_types(pa.Table)
        if not self.failures:
            return contents
        failed = {
            "objects": objects | "FindUnread" >> beam.Map(known.unread_objects, self.again).with_output_types(pa.Table),
            "failures": root | "ReadEarlierFailures" >> ReadTable(self.previous, FAILURES, known.FAILURE_COLUMNS),
        } | "JoinFailures" >> Shuffle(
            keys={"objects": KEYS, "failures": KEYS},
            schemas={"objects": known.OBJECT_ROWS, "failures": known.FAILURE_ROWS},
            partitions=max(1, -(-self.rows // OBJECTS_PER_PARTITION)),
            reduce=join_failures,
            spill=self.spill,
        )
        return (contents, failed) | "AllKnown" >> FlattenBlocks(self.spill)


def join_failures(_: int, blocks: dict[str, pa.Table]):
    """Join one partition's unread objects with their failures."""
    found = known.known_failures(blocks["objects"], blocks["failures"])
    if found.num_rows:
        yield found


@dataclass(eq=False)
class WriteContents(beam.PTransform):
    """Write `contents`; rows of the earlier run are taken over where objects still hold them.

    Takes {"contents", "assignments"}.

    Args:
      previous: DIR of the earlier run.
      rows: as in blocks.wiring.WriteTable.
      imagehash: as in FingerprintOptions.
    """

    output: str
    previous: str
    rows: int
    imagehash: tuple[str, ...] = ()
    spill: str | None = None

    def expand(self, inputs):
        shards = CONTENTS.shards(self.rows)
        wanted = inputs["assignments"] | "NameWanted" >> beam.Map(_content_ids).with_output_types(pa.Table)
        earlier = (
            inputs["contents"].pipeline
            | "ReadEarlierContents" >> ReadTable(self.previous, CONTENTS)
            | "AddColumns" >> beam.Map(known.as_asked, self.imagehash).with_output_types(pa.Table)
        )
        return {"rows": inputs["contents"], "wanted": wanted, "earlier": earlier} | "ToShards" >> Shuffle(
            keys=dict.fromkeys(("rows", "wanted", "earlier"), CONTENTS.shard_key),
            schemas={"rows": CONTENTS.schema, "wanted": WANTED, "earlier": CONTENTS.schema},
            partitions=shards,
            reduce=CarryShard(WriteShard(self.output, CONTENTS, shards, distinct=False)),
            every_partition=True,
            spill=self.spill,
        )


WANTED = pa.schema([ASSIGNMENTS.field("content_id")])


def _content_ids(assignments: pa.Table) -> pa.Table:
    return pa.table([assignments.column("content_id").unique()], schema=WANTED)


@dataclass
class CarryShard:
    """Join one shard's new rows with those taken over, and write it."""

    write: WriteShard

    def __call__(self, shard: int, blocks: dict[str, pa.Table]):
        return self.write(shard, {"rows": known.carried_contents(blocks["rows"], blocks["wanted"], blocks["earlier"])})


MOST_DECODERS = 8
"""Threads of one process that decode at once: beyond some, they wait for the interpreter's lock and not for a core."""


class Tools(NamedTuple):
    """What a worker process opens once."""

    options: FingerprintOptions
    stores: Stores
    sandbox: SandboxPool
    crew: Crew
    hasher: ImageHasher | None

    def decode(self, data: bytes) -> Picture:
        """Decode one file, with the further hashes that the options name.

        Raises:
          DecodeError: as `decode` does.
        """
        picture = decode(data, self.options, self.sandbox)
        if self.hasher is not None:
            picture.imagehash = self.hasher(data)
        return picture


class FingerprintShard(beam.DoFn):
    """Do one shard per element, or take its result from an earlier run's commit."""

    def __init__(self, specs: tuple[SourceSpec, ...], options: FingerprintOptions, output: str, stores: OpenStores):
        self.specs, self.options, self.output, self.open_stores = specs, options, output, stores

    def setup(self):
        self.tools = lease(self.specs, self.options, self.open_stores)

    def teardown(self):
        release(self.specs, self.options)

    def process(self, shard: pa.Table):
        work = partial(
            fingerprint_shard,
            stores=self.tools.stores,
            decoder=self.tools.decode,
            options=self.options,
            crew=self.tools.crew,
            advance=advance,
        )
        with ceiling(self.options.sandbox_bytes):
            result = commit.perform(shard, open_output(self.output), self.options, work, advance)
        yield result.contents
        yield beam.pvalue.TaggedOutput("assignments", result.assignments)
        yield beam.pvalue.TaggedOutput("failures", result.failures)


def advance(objects: int, size: int) -> None:
    """Report progress of this step."""
    progress.advance(STEP, objects, size)


@dataclass(eq=False)
class ReadAgain(beam.PTransform):
    """Read wanted contents again for their detail: takes {"wanted", "objects"}, gives blocks of again.DETAILS.

    Args:
      specs, options, stores, spill: as in Fingerprint.
      objects: number of rows of `objects`, which sets the partitions.
    """

    specs: tuple[SourceSpec, ...]
    options: FingerprintOptions
    objects: int
    spill: str | None = None
    stores: OpenStores = open_stores

    def expand(self, inputs):
        found = {
            "wanted": inputs["wanted"],
            "objects": inputs["objects"] | "OfContents" >> beam.Map(_with_content).with_output_types(pa.Table),
        } | "FindObjects" >> Shuffle(
            keys={"wanted": ("content_id",), "objects": ("content_id",)},
            schemas={"wanted": again.DETAILS.remove(2), "objects": again.OBJECT_ROWS},
            partitions=max(1, -(-self.objects // OBJECTS_PER_PARTITION)),
            reduce=pair_wanted,
            spill=self.spill,
        )
        worker = ReadDetails(self.specs, again.detail_options(self.options), self.stores)
        return (
            found
            | "SpreadReads" >> SpreadBlocks(self.spill)
            | "ReadDetails" >> beam.ParDo(worker).with_output_types(pa.Table)
        )


def _with_content(objects: pa.Table) -> pa.Table:
    objects = objects.select(again.COLUMNS)
    return objects.filter(pc.is_valid(objects.column("content_id")))


WANTED_PER_BLOCK = 256


def pair_wanted(_: int, blocks: dict[str, pa.Table]):
    """Bring a partition's wanted contents and their objects together: rows of both, told apart by `component`."""
    wanted = ipc.sort_rows(blocks["wanted"], ("content_id",))
    for start in range(0, wanted.num_rows, WANTED_PER_BLOCK):
        part = wanted.slice(start, WANTED_PER_BLOCK)
        here = pc.is_in(blocks["objects"].column("content_id"), value_set=part.column("content_id").combine_chunks())
        objects = blocks["objects"].filter(here)
        place = pc.index_in(objects.column("content_id"), value_set=part.column("content_id").combine_chunks())
        yield objects.append_column("component", part.column("component").take(place))


class ReadDetails(beam.DoFn):
    """Read and decode the contents of one block of objects, each with its component."""

    def __init__(self, specs: tuple[SourceSpec, ...], options: FingerprintOptions, stores: OpenStores):
        self.specs, self.options, self.open_stores = specs, options, stores

    def setup(self):
        self.tools = lease(self.specs, self.options, self.open_stores)

    def teardown(self):
        release(self.specs, self.options)

    def process(self, objects: pa.Table):
        wanted = ipc.distinct_rows(
            ipc.sort_rows(objects.select(["content_id", "component"]), ("content_id",)), ("content_id",)
        )
        with ceiling(self.options.sandbox_bytes):
            found = again.read_again(wanted, objects, self.tools.stores, self.tools.sandbox, self.options, _note_again)
            yield from found


def _note_again(done: again.Done) -> None:
    for name, value in vars(done).items():
        Metrics.counter("fingerprint", f"again_{name}").inc(value)


_lock = threading.Lock()
_leases: dict[tuple, tuple[Tools, int]] = {}


def lease(specs: tuple[SourceSpec, ...], options: FingerprintOptions, opener: OpenStores) -> Tools:
    """Open a process's tools once, however many DoFns run in it."""
    with _lock:
        tools, holders = _leases.get((specs, options)) or (_open(specs, options, opener), 0)
        _leases[specs, options] = (tools, holders + 1)
        return tools


def release(specs: tuple[SourceSpec, ...], options: FingerprintOptions) -> None:
    with _lock:
        tools, holders = _leases.pop((specs, options))
        if holders > 1:
            _leases[specs, options] = (tools, holders - 1)
            return
    tools.sandbox.close()
    if tools.hasher is not None:
        tools.hasher.close()
    tools.stores.close()


def _open(specs: tuple[SourceSpec, ...], options: FingerprintOptions, opener: OpenStores) -> Tools:
    sandbox = SandboxPool(options.sandboxes or cores(), options.sandbox_bytes, options.max_seconds)
    hasher = ImageHasher(options) if options.imagehash else None
    return Tools(options, opener(specs), sandbox, Crew(min(cores(), MOST_DECODERS)), hasher)


FILLED_FROM = {"objects": OBJECTS.schema, "assignments": ASSIGNMENTS, "stated": FACTS}


@dataclass(eq=False)
class FillContentIds(beam.PTransform):
    """Fill content ids into `objects`: takes {"objects", "assignments"} and perhaps "stated" (blocks of FACTS)."""

    objects: int
    spill: str | None = None

    def expand(self, inputs):
        return inputs | "JoinAssignments" >> Shuffle(
            keys=dict.fromkeys(inputs, KEYS),
            schemas={name: FILLED_FROM[name] for name in inputs},
            partitions=OBJECTS.shards(self.objects),
            reduce=fill_content_ids,
            spill=self.spill,
        )
