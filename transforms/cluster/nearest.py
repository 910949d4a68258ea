"""The nearest neighbour of each content: by nearness, then by content id, the first of a few that verifies."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.cluster.stars import Judged

NEAREST_TRIES = 8
STEP_ROWS = 64
"""Every row may be a candidate of every other: 64 rows against 100,000 are 100 MB of pairs."""
CHUNK_PAIRS = 1_000_000
FARTHEST = np.iinfo(np.int64).max


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
