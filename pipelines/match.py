"""Match and cluster: from `contents` and `objects` to `pairs` and `clusters`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.fingerprint import options_of
from mirrorfold.pipelines.match_cost import density_of, say_cost
from mirrorfold.pipelines.match_new import New, ReadEarlierEdges, plan_new
from mirrorfold.pipelines.record import previous
from mirrorfold.pipelines.record.previous import ReadMasters
from mirrorfold.pipelines.record.steps import committed_counters
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteTable
from mirrorfold.transforms.cluster.members import PRIORITIES
from mirrorfold.transforms.cluster.wiring import Cluster
from mirrorfold.transforms.fingerprint import again
from mirrorfold.transforms.fingerprint.wiring import ReadAgain
from mirrorfold.transforms.match import features, signatures
from mirrorfold.transforms.match.compare_all import MOST_ROWS
from mirrorfold.transforms.match.explain import explain_plan
from mirrorfold.transforms.match.incremental.wiring import MatchNew
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.plan import Plan, compared_like, make_plan
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.match.wiring import Match, Refetch, Verify
from mirrorfold.transforms.retain import annotate
from mirrorfold.transforms.retain.keep_order import MASTERS, object_priority

SAMPLE_ROWS = 1_000_000
"""Signatures sampled for the plan: a smaller sample, or nominal bits, understates how often real ones collide."""

OBJECTS_PER_PARTITION = 250_000


def build(root: beam.Pipeline, run: RunContext) -> None:
    """Compose search, verification and clusters over the tables in DIR.

    Where no object has changed since the previous run, its tables are taken over. Where little has, the new contents
    are searched against all, and the edges between the others are those of the previous run.
    """
    if previous.same_matching(run):
        previous.take_over(run, (EDGES.name, PAIRS.name, CLUSTERS.name))
        root | "NothingToMatch" >> beam.Create([None])
        return
    rows, spill, new = run.rows("contents"), run.spill, plan_new(run)
    verifier = Verifier(Rule(run.settings.match.radius, CHECK_LIMIT), run.settings.match.crops)
    contents = root | "ReadContents" >> ReadTable(run.output, CONTENTS, features.COLUMNS)
    verify = Verify(verifier, features.SCHEMA, rows, spill)
    verified = {"met": _search(root, run, verifier.rule, new, contents), "contents": contents} | "Verify" >> verify
    edges, sources = [verified.edges], {"contents": contents, "priorities": _priorities(root, run)}
    if run.settings.match.refetch_bytes:
        refetch = Refetch(verify, _reader(root, run), run.settings.match.refetch_bytes)
        settled, sources["details"] = {"requests": verified.requests, "contents": contents} | "Refetch" >> refetch
        edges.append(settled)
    if new is not None:
        edges.append(root | "ReadEarlierEdges" >> ReadEarlierEdges(new))
    sources["edges"] = tuple(edges) | "AllEdges" >> FlattenBlocks(spill)
    cluster = Cluster(verifier, signatures.node_ids, features.SCHEMA, rows, run.rows("objects"), spill)
    clustered = sources | "Cluster" >> cluster
    sources["edges"] | "WriteEdges" >> WriteTable(run.output, EDGES, rows, distinct=True, spill=spill)
    clustered.pairs | "WritePairs" >> WriteTable(run.output, PAIRS, rows, distinct=True, spill=spill)
    clustered.clusters | "WriteClusters" >> WriteTable(run.output, CLUSTERS, run.rows("objects"), spill=spill)


def _search(root: beam.Pipeline, run: RunContext, rule: Rule, new: New | None, contents) -> beam.PCollection:
    """Search for candidates: blocks of what met."""
    crops, spill, rows = run.settings.match.crops, run.spill, run.rows("contents")
    if new is None:
        say_cost(run, sample_signatures(run))
        return contents | "Match" >> Match(plan_for(run), rule, crops, rows, spill)
    reread = root | "ReadSignaturesAgain" >> ReadTable(run.output, CONTENTS, signatures.COLUMNS)
    search = MatchNew(new.nodes, plan_for_new(run, new.searched), rule, crops, rows, spill)
    return (contents, reread) | "MatchNew" >> search


def _reader(root: beam.Pipeline, run: RunContext) -> Callable[[beam.PCollection], beam.PCollection]:
    """Give what reads undecided contents again, from where the listing says that they lie."""
    objects = root | "ReadPlaces" >> ReadTable(run.output, OBJECTS, again.COLUMNS)
    read = ReadAgain(tuple(run.sources), options_of(run), run.rows("objects"), run.spill)
    return lambda wanted: {"wanted": wanted, "objects": objects} | "ReadAgain" >> read


def _priorities(root: beam.Pipeline, run: RunContext) -> beam.PCollection:
    """Bring objects and contents together and rank every readable object in the keep order."""
    objects = root | "ReadObjects" >> ReadTable(run.output, OBJECTS, annotate.OBJECT_COLUMNS)
    contents = root | "ReadProvenance" >> ReadTable(run.output, CONTENTS, annotate.CONTENT_COLUMNS)
    inputs = {"objects": objects, "contents": contents}
    if run.previous:
        inputs["masters"] = root | "ReadMasters" >> ReadMasters(run.previous)
    schemas = {
        "objects": _narrow(OBJECTS.schema, annotate.OBJECT_COLUMNS),
        "contents": _narrow(CONTENTS.schema, annotate.CONTENT_COLUMNS),
        "masters": MASTERS,
    }
    return inputs | "RankObjects" >> Shuffle(
        keys=dict.fromkeys(inputs, ("content_id",)),
        schemas={name: schemas[name] for name in inputs},
        partitions=max(1, -(-run.rows("objects") // OBJECTS_PER_PARTITION)),
        reduce=RankObjects(run.policy),
        spill=run.spill,
    )


@dataclass
class RankObjects:
    """Rank the objects of one partition of contents."""

    policy: dict

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        objects, contents = blocks["objects"], blocks["contents"]
        readable = pc.is_in(objects.column("content_id"), value_set=contents.column("content_id").combine_chunks())
        objects = objects.filter(readable)
        if objects.num_rows:
            ranked = object_priority(objects, contents, self.policy, blocks.get("masters"))
            yield ranked.append_column("library", objects.column("library")).select(PRIORITIES.names).cast(PRIORITIES)


def _narrow(schema: pa.Schema, columns: Iterable[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in columns])


def sample_signatures(run: RunContext) -> np.ndarray:
    """Sample distinct phash64 of contents worth searching, uint64: whole shards spread over the table, in order."""
    paths = parquet.shards(run.store, f"{CONTENTS.name}/")
    wanted = max(1, -(-SAMPLE_ROWS // CONTENTS.rows_per_shard))
    chosen = paths[:: max(1, len(paths) // wanted)][:wanted]
    blocks = [
        block.filter(pc.invert(block.column("low_information"))).column("phash64").to_numpy()
        for path in chosen
        for block in parquet.read_blocks(run.store, path, ["phash64", "low_information"])
    ]
    return np.unique(np.concatenate(blocks)) if blocks else np.empty(0, np.uint64)


def plan_for(run: RunContext) -> Plan | None:
    """Plan the tables for this run's contents; none where they are so few that all are compared with all."""
    settings = run.settings.match
    contents, kinds = run.rows("contents"), signatures.KINDS if settings.crops else 1
    if contents * kinds <= MOST_ROWS:
        return None
    return make_plan(settings.radius, compared_like(contents, kinds), sample_signatures(run))


def plan_for_new(run: RunContext, searched: int) -> Plan:
    """Plan the tables in which some contents are searched for among all."""
    settings = run.settings.match
    rows = run.rows("contents") + searched * (signatures.KINDS if settings.crops else 1)
    return make_plan(settings.radius, rows, sample_signatures(run))


def explain(run: RunContext):
    """Show the plan for this corpus and for 10^6 to 10^9 contents with the same bits, as a rich renderable."""
    settings = run.settings.match
    counted = committed_counters(run.store, "match")
    sample, density = sample_signatures(run), density_of(run)
    return explain_plan(run.rows("contents"), settings.radius, settings.crops, sample, counted, density)
