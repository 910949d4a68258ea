"""A round in Beam: the best contents of large families make stars, and others go to the masters they pair with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteTable, only_with
from mirrorfold.transforms.cluster.rounds import settle
from mirrorfold.transforms.cluster.rounds.held.tables import Held
from mirrorfold.transforms.cluster.stars import Verifier

NodeIds = Callable[[pa.ChunkedArray], np.ndarray]


@dataclass(eq=False)
class Round(beam.PTransform):
    """Settle one round: the best contents left, and those that pair with their masters; applied to a pipeline's root.

    Args:
      number: of the round, from 0.
      left: component, priority and content_id of what is unsettled.
      rows: contents of a family that the round takes; group_rows: those of a group that is compared with its masters.
    """

    held: Held
    verifier: Verifier
    node_ids: NodeIds
    number: int
    left: pa.Table
    rows: int
    group_rows: int
    spill: str | None = None

    def expand(self, root):
        bounds = settle.bounds_of_round(self.left, self.rows)
        families = settle.groups_of_round(self.left, self.rows, self.group_rows)
        schema, cells = self.held.contents_schema, int(families[1].sum())
        contents = root | "ReadLeft" >> ReadTable(self.held.output, self.held.contents(self.number))
        batch, rest = (
            contents | f"Take{name}" >> beam.Map(take, bounds, wanted).with_output_types(pa.Table)
            for name, wanted in (("Batch", True), ("Rest", False))
        )
        led = batch | "Lead" >> Shuffle(
            keys={"rows": ("component",)},
            schemas={"rows": schema},
            partitions=bounds.num_rows,
            reduce=Lead(self.verifier),
            spill=self.spill,
        )
        masters = led | "TakeMasters" >> only_with("content_id")
        found = led | "TakeLed" >> only_with("cluster_id")
        settled = {
            "masters": masters | "DealMasters" >> self._deal(families, masters=True),
            "rest": rest | "DealRest" >> self._deal(families, masters=False),
        } | "Settle" >> Shuffle(
            keys=dict.fromkeys(("masters", "rest"), ("cell",)),
            schemas=dict.fromkeys(("masters", "rest"), schema.append(settle.CELL)),
            partitions=max(1, cells),
            reduce=Settle(self.verifier),
            spill=self.spill,
        )
        others = settled | "TakeLeft" >> only_with("content_id")
        claimed = settled | "TakeClaimed" >> only_with("cluster_id")
        rows = self.left.num_rows
        others | "WriteLeft" >> WriteTable(
            self.held.output, self.held.contents(self.number + 1), rows, spill=self.spill, sparse=True
        )
        (
            (found, claimed)
            | "AllStars" >> FlattenBlocks(self.spill)
            | "WriteStars"
            >> WriteTable(self.held.output, self.held.stars(self.number), rows, spill=self.spill, sparse=True)
        )

    def _deal(self, families: tuple[np.ndarray, np.ndarray], *, masters: bool) -> beam.ParDo:
        return beam.FlatMap(deal, self.node_ids, families, masters).with_output_types(pa.Table)


def take(contents: pa.Table, bounds: pa.Table, wanted: bool) -> pa.Table:
    """Take what a round takes of a block, or all others."""
    inside = settle.taken(contents, bounds)
    return contents.filter(inside if wanted else pc.invert(inside))


def deal(
    contents: pa.Table, node_ids: NodeIds, families: tuple[np.ndarray, np.ndarray], masters: bool
) -> Iterable[pa.Table]:
    """Deal contents to the cells of a round."""
    return settle.deal(contents, node_ids(contents.column("content_id")), families, masters=masters)


@dataclass
class Lead:
    """Find the stars of the families of one partition."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        Metrics.counter("cluster", "rounds").inc()
        if blocks["rows"].num_rows:
            for stars, masters in settle.lead(blocks["rows"], self.verifier):
                yield stars
                yield masters


@dataclass
class Settle:
    """Settle the cells of one partition; there are as many partitions as cells."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        masters, rest = (blocks[name].drop_columns(settle.CELL.name) for name in ("masters", "rest"))
        if rest.num_rows:
            stars, left = settle.settle(masters, rest, self.verifier)
            yield from (block for block in (stars, left) if block.num_rows)
