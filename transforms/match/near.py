"""All pairs of 64-bit hashes within a radius, in numpy, exactly: for tables that somebody brings.

Two hashes that differ in at most r bits agree on one of r + 1 bands of their bits (the pigeonhole principle), so that
only rows with an equal band are compared. The search of a run (`join`) does the same with tables that a planner chose.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

BITS = 64


def near_pairs(hashes: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Find every pair within a radius.

    Args:
      hashes: uint64 (rows,).

    Returns:
      int64 (pairs, 2), the smaller row first, sorted; and the distance of each in bits, uint8.
    """
    distinct, first = np.unique(hashes, return_inverse=True)
    found = [_equal_band(distinct, shift, width, radius) for shift, width in _bands(radius)]
    pairs = np.unique(np.concatenate([np.empty((0, 2), np.int64), *found]), axis=0)
    rows = _spread(pairs, first, len(distinct))
    return rows, np.bitwise_count(hashes[rows[:, 0]] ^ hashes[rows[:, 1]])


def _bands(radius: int) -> list[tuple[int, int]]:
    """Cut 64 bits into radius + 1 bands: (shift, width) each."""
    ends = np.linspace(0, BITS, radius + 2).astype(int)
    return [(int(start), int(end - start)) for start, end in pairwise(ends)]


def _equal_band(hashes: np.ndarray, shift: int, width: int, radius: int) -> np.ndarray:
    """Compare all that agree on one band: int64 (pairs, 2), places in `hashes`."""
    mask = np.uint64((1 << width) - 1)
    keys = hashes >> np.uint64(shift) & mask
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], hashes[order]
    found = []
    for step in range(1, len(keys)):
        alike = np.flatnonzero(keys[step:] == keys[:-step])
        if not len(alike):
            break  # sorted: no run of equal keys is longer
        near = alike[np.bitwise_count(values[alike] ^ values[alike + step]) <= radius]
        found.append(np.stack([order[near], order[near + step]], axis=1))
    pairs = np.concatenate([np.empty((0, 2), np.int64), *found])
    return np.sort(pairs, axis=1)


def _spread(pairs: np.ndarray, first: np.ndarray, distinct: int) -> np.ndarray:
    """Turn pairs of distinct hashes into pairs of rows, those of equal rows among them."""
    order = np.argsort(first, kind="stable")
    starts = np.searchsorted(first[order], np.arange(distinct + 1))
    members = [order[starts[i] : starts[i + 1]] for i in range(distinct)]
    crossed = [np.stack(np.meshgrid(members[a], members[b]), axis=-1).reshape(-1, 2) for a, b in pairs]
    within = [np.stack(np.triu_indices(len(rows), 1), axis=1) for rows in members if len(rows) > 1]
    equal = [rows[index] for rows, index in zip((m for m in members if len(m) > 1), within, strict=True)]
    found = np.concatenate([np.empty((0, 2), np.int64), *crossed, *equal])
    found = np.sort(found, axis=1)
    return found[np.lexsort((found[:, 1], found[:, 0]))]
