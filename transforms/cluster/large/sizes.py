"""Which components are too large for one worker: counted once, by a reduction that no worker holds whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.blocks.wiring import Shuffle

SIZES = pa.schema([("component", pa.uint64()), ("size", pa.int64())])
CONTENTS_PER_PARTITION = 2_000_000


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
                partitions=max(1, -(-self.contents // CONTENTS_PER_PARTITION)),
                reduce=TakeLarge(self.largest),
                spill=self.spill,
            )
        )


def count_nodes(labels: pa.Table) -> pa.Table:
    """Count the nodes of each component in a block of labels."""
    names, sizes = np.unique(labels.column("component").to_numpy(), return_counts=True)
    return pa.table({"component": names, "size": sizes}, schema=SIZES)


@dataclass
class TakeLarge:
    """Sum the counts of one partition's components and keep the large ones."""

    largest: int

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        sums = blocks["rows"].group_by("component").aggregate([("size", "sum")])
        large = sums.filter(pc.greater(sums.column("size_sum"), self.largest))
        if large.num_rows:
            yield pa.table({"component": large.column("component"), "size": large.column("size_sum")}, schema=SIZES)


def joined_sizes(large: list[pa.Table]) -> tuple[np.ndarray, np.ndarray]:
    """Join blocks of SIZES: the components, uint64, ascending, and their sizes."""
    ordered = pa.concat_tables([SIZES.empty_table(), *large]).sort_by("component")
    return ordered.column("component").to_numpy(), ordered.column("size").to_numpy()


def by_size(labels: pa.Table, large: list[pa.Table], wanted: bool) -> Iterable[pa.Table]:
    """Keep the labels of components that are too large, or of all others."""
    inside = np.isin(labels.column("component").to_numpy(), joined_sizes(large)[0]) == wanted
    if inside.any():
        yield labels.filter(pa.array(inside))
