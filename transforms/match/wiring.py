"""Match as Beam transforms: contents in, candidate edges out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.transforms.blocks import parcels
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import Shuffle, only_with
from mirrorfold.transforms.match.block_pairs import compare_blocks
from mirrorfold.transforms.match.collapse import Rows, collapse, empty_rows
from mirrorfold.transforms.match.compare_all import candidates_among
from mirrorfold.transforms.match.join import Join, Rule, edges_of
from mirrorfold.transforms.match.packing import join_rows, pack, pack_blocks, split, unpack, unpack_blocks
from mirrorfold.transforms.match.plan import Plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KIND_BITS, KINDS, light_schema, make_light

EDGES = pa.schema([("a", pa.uint64()), ("b", pa.uint64())])
LIGHT_ROWS_PER_PARTITION = 500_000


@dataclass(eq=False)
class Match(beam.PTransform):
    """Search contents for candidates.

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
        crops, kinds = self.crops, KINDS if self.crops else 1
        return (
            contents
            | "SignRows" >> beam.Map(make_light, crops).with_output_types(pa.Table)
            | "Search" >> Search(self.plan, self.rule, self.rows, kinds, CHECK_WORDS, self.spill)
        )


@dataclass(eq=False)
class Search(beam.PTransform):
    """Collapse identical signatures, then find the candidates among the rest; gives blocks of EDGES.

    The components of the edges hold every candidate pair (nodes as `signatures.node_ids` gives them).

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
        collapsed = light | "Collapse" >> Shuffle(
            keys={"rows": ("phash64",)},
            schemas={"rows": light_schema(self.kinds, self.words)},
            partitions=max(1, -(-self.rows // LIGHT_ROWS_PER_PARTITION)),
            reduce=collapse_partition,
            spill=self.spill,
        )
        rows = collapsed | "TakeRows" >> only_with("hash")
        joined = self._compared(rows) if self.plan is None else self._joined(rows, self.plan)
        certain = collapsed | "TakeEdges" >> only_with("a")
        return (certain, joined) | "AllEdges" >> FlattenBlocks(self.spill)

    def _compared(self, rows):
        names = ("hash", "id", *(f"check{word}" for word in range(self.words)))
        return rows | "CompareAll" >> Shuffle(
            keys={"rows": ("hash",)},
            schemas={"rows": pa.schema([(name, pa.uint64()) for name in names])},
            partitions=1,
            reduce=CompareAll(self.rule),
            spill=self.spill,
        )

    def _joined(self, rows, plan: Plan):
        partitions = plan.partitions(self.rows * self.kinds)
        joined = (
            rows
            | "SplitByTable"
            >> beam.ParDo(SplitByTable(plan, partitions, self.spill)).with_output_types(tuple[int, bytes])
            | "GatherByTable" >> beam.GroupByKey()
            | "JoinTables"
            >> beam.ParDo(JoinTable(plan, self.rule, partitions, self.words, self.spill)).with_outputs(
                "blocks", main="edges"
            )
        )
        split = (
            joined.blocks
            | "SpreadBlocks" >> beam.Reshuffle()
            | "CompareBlocks" >> beam.ParDo(CompareBlocks(self.rule, self.words)).with_output_types(pa.Table)
        )
        return (joined.edges, split) | "TableEdges" >> FlattenBlocks(self.spill)


def collapse_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Collapse one partition of phash64: a block of searched rows, and one of edges."""
    if not blocks["rows"].num_rows:
        return
    rows, edges, low = collapse(blocks["rows"])
    Metrics.counter("match", "low_information").inc(len(low))
    Metrics.counter("match", "collapsed").inc(len(edges))
    if len(rows.hashes):
        checks = {f"check{i}": rows.checks[:, i] for i in range(rows.checks.shape[1])}
        yield pa.table({"hash": rows.hashes, "id": rows.ids, **checks})
    if len(edges):
        yield edge_block(edges)


