"""Stars of a family that one worker can't hold, in rounds: the outcome is that of one worker holding it whole.

The star cover by preference is a lexicographically first maximal independent set. A round takes the best contents
left, as many as a worker holds: their stars are final, because nothing preferred to them is unsettled. Every other
content left is compared with the round's masters, in groups, and goes to the best of those that it pairs with. What
is then left goes into the next round, so there are never more rounds than prefixes in the family, and mostly two or
three: a large family is large because many of its contents are alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster.resolve import ITSELF, MEMBERS, bounds_of, pair_row
from mirrorfold.transforms.cluster.stars import Judged, Verifier, stars

STEP_ROWS = 256
FIRST = [(name, "ascending") for name in ("component", "priority", "content_id")]
"""The order in which contents become masters."""
CELL = pa.field("cell", pa.int64())
BOUNDS = pa.schema([("component", pa.uint64()), ("priority", pa.binary()), ("content_id", pa.string())])
"""The last content of a family that a round takes."""
STARS = pa.schema(
    [
        ("cluster_id", pa.string()),
        ("member_id", pa.string()),
        ("component", pa.uint64()),
        *(field.with_nullable(True) for field in PAIRS.schema),
    ]
)
"""A settled content, its master, and their row of `pairs`; a master's own row names itself twice."""


def bounds_of_round(left: pa.Table, rows: int) -> pa.Table:
    """Give the last of the first `rows` contents left of each family, as rows of BOUNDS."""
    left = left.select(BOUNDS.names).sort_by(FIRST).combine_chunks()
    bounds = bounds_of(left.column("component").to_numpy())
    last = [min(start + rows, stop) - 1 for start, stop in itertools.pairwise(bounds)]
    return left.take(pa.array(last, pa.int64())).cast(BOUNDS)


def taken(contents: pa.Table, bounds: pa.Table) -> pa.BooleanArray:
    """Tell which contents a round takes."""
    place = pc.index_in(contents.column("component"), value_set=bounds.column("component").combine_chunks())
    last = bounds.take(place)
    priority = contents.column("priority")
    before = pc.less(priority, last.column("priority"))
    level = pc.equal(priority, last.column("priority"))
    named = pc.less_equal(contents.column("content_id"), last.column("content_id"))
    return pc.or_(before, pc.and_(level, named)).combine_chunks()


def families_of(held: pa.Table) -> pa.Table:
    """Give component, family_id and rows of each family among contents with a component."""
    found = held.group_by("component").aggregate([("content_id", "min"), ("content_id", "count")])
    return pa.table(
        [found.column(name) for name in ("component", "content_id_min", "content_id_count")],
        names=["component", "family_id", "rows"],
    ).sort_by("component")


