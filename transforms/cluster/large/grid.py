"""Components that one worker can't hold: their pairs are verified by cells of a grid, and fall into families.

Chance candidates link most pictures of a large archive into one component, while its families, the components of
*verified* pairs, stay small. The contents of such a component are dealt to groups, and every pair of groups is a cell
that some worker compares. What the cells find makes the families, which are resolved as components of their own. The
outcome is that of one worker holding the whole component.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster.components import Forest
from mirrorfold.transforms.cluster.resolve import choose_misses, pair_row
from mirrorfold.transforms.cluster.stars import Judged, Verifier, unite_lazily

LARGEST_COMPONENT = 100_000
"""Contents that one worker resolves: some 1 GB of lumas and features."""
GROUP_ROWS = 50_000
STEP_ROWS = 256

CELL = (pa.field("cell", pa.int64()), pa.field("first", pa.int32()), pa.field("second", pa.int32()))
"""Columns that are added to a content: a number of its cell, which picks the partition, and the cell's two groups."""
GROUP = pa.field("group", pa.int32())
COMPONENT = pa.field("component", pa.uint64())
EDGES = pa.schema([("a", pa.uint64()), ("b", pa.uint64())])
MISSES = PAIRS.schema.append(COMPONENT)
"""Near misses of a component: rows of `pairs` to choose from."""


def cells_of(contents: int, group_rows: int) -> int:
    """Give a number of partitions that keeps the cells of one component apart."""
    groups = -(-contents // group_rows)
    return groups * (groups + 1) // 2


def to_cells(
    contents: pa.Table, nodes: np.ndarray, large: tuple[np.ndarray, np.ndarray], group_rows: int
) -> Iterator[pa.Table]:
    """Give contents of large components once for each group that theirs is compared with.

    Args:
      contents: has the column `component`; nodes: uint64 (rows,).
      large: components, uint64, ascending, and their sizes.
    """
    names, sizes = large
    groups = -(-sizes // group_rows)
    rank = np.searchsorted(names, contents.column("component").to_numpy())
    count = groups[rank]
    group = (nodes % count.astype(np.uint64)).astype(np.int64)
    cells_before = np.concatenate(([0], np.cumsum(groups * (groups + 1) // 2)))[:-1]
    for other in range(int(count.max(initial=0))):
        here = np.flatnonzero(other < count)
        first, second = np.minimum(group[here], other), np.maximum(group[here], other)
        cell = cells_before[rank[here]] + first * count[here] - first * (first - 1) // 2 + second - first
        rows = contents.take(pa.array(here))
        for field, values in zip((*CELL, GROUP), (cell, first, second, group[here]), strict=True):
            rows = rows.append_column(field, pa.array(values, field.type))
        yield rows


def compare_cells(rows: pa.Table, verifier: Verifier, node_ids: Callable) -> Iterator[pa.Table]:
    """Compare the cells of one partition: blocks of EDGES that hold families together, and of MISSES."""
    rows = rows.sort_by([(name, "ascending") for name in ("component", "cell", "content_id")])
    keys = np.stack([rows.column(name).to_numpy().astype(np.uint64) for name in ("component", "cell")], axis=1)
    bounds = [0, *(np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist(), len(keys)]
    for start, stop in itertools.pairwise(bounds):
        yield from _compare(rows.slice(start, stop - start).combine_chunks(), verifier, node_ids)


def _compare(cell: pa.Table, verifier: Verifier, node_ids: Callable) -> Iterator[pa.Table]:
    count, component = cell.num_rows, cell.column("component")[0]
    alone = cell.column("first")[0].as_py() == cell.column("second")[0].as_py()
    # Rows of one side are compared in the cell of that group alone.
    sides = np.arange(count) if alone else cell.column("group").to_numpy().astype(np.int64)
    judged, rows, forest = Judged(verifier, verifier.features(cell)), np.arange(count), Forest(count)
    index = verifier.index(judged.features, rows)
    for start in range(0, count, STEP_ROWS):
        some = rows[start : start + STEP_ROWS]
        if index is not None:
            pairs = np.unique(index.candidates(some, sides), axis=0)
        else:
            pairs = judged.candidates(some, rows[start + 1 :], sides)
        unite_lazily(judged, forest, rows, pairs)
    labels, nodes = forest.labels(), node_ids(cell.column("content_id"))
    linked = np.flatnonzero(labels != rows)
    if len(linked):
        yield pa.table({"a": nodes[linked], "b": nodes[labels[linked]]}, schema=EDGES)
    if judged.misses:
        ids = cell.column("content_id")
        found = [
            pair_row(judged.known[a, b], ids[a].as_py(), ids[b].as_py(), "near-miss", False)
            | {"component": component.as_py()}
            for a, b in judged.misses
        ]
        yield pa.Table.from_pylist(found, schema=MISSES)


def misses_between_families(misses: pa.Table, families: Callable[[np.ndarray], np.ndarray], node_ids: Callable):
    """Keep the misses whose two contents are of different families; `families` names each node's, itself if none."""
    one, other = (families(node_ids(misses.column(name))) for name in ("content_a", "content_b"))
    return misses.filter(pa.array(one != other))


def chosen_misses(misses: pa.Table) -> Iterable[pa.Table]:
    """Choose the near misses worth a row among all of some components': rows of `pairs`."""
    found: dict[int, dict[tuple[str, str], dict]] = {}
    for row in misses.to_pylist():
        found.setdefault(row.pop("component"), {})[row["content_a"], row["content_b"]] = row
    rows = [known[key] for _, known in sorted(found.items()) for key in choose_misses(known, known)]
    if rows:
        yield pa.Table.from_pylist(rows, schema=PAIRS.schema)