def edge_block(edges: np.ndarray) -> pa.Table:
    """Make a block of edges, uint64 (edges, 2)."""
    return pa.table({"a": edges[:, 0], "b": edges[:, 1]}, schema=EDGES)


@dataclass
class CompareAll:
    """Compare all rows with all; called by the shuffle."""

    rule: Rule

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        edges = candidates_among(_unpacked_rows(blocks["rows"]), self.rule.radius, self.rule.check_limit)
        Metrics.counter("match", "pairs").inc(len(edges))
        if len(edges):
            yield edge_block(edges)


def _unpacked_rows(block: pa.Table) -> Rows:
    checks = np.empty((block.num_rows, block.num_columns - 2), np.uint64)
    for word in range(checks.shape[1]):
        checks[:, word] = block.column(f"check{word}").to_numpy()
    return Rows(block.column("hash").to_numpy(), block.column("id").to_numpy(), checks)


class SplitByTable(beam.DoFn):
    """Send packed rows to the partition of each table that their key bits name."""

    def __init__(self, plan: Plan, partitions: int, spill: str | None):
        self.plan, self.partitions, self.spill = plan, partitions, spill

    def process(self, block: pa.Table):
        rows = join_rows([_unpacked_rows(block)])
        if self.partitions == 1:
            packed = parcels.pack(pack(rows), self.spill)  # the same for every table
            yield from ((table, packed) for table in range(self.plan.tables))
            return
        for key, chosen in split(rows, self.plan.masks, self.partitions):
            yield key, parcels.pack(pack(chosen), self.spill)


class JoinTable(beam.DoFn):
    """Search one partition of one table; give a spanning forest of its candidates."""

    def __init__(self, plan: Plan, rule: Rule, partitions: int, words: int, spill: str | None):
        self.plan, self.rule, self.partitions, self.words, self.spill = plan, rule, partitions, words, spill

    def setup(self):
        self.held: tuple[list[bytes], Rows] = ([], empty_rows(self.words))
        # Compile (or load) the kernels before the first bundle's clock runs.
        two = np.array([0, 1 << KIND_BITS], np.uint64)
        Join(self.plan, self.rule).table(Rows(np.zeros(2, np.uint64), two, np.zeros((2, self.words), np.uint64)), 0)

    def process(self, element):
        key, values = element
        rows = self._rows(list(values))
        join = Join(self.plan, self.rule, spread=True)
        edges = edges_of(rows, join.table(rows, key // self.partitions))
        for bucket in join.left:
            for pair in join.split(*bucket):
                yield beam.pvalue.TaggedOutput("blocks", parcels.pack(pack_blocks(pair), self.spill))
        for name, value in vars(join.counts).items():
            Metrics.counter("match", name).inc(int(value))
        if len(edges):
            yield edge_block(edges)

    def _rows(self, values: list[bytes]) -> Rows:
        """Unpack rows; where all tables share the same files, those of the table before serve again."""
        files = sorted(values) if self.spill is not None and self.partitions == 1 else []
        if not files or files != self.held[0]:
            self.held = (files, join_rows((_unpacked(value, self.words) for value in values), self.words))
        rows = self.held[1]
        if not files:
            self.held = ([], empty_rows(self.words))
        return rows


class CompareBlocks(beam.DoFn):
    """Compare one pair of blocks of a bucket that no banding made small."""

    def __init__(self, rule: Rule, words: int):
        self.rule, self.words = rule, words

    def process(self, value: bytes):
        pair = unpack_blocks(parcels.unpack(value), self.words)
        found = compare_blocks(pair, self.rule.radius, self.rule.check_limit, self.rule.forest)
        Metrics.counter("match", "pairs").inc(len(found))
        if len(found):
            yield edge_block(edges_of(pair.rows, found))


def _unpacked(value: bytes, words: int) -> Rows:
    return unpack(parcels.unpack(value), words)