def groups_of_round(left: pa.Table, rows: int, group_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the families left, uint64, and into how many groups each is dealt once a round has taken `rows` of it."""
    names, sizes = np.unique(left.column("component").to_numpy(), return_counts=True)
    return names, -(-np.maximum(0, sizes - rows) // group_rows)


def deal(
    contents: pa.Table, nodes: np.ndarray, families: tuple[np.ndarray, np.ndarray], *, masters: bool
) -> Iterator[pa.Table]:
    """Give contents the cell in which they are settled; masters go to every cell of their family.

    Args:
      nodes: uint64 (rows,); families: from `groups_of_round`.
    """
    names, groups = families
    place = np.searchsorted(names, contents.column("component").to_numpy())
    before, count = (np.cumsum(groups) - groups)[place], groups[place]
    if not masters:
        yield _with_cell(contents, before + (nodes % np.maximum(count, 1).astype(np.uint64)).astype(np.int64))
        return
    for group in range(int(count.max(initial=0))):
        here = np.flatnonzero(group < count)
        yield _with_cell(contents.take(pa.array(here)), before[here] + group)


def _with_cell(contents: pa.Table, cells: np.ndarray) -> pa.Table:
    return contents.append_column(CELL, pa.array(cells, CELL.type))


def lead(contents: pa.Table, verifier: Verifier) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Find the stars of what a round takes, a family at a time.

    Args:
      contents: columns of `contents`, component and priority; of each family the best contents left.

    Yields:
      (stars, masters): rows of STARS, and the masters' rows of `contents`.
    """
    contents = contents.sort_by([("component", "ascending"), ("content_id", "ascending")])
    for start, stop in itertools.pairwise(bounds_of(contents.column("component").to_numpy())):
        family = contents.slice(start, stop - start).combine_chunks()
        judged = Judged(verifier, verifier.features(family))
        masters = stars(judged, _ranked(family), wide=False)
        chosen = sorted(row for row, master in masters.items() if row == master)
        yield _star_rows(judged, family, masters), family.take(pa.array(chosen))


def settle(masters: pa.Table, rest: pa.Table, verifier: Verifier) -> tuple[pa.Table, pa.Table]:
    """Give contents of one family to the round's masters that they pair with, each to the best of them.

    Returns:
      (stars, left): rows of STARS, and the contents that pair with none.
    """
    cell = pa.concat_tables([masters, rest])
    order = pc.sort_indices(cell.column("content_id")).to_numpy()
    cell, leads = cell.take(pa.array(order)).combine_chunks(), order < len(masters)
    judged = Judged(verifier, verifier.features(cell))
    leaders = (ranked := _ranked(cell))[leads[ranked]]
    rank = np.full(len(cell), len(leaders))
    rank[leaders] = np.arange(len(leaders))
    best = np.full(len(cell), len(leaders))
    for pairs in _between(judged, leaders, np.flatnonzero(~leads), best):
        _claim(judged, pairs, leads, rank, best)
    found = np.flatnonzero(best < len(leaders))
    left = cell.filter(pa.array(~leads & (best == len(leaders))))
    return _star_rows(judged, cell, dict(zip(found.tolist(), leaders[best[found]].tolist(), strict=True))), left


def _ranked(contents: pa.Table) -> np.ndarray:
    return pc.sort_indices(contents, sort_keys=FIRST).to_numpy().astype(np.int64)


def _between(judged: Judged, leaders: np.ndarray, rest: np.ndarray, best: np.ndarray) -> Iterator[np.ndarray]:
    """Give candidates between masters and others in steps, the best masters' first."""
    index = judged.verifier.index(judged.features, np.arange(len(best)))
    sides = np.zeros(len(best), np.int64)
    sides[rest] = 1
    for start in range(0, len(leaders), STEP_ROWS):
        some = leaders[start : start + STEP_ROWS]
        if index is None:
            yield judged.candidates(some, rest[best[rest] == len(leaders)])
        else:
            yield np.unique(index.candidates(some, sides), axis=0)
    if index is not None:
        # It finds a pair from the side whose window or turn it is.
        for start in range(0, len(rest), STEP_ROWS):
            yield np.unique(index.candidates(rest[start : start + STEP_ROWS], sides), axis=0)


def _claim(judged: Judged, pairs: np.ndarray, leads: np.ndarray, rank: np.ndarray, best: np.ndarray) -> None:
    """Give each row the best of the masters that it pairs with, verifying no pair that can't change that."""
    first = leads[pairs[:, 0]]
    leader, member = np.where(first, pairs[:, 0], pairs[:, 1]), np.where(first, pairs[:, 1], pairs[:, 0])
    order = np.lexsort([rank[leader], member])
    pairs, leader, member = pairs[order], leader[order], member[order]
    while len(pairs):
        open_ = rank[leader] < best[member]
        pairs, leader, member = pairs[open_], leader[open_], member[open_]
        turn = np.ones(len(pairs), bool)
        turn[1:] = member[1:] != member[:-1]
        good = np.flatnonzero(turn)[judged.joins(pairs[turn])]
        best[member[good]] = rank[leader[good]]
        pairs, leader, member = pairs[~turn], leader[~turn], member[~turn]


def _star_rows(judged: Judged, contents: pa.Table, masters: dict[int, int]) -> pa.Table:
    ids, component = contents.column("content_id").to_pylist(), contents.column("component")[0].as_py()
    rows = []
    for row, master in sorted(masters.items()):
        a, b = min(row, master), max(row, master)
        found = ITSELF if row == master else judged.known[a, b]
        pair = pair_row(found, ids[a], ids[b], "master", True)
        rows.append(pair | {"cluster_id": ids[master], "member_id": ids[row], "component": component})
    return pa.Table.from_pylist(rows, schema=STARS)


def members_of(settled: pa.Table, families: pa.Table) -> pa.Table:
    """Give the rows of MEMBERS of settled contents.

    Args:
      families: component and family_id.
    """
    place = pc.index_in(settled.column("component"), value_set=families.column("component").combine_chunks())
    found = {name: settled.column(name) for name in MEMBERS.names if name in settled.column_names}
    found |= {"content_id": settled.column("member_id"), "family_id": families.column("family_id").take(place)}
    return pa.table([found[name] for name in MEMBERS.names], schema=MEMBERS)


def pairs_of(settled: pa.Table) -> pa.Table:
    """Give the rows of `pairs` of settled contents and their masters."""
    apart = pc.not_equal(settled.column("member_id"), settled.column("cluster_id"))
    return settled.filter(apart).select(PAIRS.schema.names).cast(PAIRS.schema)
