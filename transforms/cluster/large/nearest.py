"""The nearest neighbour of each content of a family, by the cells of its grid.

A cell tries, for each of its contents, the nearest of the other side until one verifies. The tries of all cells, taken
together and in order, begin with those that one worker would have made, so the choice among them is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster.resolve import NEAREST_TRIES, pair_row
from mirrorfold.transforms.cluster.stars import Judged, Verifier

STEP_ROWS = 64
"""Every row may be a candidate of every other: 64 rows against 100,000 are 100 MB of pairs."""
CHUNK_PAIRS = 1_000_000
FARTHEST = np.iinfo(np.int64).max
TRIES = pa.schema(
    [
        ("owner", pa.string()),
        ("other", pa.string()),
        ("near", pa.int64()),
        ("verifies", pa.bool_()),
        ("star", pa.bool_()),
        *(field.with_nullable(True) for field in PAIRS.schema),
    ]
)
"""A pair that was tried for `owner`: its nearness in bits, and whether it is one of a content and its master."""


def nearest_candidates(judged: Judged, rows: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the nearest candidates of each row among the others, by nearness, then by row.

    Args:
      rows: ascending rows of the features.
      sides: int64 for every row of the features; rows of an equal side aren't compared.

    Returns:
      (others, near), int64 (rows, NEAREST_TRIES); -1 and FARTHEST where there are fewer.
    """
    others = np.full((len(rows), NEAREST_TRIES), -1, np.int64)
    near = np.full((len(rows), NEAREST_TRIES), FARTHEST, np.int64)
    index = judged.verifier.index(judged.features, rows)
    for start in range(0, len(rows), STEP_ROWS):
        some = rows[start : start + STEP_ROWS]
        if index is None:
            found = judged.candidates(some, rows[start + 1 :], sides)
        else:
            found = np.unique(index.candidates(some, sides), axis=0)
        for first in range(0, len(found), CHUNK_PAIRS):
            pairs = found[first : first + CHUNK_PAIRS]
            _keep_nearest(np.searchsorted(rows, pairs), judged.verifier.nearness(judged.features, pairs), others, near)
    return np.where(others >= 0, rows[others], -1), near


def _keep_nearest(pairs: np.ndarray, distance: np.ndarray, others: np.ndarray, near: np.ndarray) -> None:
    """Merge pairs of places into what is kept of each."""
    place, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    distance = np.tile(distance, 2)
    worth = distance <= near[place, -1]
    place, other, distance = place[worth], other[worth], distance[worth]
    touched = np.unique(place)
    place = np.concatenate([place, np.repeat(touched, NEAREST_TRIES)])
    other = np.concatenate([other, others[touched].ravel()])
    distance = np.concatenate([distance, near[touched].ravel()])
    order = np.lexsort([other, distance, place])
    place, other, distance = place[order], other[order], distance[order]
    # An index may find a pair from either side.
    again = np.zeros(len(place), bool)
    again[1:] = (place[1:] == place[:-1]) & (other[1:] == other[:-1]) & (other[1:] >= 0)
    place, other, distance = place[~again], other[~again], distance[~again]
    first = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1]))) if len(place) else np.empty(0, np.int64)
    rank = np.arange(len(place)) - np.repeat(first, np.diff(np.append(first, len(place))))
    kept = rank < NEAREST_TRIES
    others[place[kept], rank[kept]], near[place[kept], rank[kept]] = other[kept], distance[kept]


def first_verified(judged: Judged, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Give at which try each row's pair verifies first, int64; NEAREST_TRIES where none does."""
    found = np.full(len(rows), NEAREST_TRIES)
    for turn in range(NEAREST_TRIES):
        open_ = np.flatnonzero((found == NEAREST_TRIES) & (others[:, turn] >= 0))
        if not len(open_):
            break
        good = judged.joins(np.sort(np.stack([rows[open_], others[open_, turn]], axis=1), axis=1))
        found[open_[good]] = turn
    return found


def try_cells(cells: pa.Table, verifier: Verifier) -> Iterator[pa.Table]:
    """Try the nearest pairs of the cells of one partition: blocks of TRIES.

    Args:
      cells: as `grid.to_cells` gives them, with the column cluster_id.
    """
    cells = cells.sort_by([(name, "ascending") for name in ("component", "cell", "content_id")])
    keys = np.stack([cells.column(name).to_numpy().astype(np.uint64) for name in ("component", "cell")], axis=1)
    bounds = [0, *(np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist(), len(keys)]
    for start, stop in itertools.pairwise(bounds):
        if stop > start:
            yield _try(cells.slice(start, stop - start).combine_chunks(), verifier)


def _try(cell: pa.Table, verifier: Verifier) -> pa.Table:
    count, rows = cell.num_rows, np.arange(cell.num_rows)
    alone = cell.column("first")[0].as_py() == cell.column("second")[0].as_py()
    sides = rows if alone else cell.column("group").to_numpy().astype(np.int64)
    judged = Judged(verifier, verifier.features(cell))
    others, near = nearest_candidates(judged, rows, sides)
    verified = first_verified(judged, rows, others)
    ids, masters = (cell.column(name).to_pylist() for name in ("content_id", "cluster_id"))
    found = []
    for row in range(count):
        for turn in range(min(int(verified[row]) + 1, NEAREST_TRIES)):
            if (other := int(others[row, turn])) < 0:
                break
            a, b = min(row, other), max(row, other)
            pair = pair_row(judged.known[a, b], ids[a], ids[b], "nearest", masters[a] == masters[b])
            star = masters[row] == ids[other] or masters[other] == ids[row]
            known = {"owner": ids[row], "other": ids[other], "near": int(near[row, turn])}
            found.append(pair | known | {"verifies": turn == verified[row], "star": star})
    return pa.Table.from_pylist(found, schema=TRIES)


def chosen(tries: pa.Table) -> pa.Table:
    """Choose each content's nearest among the tries of all cells: rows of `pairs`, without those of stars."""
    tries = tries.sort_by([(name, "ascending") for name in ("owner", "near", "other")]).combine_chunks()
    owner = pc.dictionary_encode(tries.column("owner")).combine_chunks().indices.to_numpy()
    first = np.searchsorted(owner, owner)
    verifies = tries.column("verifies").to_numpy()
    among = verifies & (np.arange(len(owner)) - first < NEAREST_TRIES)
    place = np.flatnonzero(among)
    place = place[np.unique(owner[place], return_index=True)[1]]
    rows = tries.take(pa.array(place))
    return rows.filter(pc.invert(rows.column("star"))).select(PAIRS.schema.names).cast(PAIRS.schema)
