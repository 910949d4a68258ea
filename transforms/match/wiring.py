"""Match as Beam transforms: contents in, the pairs that met in the search, and their verified edges out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.transforms.blocks import parcels
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.match.compare_all import candidates_among
from mirrorfold.transforms.match.edges import EDGES, MET, TARGET, both_ends, met_again, met_block, met_ids, route
from mirrorfold.transforms.match.groups import Group, group_tables
from mirrorfold.transforms.match.join import Join, Rule
from mirrorfold.transforms.match.kernels import KIND_SHIFT
from mirrorfold.transforms.match.packing import join_rows, pack, split, unpack
from mirrorfold.transforms.match.plan import Plan
from mirrorfold.transforms.match.refetch import DETAILS, contents_of, with_details, within_budget
from mirrorfold.transforms.match.rows import Rows, empty_rows, same_pictures, searched_rows
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KIND_BITS, KINDS, make_light, node_ids
from mirrorfold.transforms.match.verified import REQUESTS, verify_edges
from mirrorfold.transforms.match.verify import Verifier

DIGESTS = pa.schema([("node", pa.uint64()), ("digest", pa.uint64())])
DIGESTS_PER_PARTITION = 4_000_000
CONTENTS_PER_PARTITION = 20_000
FEATURES_PER_PARTITION = 50_000
"""Contents whose features one worker holds to verify edges: 250 MB."""
CHANCE_EDGES = 25e-6
"""Share of all pairs that the search proposes by chance, with crops, among tiles of photographs
(`python -m benchmarks.bench_match_real`). Only the number of partitions hangs on it."""


@dataclass(eq=False)
class Match(beam.PTransform):
    """Search contents for candidates; gives blocks of MET.

    Args:
      plan: tables with guaranteed recall, or None to compare all with all; rule: what makes a candidate.
      crops: search windows and symmetries too.
      rows: number of contents, which sets the partitions.
      spill: a local folder for the shuffled rows, or None.
    """

    plan: Plan | None
    rule: Rule
    crops: bool
    rows: int
    spill: str | None = None

    def expand(self, contents):
        kinds = KINDS if self.crops else 1
        return (
            contents
            | "SignRows" >> beam.Map(make_light, self.crops).with_output_types(pa.Table)
            | "Search" >> Search(self.plan, self.rule, self.rows, kinds, CHECK_WORDS, self.spill)
        )


@dataclass(eq=False)
class Search(beam.PTransform):
    """Find the searched rows that lie within reach of each other; gives blocks of MET.

    Args:
      plan, rule, rows, spill: as in Match.
      kinds: signatures of a row; words: 64-bit words of each one's check.
    """

    plan: Plan | None
    rule: Rule
    rows: int
    kinds: int
    words: int
    spill: str | None = None

    def expand(self, light):
        same = (
            light
            | "TakeDigests" >> beam.Map(_digests).with_output_types(pa.Table)
            | "LinkSamePictures"
            >> Shuffle(
                keys={"rows": ("digest",)},
                schemas={"rows": DIGESTS},
                partitions=max(1, -(-self.rows // DIGESTS_PER_PARTITION)),
                reduce=link_same_pictures,
                spill=self.spill,
            )
        )
        rows = light | "TakeRows" >> beam.Map(_packed_rows, self.words).with_output_types(bytes)
        met = self._compared(rows) if self.plan is None else self._joined(rows, self.plan)
        return (same, met) | "AllMet" >> FlattenBlocks(self.spill)

    def _compared(self, rows):
        return (
            rows
            | "ToOne" >> beam.Map(_to_one, self.spill).with_output_types(tuple[int, bytes])
            | "GatherAll" >> beam.GroupByKey()
            | "CompareAll" >> beam.FlatMap(CompareAll(self.rule, self.words)).with_output_types(pa.Table)
        )

    def _joined(self, rows, plan: Plan):
        partitions = plan.partitions(self.rows * self.kinds)
        groups = group_tables(plan, partitions)
        return (
            rows
            | "SplitByGroup"
            >> beam.ParDo(SplitByGroup(groups, partitions, self.words, self.spill)).with_output_types(tuple[int, bytes])
            | "GatherByGroup" >> beam.GroupByKey()
            | "JoinTables"
            >> beam.ParDo(JoinGroup(plan, self.rule, groups, partitions, self.words, self.spill)).with_output_types(
                pa.Table
            )
        )


def _digests(light: pa.Table) -> pa.Table:
    Metrics.counter("match", "low_information").inc(int(light.column("low").to_numpy().sum()))
    return light.select(DIGESTS.names).filter(pa.array(light.column("digest").to_numpy() != 0))


def link_same_pictures(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Link the contents of one partition of digests that hold the same coded picture."""
    found = same_pictures(blocks["rows"])
    Metrics.counter("match", "same_pictures").inc(len(found))
    if len(found):
        yield met_ids(found << KIND_SHIFT)


