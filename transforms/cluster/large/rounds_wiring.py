"""Families that one worker can't hold, in Beam: held back, settled in rounds (a pipeline each), and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteTable
from mirrorfold.transforms.cluster.labels.wiring import Route
from mirrorfold.transforms.cluster.large import grid, nearest, rounds
from mirrorfold.transforms.cluster.large.held import Held
from mirrorfold.transforms.cluster.large.sizes import by_size
from mirrorfold.transforms.cluster.large.wiring import Reread, Split
from mirrorfold.transforms.cluster.stars import Verifier

NodeIds = Callable[[pa.ChunkedArray], np.ndarray]
LAST = b"\xff" * 8
"""Priority of a content that no listed object holds any more."""


class Settled(NamedTuple):
    """What the rounds left under DIR.

    Attributes:
      rounds: how many there were.
      families: component, family_id and rows of each large family.
    """

    rounds: int
    families: pa.Table


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
            schemas={"contents": self.held.schema.append(grid.COMPONENT), "priorities": PREFERRED},
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


PREFERRED = pa.schema([("content_id", pa.string()), ("priority", pa.binary()), grid.COMPONENT])


def held_by_size(labels: pa.Table, large: list[pa.Table], wanted: bool) -> Iterable[pa.Table]:
    """Keep the labels of families that are too large, or of all others; none where no family is."""
    return by_size(labels, large, wanted) if large else ()


def where_any(block: pa.Table, large: list[pa.Table]) -> Iterable[pa.Table]:
    """Keep a block where a family is too large."""
    return (block,) if large else ()


def where_none(block: pa.Table, large: list[pa.Table]) -> Iterable[pa.Table]:
    """Keep a block where no family is too large."""
    return () if large else (block,)


def with_priority(contents: pa.Table, priorities: pa.Table) -> pa.Table:
    """Append the priority of each content."""
    place = pc.index_in(contents.column("content_id"), value_set=priorities.column("content_id").combine_chunks())
    return contents.append_column("priority", pc.fill_null(priorities.column("priority").take(place), LAST))


def rank_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Bring the contents and priorities of one partition together."""
    if blocks["contents"].num_rows:
        yield with_priority(blocks["contents"], blocks["priorities"])


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
        bounds = rounds.bounds_of_round(self.left, self.rows)
        families = rounds.groups_of_round(self.left, self.rows, self.group_rows)
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
        masters = led | "TakeMasters" >> beam.Filter(lambda block: block.schema.names[0] == "content_id")
        found = led | "TakeLed" >> beam.Filter(lambda block: block.schema.names[0] == "cluster_id")
        settled = {
            "masters": masters | "DealMasters" >> self._deal(families, masters=True),
            "rest": rest | "DealRest" >> self._deal(families, masters=False),
        } | "Settle" >> Shuffle(
            keys=dict.fromkeys(("masters", "rest"), ("cell",)),
            schemas=dict.fromkeys(("masters", "rest"), schema.append(rounds.CELL)),
            partitions=max(1, cells),
            reduce=Settle(self.verifier),
            spill=self.spill,
        )
        others = settled | "TakeLeft" >> beam.Filter(lambda block: block.schema.names[0] == "content_id")
        claimed = settled | "TakeClaimed" >> beam.Filter(lambda block: block.schema.names[0] == "cluster_id")
        rows = self.left.num_rows
        others | "WriteLeft" >> WriteTable(
            self.held.output, self.held.contents(self.number + 1), rows, spill=self.spill, sparse=True
        )
        (
            (found, claimed)
            | "AllStars" >> beam.Flatten()
            | "WriteStars"
            >> WriteTable(self.held.output, self.held.stars(self.number), rows, spill=self.spill, sparse=True)
        )

    def _deal(self, families: tuple[np.ndarray, np.ndarray], *, masters: bool) -> beam.ParDo:
        return beam.FlatMap(deal, self.node_ids, families, masters).with_output_types(pa.Table)


def take(contents: pa.Table, bounds: pa.Table, wanted: bool) -> pa.Table:
    """Take what a round takes of a block, or all others."""
    inside = rounds.taken(contents, bounds)
    return contents.filter(inside if wanted else pc.invert(inside))


def deal(
    contents: pa.Table, node_ids: NodeIds, families: tuple[np.ndarray, np.ndarray], masters: bool
) -> Iterable[pa.Table]:
    """Deal contents to the cells of a round."""
    return rounds.deal(contents, node_ids(contents.column("content_id")), families, masters=masters)


@dataclass
class Lead:
    """Find the stars of the families of one partition."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        Metrics.counter("cluster", "rounds").inc()
        if blocks["rows"].num_rows:
            for stars, masters in rounds.lead(blocks["rows"], self.verifier):
                yield stars
                yield masters


@dataclass
class Settle:
    """Settle the cells of one partition; there are as many partitions as cells."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        masters, rest = (blocks[name].drop_columns(rounds.CELL.name) for name in ("masters", "rest"))
        if rest.num_rows:
            stars, left = rounds.settle(masters, rest, self.verifier)
            yield from (block for block in (stars, left) if block.num_rows)


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
        stars = [
            root | f"ReadStars{number}" >> ReadTable(self.held.output, self.held.stars(number))
            for number in range(self.settled.rounds)
        ] | "AllStars" >> beam.Flatten()
        large = tuple(families.column(name).to_numpy() for name in ("component", "rows"))
        node_ids, group_rows = self.node_ids, self.group_rows
        cells = (
            {
                "contents": root | "ReadHeld" >> ReadTable(self.held.output, self.held.contents(0)),
                "stars": stars,
            }
            | "NameMasters"
            >> Shuffle(
                keys={"contents": ("content_id",), "stars": ("member_id",)},
                schemas={"contents": self.held.contents_schema, "stars": rounds.STARS},
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
            cells
            | "TryCells"
            >> Shuffle(
                keys={"rows": ("cell",)},
                schemas={"rows": pa.schema([*self.held.schema, grid.COMPONENT, MASTER, *grid.CELL, grid.GROUP])},
                partitions=int((groups * (groups + 1) // 2).sum()),
                reduce=TryCells(self.verifier),
                spill=self.spill,
            )
            | "ChooseNearest" >> self._by(("owner",), nearest.TRIES, rows, choose_nearest)
            # The nearest of one may be the nearest of the other as well.
            | "DistinctPairs" >> self._by(PAIRS.shard_key, PAIRS.schema, rows, distinct_pairs)
        )
        pairs = stars | "PairsOfStars" >> beam.Map(rounds.pairs_of).with_output_types(pa.Table)
        members = stars | "MembersOfStars" >> beam.Map(rounds.members_of, families).with_output_types(pa.Table)
        return (pairs, near) | "PairsOfLarge" >> beam.Flatten(), members

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
        yield from (block for block in nearest.try_cells(blocks["rows"], self.verifier) if block.num_rows)


def choose_nearest(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose the nearest of each content of one partition."""
    yield nearest.chosen(blocks["rows"])


def distinct_pairs(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Keep each pair once."""
    yield ipc.distinct_rows(ipc.sort_rows(blocks["rows"], PAIRS.order).combine_chunks(), PAIRS.order)
