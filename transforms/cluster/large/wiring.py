"""Large components in Beam: labels in, and out come labels in which each of them has fallen into its families."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import Shuffle, only_with
from mirrorfold.transforms.cluster.labels.wiring import Route, label, sorted_labels
from mirrorfold.transforms.cluster.large import grid
from mirrorfold.transforms.cluster.large.sizes import SIZES, by_size, count_nodes, joined_sizes, sum_large
from mirrorfold.transforms.cluster.stars import WIDE_ROWS, Verifier

COUNTS_PER_PARTITION = 2_000_000
Reread = Callable[[str, beam.PCollection], beam.PCollection]
"""Reads the contents' blocks once more, under a name, where a collection isn't empty."""


class Split(NamedTuple):
    """Blocks of labels, large components' families in their place; rows of `pairs`: misses between those; and blocks of
    SIZES: the families that are too large for one worker."""

    labels: beam.PCollection
    misses: beam.PCollection
    large: beam.PCollection


@dataclass(eq=False)
class SplitLarge(beam.PTransform):
    """Split components that one worker can't hold into families; takes labels, gives `Split`.

    Args:
      verifier, node_ids, schema, reread, contents, spill: as in wiring.Cluster.
      largest: contents that one worker holds; group_rows: those of a group, two of which make a cell.
    """

    verifier: Verifier
    node_ids: Callable[[pa.ChunkedArray], np.ndarray]
    schema: pa.Schema
    reread: Reread
    contents: int
    largest: int
    group_rows: int
    spill: str | None = None

    def expand(self, labels):
        sizes = labels | "NameLarge" >> NameLarge(self.largest, self.contents, self.spill)
        every = beam.pvalue.AsList(sizes)
        small, large = (
            labels | f"Take{name}" >> beam.FlatMap(by_size, every, wanted).with_output_types(pa.Table)
            for name, wanted in (("Small", False), ("Large", True))
        )
        cells = (
            self.reread("ReadLarge", sizes)
            | "RouteLarge" >> beam.ParDo(Route(self.node_ids), beam.pvalue.AsList(large)).with_output_types(pa.Table)
            | "DealToCells"
            >> beam.ParDo(DealToCells(self.node_ids, self.group_rows), every).with_output_types(pa.Table)
        )
        compared = cells | "CompareCells" >> Shuffle(
            keys={"rows": ("cell",)},
            schemas={"rows": pa.schema([*self.schema, grid.COMPONENT, *grid.CELL, grid.GROUP])},
            partitions=grid.cells_of(self.contents, self.group_rows),
            reduce=CompareCells(self.verifier, self.node_ids),
            spill=self.spill,
        )
        edges = compared | "TakeEdges" >> only_with("a")
        families = edges | "LabelFamilies" >> label()
        misses = (
            compared
            | "TakeMisses" >> only_with("content_a")
            | "BetweenFamilies"
            >> beam.ParDo(BetweenFamilies(self.node_ids), beam.pvalue.AsList(families)).with_output_types(pa.Table)
            | "ChooseMisses"
            >> Shuffle(
                keys={"rows": ("component",)},
                schemas={"rows": grid.MISSES},
                partitions=max(1, -(-self.contents // self.largest)),
                reduce=choose_partition,
                spill=self.spill,
            )
        )
        # Masters are laid over the whole of a small family, which no round could do.
        most = max(self.largest, WIDE_ROWS)
        held = families | "NameLargeFamilies" >> NameLarge(most, self.contents, self.spill)
        return Split((small, families) | "AllLabels" >> FlattenBlocks(self.spill), misses, held)


@dataclass(eq=False)
class NameLarge(beam.PTransform):
    """Give the components that hold more than `largest` nodes: blocks of SIZES, none where there are none.

    Args:
      contents: how many there are at most, which sets the partitions.
    """

    largest: int
    contents: int
    spill: str | None = None

    def expand(self, labels):
        return (
            labels
            | "CountNodes" >> beam.Map(count_nodes).with_output_types(pa.Table)
            | "SumNodes"
            >> Shuffle(
                keys={"rows": ("component",)},
                schemas={"rows": SIZES},
                partitions=max(1, -(-self.contents // COUNTS_PER_PARTITION)),
                reduce=TakeLarge(self.largest),
                spill=self.spill,
            )
        )


@dataclass
class TakeLarge:
    """Keep the large ones of one partition's components."""

    largest: int

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        large = sum_large(blocks["rows"], self.largest)
        if large.num_rows:
            yield large


class DealToCells(beam.DoFn):
    """Deal contents of large components to the cells of their grids."""

    def __init__(self, node_ids, group_rows: int):
        self.node_ids, self.group_rows = node_ids, group_rows

    def start_bundle(self):
        self.large = None

    def process(self, block: pa.Table, large: list[pa.Table]):
        if self.large is None:
            self.large = joined_sizes(large)
        Metrics.counter("cluster", "large_components_contents").inc(block.num_rows)
        yield from grid.to_cells(block, self.node_ids(block.column("content_id")), self.large, self.group_rows)


@dataclass
class CompareCells:
    """Compare the cells of one partition; called by the shuffle."""

    verifier: Verifier
    node_ids: Callable[[pa.ChunkedArray], np.ndarray]

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        if blocks["rows"].num_rows:
            yield from grid.compare_cells(blocks["rows"], self.verifier, self.node_ids)


class BetweenFamilies(beam.DoFn):
    """Drop near misses of pictures that turned out to be of one family."""

    def __init__(self, node_ids):
        self.node_ids = node_ids

    def start_bundle(self):
        self.labels: tuple[np.ndarray, np.ndarray] | None = None

    def process(self, block: pa.Table, labels: list[pa.Table]):
        if self.labels is None:
            self.labels = sorted_labels(labels)
        known, families = self.labels

        def family_of(nodes: np.ndarray) -> np.ndarray:
            if not len(known):
                return nodes
            place = np.minimum(np.searchsorted(known, nodes), len(known) - 1)
            return np.where(known[place] == nodes, families[place], nodes)

        found = grid.misses_between_families(block, family_of, self.node_ids)
        if found.num_rows:
            yield found


def choose_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose the near misses of one partition's components."""
    yield from grid.chosen_misses(blocks["rows"])