def _packed_rows(light: pa.Table, words: int) -> bytes:
    return pack(searched_rows(light))


def _to_one(rows: bytes, spill: str | None) -> tuple[int, bytes]:
    return 0, parcels.pack(rows, spill)


@dataclass
class CompareAll:
    """Compare all rows with all."""

    rule: Rule
    words: int

    def __call__(self, element) -> Iterable[pa.Table]:
        rows = join_rows((unpack(parcels.unpack(value), self.words) for value in element[1]), self.words)
        pairs = candidates_among(rows, self.rule.radius, self.rule.check_limit)
        Metrics.counter("match", "pairs").inc(len(pairs))
        if len(pairs):
            yield met_block(rows, pairs)


class SplitByGroup(beam.DoFn):
    """Send packed rows to the partition of each group of tables that their shared bits name."""

    def __init__(self, groups: tuple[Group, ...], partitions: int, words: int, spill: str | None):
        self.groups, self.partitions, self.words, self.spill = groups, partitions, words, spill

    def process(self, rows: bytes):
        if self.partitions == 1:
            packed = parcels.pack(rows, self.spill)  # the same for every group
            yield from ((group, packed) for group in range(len(self.groups)))
            return
        masks = tuple(group.mask for group in self.groups)
        for key, chosen in split(join_rows([unpack(rows, self.words)], self.words), masks, self.partitions):
            yield key, parcels.pack(pack(chosen), self.spill)


