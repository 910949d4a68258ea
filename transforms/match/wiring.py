"""Match as Beam transforms: contents in, candidate edges out."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.match.collapse import Rows, collapse
from mirrorfold.transforms.match.join import Join, JoinCounts, Rule, edges_of
from mirrorfold.transforms.match.packing import join_rows, pack, split, unpack
from mirrorfold.transforms.match.plan import Plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KINDS, light_schema, make_light

EDGES = pa.schema([("a", pa.uint64()), ("b", pa.uint64())])
ROWS = pa.schema(
    [("hash", pa.uint64()), ("id", pa.uint64()), *[(f"check{i}", pa.uint64()) for i in range(CHECK_WORDS)]]
)
LIGHT_ROWS_PER_PARTITION = 500_000


class Candidates(NamedTuple):
    """Edges between nodes (see `signatures.node_ids`): the components of the edges hold every candidate pair."""

    edges: beam.PCollection


@dataclass(eq=False)
class Match(beam.PTransform):
    """Search contents for candidates: collapse identical signatures, then join in every table of the plan.

    Args:
      plan: tables with guaranteed recall; rule: what makes a candidate.
      crops: search windows and symmetries too.
      rows: number of contents, which sets the partitions.
      spill: a local folder for the shuffled rows, or None.
    """

    plan: Plan
    rule: Rule
    crops: bool
    rows: int
    spill: str | None = None

    def expand(self, contents):
        crops, kinds = self.crops, KINDS if self.crops else 1
        collapsed = (
            contents
            | "SignRows" >> beam.Map(make_light, crops).with_output_types(pa.Table)
            | "Collapse"
            >> Shuffle(
                keys={"rows": ("phash64",)},
                schemas={"rows": light_schema(kinds)},
                partitions=max(1, -(-self.rows // LIGHT_ROWS_PER_PARTITION)),
                reduce=collapse_partition,
                spill=self.spill,
            )
        )
        partitions = self.plan.partitions(self.rows * kinds)
        joined = (
            collapsed
            | "TakeRows" >> beam.Filter(lambda block: block.schema.names[0] == "hash")
            | "SplitByTable"
            >> beam.ParDo(SplitByTable(self.plan, partitions, self.spill)).with_output_types(tuple[int, bytes])
            | "GatherByTable" >> beam.GroupByKey()
            | "JoinTables" >> beam.ParDo(JoinTable(self.plan, self.rule, partitions)).with_output_types(pa.Table)
        )
        certain = collapsed | "TakeEdges" >> beam.Filter(lambda block: block.schema.names[0] == "a")
        return Candidates(edges=(certain, joined) | "AllEdges" >> beam.Flatten())


def collapse_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Collapse one partition of phash64: a block of searched rows, and one of edges."""
    rows, edges, low = collapse(blocks["rows"])
    Metrics.counter("match", "low_information").inc(len(low))
    Metrics.counter("match", "collapsed").inc(len(edges))
    if len(rows.hashes):
        checks = {f"check{i}": rows.checks[:, i] for i in range(CHECK_WORDS)}
        yield pa.table({"hash": rows.hashes, "id": rows.ids, **checks}, schema=ROWS)
    if len(edges):
        yield edge_block(edges)


def edge_block(edges: np.ndarray) -> pa.Table:
    """Make a block of edges, uint64 (edges, 2)."""
    return pa.table({"a": edges[:, 0], "b": edges[:, 1]}, schema=EDGES)


class SplitByTable(beam.DoFn):
    """Send packed rows to the partition of each table that their key bits name."""

    def __init__(self, plan: Plan, partitions: int, spill: str | None):
        self.plan, self.partitions, self.spill = plan, partitions, spill

    def process(self, block: pa.Table):
        checks = np.stack([block.column(f"check{i}").to_numpy() for i in range(CHECK_WORDS)], axis=1)
        rows = Rows(block.column("hash").to_numpy(), block.column("id").to_numpy(), checks)
        for key, chosen in split(rows, self.plan.masks, self.partitions):
            yield key, self._packed(pack(chosen))

    def _packed(self, data: bytes) -> bytes:
        if self.spill is None:
            return b"\0" + data
        path = os.path.join(self.spill, f"{uuid.uuid4().hex}.rows")
        with open(path, "wb") as file:
            file.write(data)
        return b"\1" + path.encode()


class JoinTable(beam.DoFn):
    """Search one partition of one table; give a spanning forest of its candidates."""

    def __init__(self, plan: Plan, rule: Rule, partitions: int):
        self.plan, self.rule, self.partitions = plan, rule, partitions

    def setup(self):
        # Compile (or load) the kernels before the first bundle's clock runs.
        rows = Rows(np.zeros(2, np.uint64), np.array([0, 32], np.uint64), np.zeros((2, CHECK_WORDS), np.uint64))
        Join(self.plan, self.rule).table(rows, 0)

    def process(self, element):
        key, values = element
        rows = join_rows(self._unpacked(value) for value in values)
        join = Join(self.plan, self.rule)
        edges = edges_of(rows, join.table(rows, key // self.partitions))
        self._count(join.counts)
        if len(edges):
            yield edge_block(edges)

    @staticmethod
    def _unpacked(value: bytes) -> Rows:
        if value[0] == 0:
            return unpack(memoryview(value)[1:], CHECK_WORDS)
        with open(value[1:], "rb") as file:
            return unpack(file.read(), CHECK_WORDS)

    @staticmethod
    def _count(counts: JoinCounts) -> None:
        for name, value in vars(counts).items():
            Metrics.counter("match", name).inc(int(value))
