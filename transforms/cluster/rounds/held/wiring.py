"""Holding back in Beam: where a family is too large, everything waits under DIR and nothing is resolved yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.transforms.blocks.wiring import Shuffle, WriteTable
from mirrorfold.transforms.cluster.labels.wiring import Route
from mirrorfold.transforms.cluster.large.sizes import by_size
from mirrorfold.transforms.cluster.large.wiring import Reread, Split
from mirrorfold.transforms.cluster.rounds.held.tables import PREFERRED, Held, with_priority

NodeIds = Callable[[pa.ChunkedArray], np.ndarray]


@dataclass(eq=False)
class HoldBack(beam.PTransform):
    """Where a family is too large, write everything under DIR and resolve nothing; takes (Split, preferred).

    Gives the labels to resolve now: all of them, or none. Families that fit are held back too, so that contents are
    fetched again, within the budget, by one pipeline only.
    """

    held: Held
    node_ids: NodeIds
    reread: Reread
    contents: int
    spill: str | None = None

    def expand(self, inputs: tuple[Split, beam.PCollection]):
        split, preferred = inputs
        every = beam.pvalue.AsList(split.large)
        small, large = (
            split.labels | f"Hold{name}" >> beam.FlatMap(held_by_size, every, wanted).with_output_types(pa.Table)
            for name, wanted in (("Small", False), ("Large", True))
        )
        route = beam.ParDo(Route(self.node_ids), beam.pvalue.AsList(large))
        ranked = {
            "contents": self.reread("ReadHeld", split.large) | "RouteHeld" >> route.with_output_types(pa.Table),
            "priorities": preferred | "RouteHeldPriorities" >> route.with_output_types(pa.Table),
        } | "RankHeld" >> Shuffle(
            keys=dict.fromkeys(("contents", "priorities"), ("content_id",)),
            schemas={"contents": self.held.schema.append(PREFERRED.field("component")), "priorities": PREFERRED},
            partitions=self.held.contents(0).shards(self.contents),
            reduce=rank_partition,
            spill=self.spill,
        )
        misses = split.misses | "HoldMisses" >> beam.FlatMap(where_any, every).with_output_types(pa.Table)
        for name, table, blocks in (
            ("Contents", self.held.contents(0), ranked),
            ("Labels", self.held.labels, small),
            ("Misses", self.held.misses, misses),
        ):
            blocks | f"WriteHeld{name}" >> WriteTable(
                self.held.output, table, self.contents, spill=self.spill, sparse=True
            )
        return split.labels | "LabelsToResolve" >> beam.FlatMap(where_none, every).with_output_types(pa.Table)


def held_by_size(labels: pa.Table, large: list[pa.Table], wanted: bool) -> Iterable[pa.Table]:
    """Keep the labels of families that are too large, or of all others; none where no family is."""
    return by_size(labels, large, wanted) if large else ()


def where_any(block: pa.Table, large: list[pa.Table]) -> Iterable[pa.Table]:
    """Keep a block where a family is too large."""
    return (block,) if large else ()


def where_none(block: pa.Table, large: list[pa.Table]) -> Iterable[pa.Table]:
    """Keep a block where no family is too large."""
    return () if large else (block,)


def rank_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Bring the contents and priorities of one partition together."""
    if blocks["contents"].num_rows:
        yield with_priority(blocks["contents"], blocks["priorities"])
