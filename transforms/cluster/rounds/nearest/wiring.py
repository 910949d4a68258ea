"""Taking up in Beam what the rounds settled, with each content's nearest neighbour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle
from mirrorfold.transforms.cluster.large import grid
from mirrorfold.transforms.cluster.rounds import settle
from mirrorfold.transforms.cluster.rounds.held.tables import Held
from mirrorfold.transforms.cluster.rounds.nearest import cells
from mirrorfold.transforms.cluster.stars import Verifier

NodeIds = Callable[[pa.ChunkedArray], np.ndarray]


class Settled(NamedTuple):
    """What the rounds left under DIR.

    Attributes:
      rounds: how many there were.
      families: component, family_id and rows of each large family.
    """

    rounds: int
    families: pa.Table


@dataclass(eq=False)
class TakeUp(beam.PTransform):
    """Give what the rounds settled, with each content's nearest neighbour; applied to a pipeline's root.

    Gives blocks of (pairs, members).
    """

    held: Held
    verifier: Verifier
    node_ids: NodeIds
    settled: Settled
    group_rows: int
    spill: str | None = None

    def expand(self, root):
        families, rows = self.settled.families, sum(self.settled.families.column("rows").to_pylist())
        stars = tuple(
            root | f"ReadStars{number}" >> ReadTable(self.held.output, self.held.stars(number))
            for number in range(self.settled.rounds)
        ) | "AllStars" >> FlattenBlocks(self.spill)
        large = tuple(families.column(name).to_numpy() for name in ("component", "rows"))
        node_ids, group_rows = self.node_ids, self.group_rows
        dealt = (
            {
                "contents": root | "ReadHeld" >> ReadTable(self.held.output, self.held.contents(0)),
                "stars": stars,
            }
            | "NameMasters"
            >> Shuffle(
                keys={"contents": ("content_id",), "stars": ("member_id",)},
                schemas={"contents": self.held.contents_schema, "stars": settle.STARS},
                partitions=self.held.contents(0).shards(rows),
                reduce=name_masters,
                spill=self.spill,
            )
            | "DealToCells"
            >> beam.FlatMap(
                lambda block: grid.to_cells(block, node_ids(block.column("content_id")), large, group_rows)
            ).with_output_types(pa.Table)
        )
        groups = -(-large[1] // group_rows)
        near = (
            dealt
            | "TryCells"
            >> Shuffle(
                keys={"rows": ("cell",)},
                schemas={"rows": pa.schema([*self.held.schema, grid.COMPONENT, MASTER, *grid.CELL, grid.GROUP])},
                partitions=int((groups * (groups + 1) // 2).sum()),
                reduce=TryCells(self.verifier),
                spill=self.spill,
            )
            | "ChooseNearest" >> self._by(("owner",), cells.TRIES, rows, choose_nearest)
            # The nearest of one may be the nearest of the other as well.
            | "DistinctPairs" >> self._by(PAIRS.shard_key, PAIRS.schema, rows, distinct_pairs)
        )
        pairs = stars | "PairsOfStars" >> beam.Map(settle.pairs_of).with_output_types(pa.Table)
        members = stars | "MembersOfStars" >> beam.Map(settle.members_of, families).with_output_types(pa.Table)
        return (pairs, near) | "PairsOfLarge" >> FlattenBlocks(self.spill), members

    def _by(self, key: tuple[str, ...], schema: pa.Schema, rows: int, reduce: Callable) -> Shuffle:
        partitions = PAIRS.shards(rows)
        return Shuffle({"rows": key}, {"rows": schema}, partitions, reduce, spill=self.spill)


MASTER = pa.field("cluster_id", pa.string())


def name_masters(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Name the master of each content of one partition."""
    contents, stars = blocks["contents"], blocks["stars"]
    if contents.num_rows:
        place = pc.index_in(contents.column("content_id"), value_set=stars.column("member_id").combine_chunks())
        yield contents.drop_columns("priority").append_column(MASTER, stars.column("cluster_id").take(place))


@dataclass
class TryCells:
    """Try the nearest pairs of one partition's cells."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        yield from (block for block in cells.try_cells(blocks["rows"], self.verifier) if block.num_rows)


def choose_nearest(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose the nearest of each content of one partition."""
    yield cells.chosen(blocks["rows"])


def distinct_pairs(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Keep each pair once."""
    yield ipc.distinct_rows(ipc.sort_rows(blocks["rows"], PAIRS.order).combine_chunks(), PAIRS.order)
