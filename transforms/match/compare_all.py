"""Search a corpus so small that no table pays: compare every full signature with every row, in numpy.

The guarantee is the tables' own, by the plainest means. What it saves is loading the compiled kernels, which costs more
CPU than all these comparisons.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.match.agreement import agreeing
from mirrorfold.transforms.match.kernels import FULL_KEEPS, PROBE_KEEPS
from mirrorfold.transforms.match.rows import Rows
from mirrorfold.transforms.match.signatures import KIND_BITS

MOST_ROWS = 60_000
"""Rows up to which this is cheaper than tables: 2,000 contents with their windows and symmetries."""
CHUNK_CELLS = 1 << 16


def candidates_among(rows: Rows, radius: int, check_limit: int) -> np.ndarray:
    """Give candidate pairs as row numbers, int64 (pairs, 2): a full signature and another row's, both in reach.

    A row with more candidates than it keeps lets some go, by the rule of `kernels.join_buckets`.

    Args:
      radius: largest distance of hashes in bits; check_limit: least agreement of checks in percent.
    """
    nodes, kinds = rows.ids >> np.uint64(KIND_BITS), rows.ids & np.uint64((1 << KIND_BITS) - 1)
    fulls = np.flatnonzero(kinds == 0)
    step = max(1, CHUNK_CELLS // max(1, len(rows.hashes)))
    found = [np.empty((0, 3), np.int64)]
    for start in range(0, len(fulls), step):
        chosen = fulls[start : start + step]
        left, right = np.nonzero(np.bitwise_count(rows.hashes[chosen, None] ^ rows.hashes) <= radius)
        a, b = chosen[left], right
        apart = (nodes[a] != nodes[b]) & ((kinds[b] > 0) | (a < b))
        a, b = a[apart], b[apart]
        distance = np.bitwise_count(rows.checks[a] ^ rows.checks[b]).sum(axis=1, dtype=np.int64)
        apart = np.bitwise_count(rows.hashes[a] ^ rows.hashes[b])
        near = agreeing(rows.checks[a], rows.checks[b], apart, check_limit)
        a, b, distance = a[near], b[near], distance[near]
        found.append(np.stack([a, b, distance + np.bitwise_count(rows.hashes[a] ^ rows.hashes[b])], axis=1))
    return _thinned(np.concatenate(found), rows.ids, np.where(kinds == 0, FULL_KEEPS, PROBE_KEEPS))


def _thinned(pairs: np.ndarray, ids: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Keep of pairs (a, b, distance) those that are among the nearest, or the first by id, of either row."""
    rows, others = np.concatenate([pairs[:, :2], pairs[:, 1::-1]]).T
    kept = np.zeros(len(rows), bool)
    for rank in (np.tile(pairs[:, 2], 2), np.zeros(len(rows), np.int64)):
        order = np.lexsort([ids[others], rank, rows])
        ordered = rows[order]
        first = np.searchsorted(ordered, ordered)  # where each row's run begins
        kept[order] |= np.arange(len(order)) - first < limits[ordered]
    return pairs[kept[: len(pairs)] | kept[len(pairs) :], :2]
