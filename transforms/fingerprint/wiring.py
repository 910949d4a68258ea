"""The stage in Beam: objects -> contents, assignments, failures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import progress
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.fingerprint import commit, plan
from mirrorfold.transforms.fingerprint.assign import KEYS, fill_content_ids
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.shard import ASSIGNMENTS, fingerprint_shard
from mirrorfold.transforms.stores.api import SourceSpec, Stores
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.sources import open_stores

STEP = "fingerprint"
OBJECTS_PER_PARTITION = 200_000
"""Rows that one call of the planner holds: about 100 MB."""

OpenStores = Callable[[tuple[SourceSpec, ...]], Stores]


class Fingerprinted(NamedTuple):
    """Collections of blocks: rows of `contents` (repeated where shards share one), shard.ASSIGNMENTS, `failures`."""

    contents: beam.PCollection
    assignments: beam.PCollection
    failures: beam.PCollection


@dataclass(eq=False)
class Fingerprint(beam.PTransform):
    """Read every distinct content once and sign it.

    Takes blocks of `objects`, gives `Fingerprinted`.

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

    def expand(self, objects):
        options, per_shard = self.options, plan.objects_per_shard(self.objects, self.options)
        skipped = objects | "FindSkipped" >> beam.Map(plan.skipped, options).with_output_types(pa.Table)
        shards = (
            objects
            | "FindReadable" >> beam.Map(plan.readable, options).with_output_types(pa.Table)
            | "PlanShards"
            >> Shuffle(
                keys={"rows": ("size",)},
                schemas={"rows": plan.NEEDED_SCHEMA},
                partitions=max(1, -(-self.objects // OBJECTS_PER_PARTITION)),
                reduce=CutShards(options, per_shard),
                spill=self.spill,
            )
            | "SpreadShards" >> beam.Reshuffle()
        )
        worker = FingerprintShard(self.specs, options, self.output, self.stores)
        done = shards | "FingerprintShards" >> beam.ParDo(worker).with_outputs(
            "assignments", "failures", main="contents"
        )
        failures = (skipped, done.failures) | "JoinFailures" >> beam.Flatten()
        return Fingerprinted(done.contents, done.assignments, failures)


@dataclass
class CutShards:
    """Cut one partition of the listing into shards; called by the shuffle."""

    options: FingerprintOptions
    per_shard: int

    def __call__(self, partition: int, blocks: dict[str, pa.Table]):
        return plan.cut_shards(blocks["rows"], self.options, self.per_shard)


class Tools(NamedTuple):
    """What a worker process opens once."""

    stores: Stores
    sandbox: SandboxPool


class FingerprintShard(beam.DoFn):
    """Do one shard per element, or take its result from an earlier run's commit."""

    def __init__(self, specs: tuple[SourceSpec, ...], options: FingerprintOptions, output: str, stores: OpenStores):
        self.specs, self.options, self.output, self.open_stores = specs, options, output, stores

    def setup(self):
        self.tools = _lease(self.specs, self.options, self.open_stores)

    def teardown(self):
        _release(self.specs, self.options)

    def process(self, shard: pa.Table):
        work = partial(
            fingerprint_shard,
            stores=self.tools.stores,
            decoder=partial(decode, options=self.options, sandbox=self.tools.sandbox),
            options=self.options,
            advance=advance,
        )
        result = commit.perform(shard, open_output(self.output), self.options, work, advance)
        yield result.contents
        yield beam.pvalue.TaggedOutput("assignments", result.assignments)
        yield beam.pvalue.TaggedOutput("failures", result.failures)


def advance(objects: int, size: int) -> None:
    """Report progress of this step."""
    progress.advance(STEP, objects, size)


_lock = threading.Lock()
_leases: dict[tuple, tuple[Tools, int]] = {}


def _lease(specs: tuple[SourceSpec, ...], options: FingerprintOptions, opener: OpenStores) -> Tools:
    """Open a process's tools once, however many DoFns run in it."""
    with _lock:
        tools, holders = _leases.get((specs, options)) or (_open(specs, options, opener), 0)
        _leases[specs, options] = (tools, holders + 1)
        return tools


def _release(specs: tuple[SourceSpec, ...], options: FingerprintOptions) -> None:
    with _lock:
        tools, holders = _leases.pop((specs, options))
        if holders > 1:
            _leases[specs, options] = (tools, holders - 1)
            return
    tools.sandbox.close()
    tools.stores.close()


def _open(specs: tuple[SourceSpec, ...], options: FingerprintOptions, opener: OpenStores) -> Tools:
    processes = options.sandboxes or os.cpu_count() or 1
    return Tools(opener(specs), SandboxPool(processes, options.sandbox_bytes, options.max_seconds))


@dataclass(eq=False)
class FillContentIds(beam.PTransform):
    """Fill content ids into `objects`: takes {"objects", "assignments"}, gives blocks of `objects`."""

    objects: int
    spill: str | None = None

    def expand(self, inputs):
        return inputs | "JoinAssignments" >> Shuffle(
            keys={"objects": KEYS, "assignments": KEYS},
            schemas={"objects": OBJECTS.schema, "assignments": ASSIGNMENTS},
            partitions=OBJECTS.shards(self.objects),
            reduce=fill_content_ids,
            spill=self.spill,
        )