class JoinGroup(beam.DoFn):
    """Search one partition of one group of tables, table by table."""

    def __init__(
        self, plan: Plan, rule: Rule, groups: tuple[Group, ...], partitions: int, words: int, spill: str | None
    ):
        self.plan, self.rule, self.groups, self.partitions = plan, rule, groups, partitions
        self.words, self.spill = words, spill

    def setup(self):
        self.kept: tuple[list[bytes], Rows] = ([], empty_rows(self.words))
        # Compile (or load) the kernels before the first bundle's clock runs.
        two = np.array([0, 1 << KIND_BITS], np.uint64)
        Join(self.plan, self.rule).table(Rows(np.zeros(2, np.uint64), two, np.zeros((2, self.words), np.uint64)), 0)

    def process(self, element):
        key, values = element
        rows = self._rows(list(values))
        join = Join(self.plan, self.rule)
        for table in self.groups[key // self.partitions].tables:
            pairs = join.table(rows, table)
            if len(pairs):
                yield met_block(rows, pairs)
        for name, value in vars(join.counts).items():
            Metrics.counter("match", name).inc(int(value))

    def _rows(self, values: list[bytes]) -> Rows:
        """Unpack rows; where all groups share the same files, those of the group before serve again."""
        files = sorted(values) if self.spill is not None and self.partitions == 1 else []
        if not files or files != self.kept[0]:
            unpacked = (unpack(parcels.unpack(value), self.words) for value in values)
            self.kept = (files, join_rows(unpacked, self.words))
        rows = self.kept[1]
        if not files:
            self.kept = ([], empty_rows(self.words))
        return rows


def verify_partitions(contents: int) -> int:
    """Choose the partitions in which edges are verified: each end of an edge may have come from another one."""
    features = contents * (1 + CHANCE_EDGES * contents / 2)
    return max(1, math.ceil(features / FEATURES_PER_PARTITION))


class Verified(NamedTuple):
    """Blocks of the table `edges`, and of `verified.REQUESTS`."""

    edges: beam.PCollection
    requests: beam.PCollection


@dataclass(eq=False)
class Verify(beam.PTransform):
    """Verify what met in the search, each pair once; takes {"met", "contents"}.

    Args:
      verifier: the rules; schema: of the contents' blocks, which hold the verifier's columns.
      contents: number of contents, which sets the partitions.
      spill: a local folder for shuffled blocks, or None.
    """

    verifier: Verifier
    schema: pa.Schema
    contents: int
    spill: str | None = None

    def expand(self, inputs):
        partitions = verify_partitions(self.contents)
        node = pa.field("node", pa.uint64())
        routed = {
            "met": inputs["met"] | "NameBothEnds" >> beam.Map(both_ends).with_output_types(pa.Table),
            "contents": inputs["contents"] | "NameNodes" >> beam.Map(with_node).with_output_types(pa.Table),
        } | "RouteEdges" >> Shuffle(
            keys={"met": ("node",), "contents": ("node",)},
            schemas={"met": MET.append(node), "contents": self.schema.append(node)},
            partitions=partitions,
            reduce=RouteEdges(partitions),
            outputs=("edges", "contents"),
            spill=self.spill,
        )
        found = {"edges": routed.edges, "contents": routed.contents} | "VerifyEdges" >> Shuffle(
            keys=dict.fromkeys(("edges", "contents"), (TARGET.name,)),
            schemas={"edges": EDGES.append(TARGET), "contents": self.schema.append(node).append(TARGET)},
            partitions=partitions,
            reduce=VerifyPartition(self.verifier),
            outputs=("edges", "requests"),
            spill=self.spill,
        )
        return Verified(found.edges, found.requests)


@dataclass(eq=False)
class Refetch(beam.PTransform):
    """Read again what the stored signatures leave open, as far as a budget goes, and verify it once more.

    Takes {"requests", "contents"}; gives the edges that it settles, and the details that it read.

    Args:
      verify: as for the first verification.
      read: reads contents again, blocks of WANTED to blocks of DETAILS.
      budget: bytes that it may read.
    """

    verify: Verify
    read: Callable[[beam.PCollection], beam.PCollection]
    budget: int

    def expand(self, inputs):
        verify, spill = self.verify, self.verify.spill
        chosen = inputs["requests"] | "SpendBudget" >> Shuffle(
            keys={"rows": ("content_a",)},
            schemas={"rows": REQUESTS},
            partitions=1,  # the budget is one
            reduce=SpendBudget(self.budget),
            outputs=("wanted", "met"),
            spill=spill,
        )
        details = self.read(chosen.wanted)
        detailed = {"contents": inputs["contents"], "details": details} | "JoinDetails" >> Shuffle(
            keys={"contents": ("content_id",), "details": ("content_id",)},
            schemas={"contents": verify.schema, "details": DETAILS},
            partitions=max(1, -(-verify.contents // CONTENTS_PER_PARTITION)),
            reduce=join_details,
            spill=spill,
        )
        again = replace(verify, schema=verify.schema.append(DETAILS.field("detail")))
        found = {"met": chosen.met, "contents": detailed} | "VerifyAgain" >> again
        return found.edges, details


@dataclass
class SpendBudget:
    """Choose what is read again, of all requests."""

    budget: int

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[tuple[str, pa.Table]]:
        requests = blocks["rows"]
        Metrics.counter("match", "undecided_pairs").inc(requests.num_rows)
        found = within_budget(requests, self.budget)
        Metrics.counter("match", "refetched_pairs").inc(found.num_rows)
        if found.num_rows:
            yield from (("wanted", block) for block in contents_of(found))
            yield "met", met_again(found)


def join_details(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Give one partition's contents that were read again, with their detail."""
    if blocks["details"].num_rows:
        yield with_details(blocks["contents"], blocks["details"])


def with_node(contents: pa.Table) -> pa.Table:
    """Append the node of each content."""
    return contents.append_column("node", pa.array(node_ids(contents.column("content_id"))))


@dataclass
class RouteEdges:
    """Send the edges of one partition, and their ends, to where they are verified."""

    partitions: int

    def __call__(self, partition: int, blocks: dict[str, pa.Table]) -> Iterable[tuple[str, pa.Table]]:
        yield from route(blocks["contents"], blocks["met"], partition, self.partitions)


@dataclass
class VerifyPartition:
    """Verify the edges of one partition."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[tuple[str, pa.Table]]:
        edges = blocks["edges"]
        Metrics.counter("match", "edges").inc(edges.num_rows)
        if edges.num_rows:
            for name, block in verify_edges(blocks["contents"], edges, self.verifier):
                Metrics.counter("match", f"verified_{name}").inc(block.num_rows)
                yield name, block
