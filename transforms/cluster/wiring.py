"""Cluster as Beam transforms: candidate edges, contents and the keep order in; pairs and clusters out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, only_with
from mirrorfold.transforms.cluster.labels.wiring import Route, label
from mirrorfold.transforms.cluster.large.grid import GROUP_ROWS, LARGEST_COMPONENT
from mirrorfold.transforms.cluster.large.wiring import Reread, SplitLarge
from mirrorfold.transforms.cluster.members import PRIORITIES, best_of_contents, cluster_objects
from mirrorfold.transforms.cluster.resolve import MEMBERS, resolve
from mirrorfold.transforms.cluster.rounds.held.tables import Held, with_priority
from mirrorfold.transforms.cluster.rounds.held.wiring import HoldBack
from mirrorfold.transforms.cluster.rounds.nearest.wiring import Settled, TakeUp
from mirrorfold.transforms.cluster.stars import Verifier
from mirrorfold.transforms.cluster.undecided import REQUESTS, WANTED, contents_of, find_undecided, within_budget

DETAILS = WANTED.append(pa.field("detail", pa.binary()))
"""A content that was read again: its 256x256 luma."""
CONTENTS_PER_PARTITION = 20_000
DETAILED_PER_PARTITION = 5_000
"""The same where contents may come with their detail, 64 KiB each."""
OBJECTS_PER_PARTITION = 250_000


class Clustered(NamedTuple):
    """Blocks of the tables `pairs`, `clusters` and `components`."""

    pairs: beam.PCollection
    clusters: beam.PCollection
    components: beam.PCollection


class Resolved(NamedTuple):
    """Blocks of PAIRS and of resolve.MEMBERS."""

    pairs: beam.PCollection
    members: beam.PCollection


class Sources(NamedTuple):
    """What clustering reads.

    Attributes:
      edges: blocks of node pairs (a, b), uint64; their components hold every candidate pair.
      contents: blocks with the verifier's columns.
      priorities: blocks of PRIORITIES, each with all objects of its contents.
    """

    edges: beam.PCollection
    contents: beam.PCollection
    priorities: beam.PCollection


Again = Callable[[beam.PCollection], beam.PCollection]


@dataclass(eq=False)
class Cluster(beam.PTransform):
    """Find families and stars among candidates.

    Args:
      verifier: candidates and verification, from the match stage; node_ids: how content ids become nodes.
      schema: of the contents' blocks.
      held: where families that one worker can't hold wait for their rounds.
      reread: reads the contents' blocks once more.
      contents, objects: numbers of rows, which set the partitions.
      spill: a local folder for shuffled blocks, or None.
      again: reads contents again, blocks of WANTED to blocks of DETAILS; None reads nothing again.
      again_bytes: what it may read.
      largest: contents that one worker resolves; larger components are split by a grid of groups of `group_rows`.
      settled: what the rounds left under DIR, in the pipeline after them; their labels count then, not those given.
    """

    verifier: Verifier
    node_ids: Callable[[pa.ChunkedArray], np.ndarray]
    schema: pa.Schema
    held: Held
    reread: Reread
    contents: int
    objects: int
    spill: str | None = None
    again: Again | None = None
    again_bytes: int = 0
    largest: int = LARGEST_COMPONENT
    group_rows: int = GROUP_ROWS
    settled: Settled | None = None

    def expand(self, sources: Sources):
        labels = sources.edges | "Label" >> label()
        preferred = sources.priorities | "BestOfContents" >> beam.Map(best_of_contents).with_output_types(pa.Table)
        resolved = self.resolve(sources, preferred, labels)
        clusters = self.name_objects(resolved.members, sources.priorities)
        return Clustered(pairs=resolved.pairs, clusters=clusters, components=labels)

    def resolve(self, sources: Sources, preferred: beam.PCollection, labels: beam.PCollection) -> Resolved:
        """Resolve the components that labels name; `preferred` holds the best object of each content."""
        more_pairs, more_members = [], []
        if self.settled is not None:
            labels, more_pairs, more_members = self._taken_up(labels.pipeline, self.settled)
        elif self.contents > self.largest:
            split = labels | "SplitLarge" >> SplitLarge(
                self.verifier, self.node_ids, self.schema, self.reread, self.contents, self.largest, self.group_rows,
                self.spill,
            )  # fmt: skip
            more_pairs = [split.misses]
            labels = (split, preferred) | "HoldBack" >> HoldBack(
                self.held, self.node_ids, self.reread, self.contents, self.spill
            )
        linked = sources.contents | "RouteContents" >> beam.ParDo(
            Route(self.node_ids), beam.pvalue.AsList(labels)
        ).with_output_types(pa.Table)
        ranked = preferred | "RoutePriorities" >> beam.ParDo(
            Route(self.node_ids), beam.pvalue.AsList(labels)
        ).with_output_types(pa.Table)
        component = pa.field("component", pa.uint64())
        schemas = {
            "contents": self.schema.append(component),
            "priorities": pa.schema([("content_id", pa.string()), ("priority", pa.binary()), component]),
            "details": DETAILS,
        }
        inputs = {"contents": linked, "priorities": ranked}
        if self.again is not None:
            inputs["details"] = self._details(linked, schemas["contents"], self.again)
        resolved = inputs | "Resolve" >> Shuffle(
            keys=dict.fromkeys(inputs, ("component",)),
            schemas={name: schemas[name] for name in inputs},
            partitions=self._partitions(),
            reduce=ResolvePartition(self.verifier),
            spill=self.spill,
        )
        pairs = resolved | "TakePairs" >> only_with("content_a")
        members = resolved | "TakeMembers" >> only_with("content_id")
        return Resolved(
            (pairs, *more_pairs) | "ResolvedPairs" >> FlattenBlocks(self.spill),
            (members, *more_members) | "ResolvedMembers" >> FlattenBlocks(self.spill),
        )

    def _taken_up(self, root: beam.Pipeline, settled: Settled):
        """Read what the pipelines before held back and settled: the labels to resolve; pairs; members."""
        pairs, members = root | "TakeUp" >> TakeUp(
            self.held, self.verifier, self.node_ids, settled, self.group_rows, self.spill
        )
        labels = root | "ReadHeldLabels" >> ReadTable(self.held.output, self.held.labels)
        misses = root | "ReadHeldMisses" >> ReadTable(self.held.output, self.held.misses)
        return labels, [pairs, misses], [members]

    def name_objects(self, members: beam.PCollection, priorities: beam.PCollection) -> beam.PCollection:
        """Name the clusters of objects: blocks of the table `clusters`."""
        return {"members": members, "objects": priorities} | "NameObjects" >> Shuffle(
            keys={"members": ("content_id",), "objects": ("content_id",)},
            schemas={"members": MEMBERS, "objects": PRIORITIES},
            partitions=max(1, -(-self.objects // OBJECTS_PER_PARTITION)),
            reduce=cluster_partition,
            spill=self.spill,
        )

    def _partitions(self) -> int:
        each = CONTENTS_PER_PARTITION if self.again is None else DETAILED_PER_PARTITION
        return max(1, -(-self.contents // each))

    def _details(self, linked, schema: pa.Schema, again: Again):
        """Read again what the stored signatures leave open, as far as the budget goes."""
        undecided = linked | "FindUndecided" >> Shuffle(
            keys={"rows": ("component",)},
            schemas={"rows": schema},
            partitions=self._partitions(),
            reduce=FindUndecided(self.verifier, self.again_bytes),
            spill=self.spill,
        )
        return again(
            undecided
            | "SpendBudget"
            >> Shuffle(
                keys={"rows": ("content_a",)},
                schemas={"rows": REQUESTS},
                partitions=1,  # the budget is one
                reduce=SpendBudget(self.again_bytes),
                spill=self.spill,
            )
        )


@dataclass
class ResolvePartition:
    """Resolve the components of one partition."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        contents, priorities = blocks["contents"], blocks["priorities"]
        if not contents.num_rows:
            return
        contents = with_priority(contents, priorities)
        if "details" in blocks:
            details = blocks["details"]
            place = pc.index_in(contents.column("content_id"), value_set=details.column("content_id").combine_chunks())
            contents = contents.append_column("detail", details.column("detail").take(place))
        for pairs, members in resolve(contents, self.verifier):
            yield from (block for block in (pairs.cast(PAIRS.schema), members) if block.num_rows)


@dataclass
class FindUndecided:
    """Find the undecided pairs of one partition's components, no more than the whole budget could read."""

    verifier: Verifier
    budget: int

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        if blocks["rows"].num_rows:
            found, left_out = find_undecided(blocks["rows"], self.verifier)
            Metrics.counter("cluster", "undecided_pairs").inc(found.num_rows)
            Metrics.counter("cluster", "undecided_left_out").inc(left_out)
            yield within_budget(found, self.budget, part=True)


@dataclass
class SpendBudget:
    """Choose what is read again, of all partitions' pairs."""

    budget: int

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        found = within_budget(blocks["rows"], self.budget)
        Metrics.counter("cluster", "again_pairs").inc(found.num_rows)
        yield from contents_of(found)


def cluster_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Name the clusters of one partition's objects."""
    if blocks["objects"].num_rows:
        yield cluster_objects(blocks["members"], blocks["objects"]).cast(CLUSTERS.schema)
