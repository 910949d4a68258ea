"""Which components are too large for one worker: counted once, by a reduction that no worker holds whole."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SIZES = pa.schema([("component", pa.uint64()), ("size", pa.int64())])


def count_nodes(labels: pa.Table) -> pa.Table:
    """Count the nodes of each component in a block of labels."""
    names, sizes = np.unique(labels.column("component").to_numpy(), return_counts=True)
    return pa.table({"component": names, "size": sizes}, schema=SIZES)


def sum_large(counts: pa.Table, largest: int) -> pa.Table:
    """Sum the counts of some components, all of each, and keep those of more than `largest` nodes."""
    sums = counts.group_by("component").aggregate([("size", "sum")])
    large = sums.filter(pc.greater(sums.column("size_sum"), largest))
    return pa.table({"component": large.column("component"), "size": large.column("size_sum")}, schema=SIZES)


def joined_sizes(large: list[pa.Table]) -> tuple[np.ndarray, np.ndarray]:
    """Join blocks of SIZES: the components, uint64, ascending, and their sizes."""
    ordered = pa.concat_tables([SIZES.empty_table(), *large]).sort_by("component")
    return ordered.column("component").to_numpy(), ordered.column("size").to_numpy()


def by_size(labels: pa.Table, large: list[pa.Table], wanted: bool) -> Iterable[pa.Table]:
    """Keep the labels of components that are too large, or of all others."""
    inside = np.isin(labels.column("component").to_numpy(), joined_sizes(large)[0]) == wanted
    if inside.any():
        yield labels.filter(pa.array(inside))
