"""Search a corpus so small that no table pays: compare every full signature with every row, in numpy.

The guarantee is the tables' own, by the plainest means. What it saves is loading the compiled kernels, which costs more
CPU than all these comparisons.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.match.collapse import Rows
from mirrorfold.transforms.match.signatures import KIND_BITS

MOST_ROWS = 60_000
"""Rows up to which this is cheaper than tables: 2,000 contents with their windows and symmetries."""
CHUNK_CELLS = 1 << 16


def candidates_among(rows: Rows, radius: int, check_limit: int) -> np.ndarray:
    """Give candidate edges as pairs of nodes, uint64 (edges, 2): a full signature and another row's, both in reach.

    Args:
      radius, check_limit: largest distance of hashes, and of checks, in bits.
    """
    nodes, kinds = rows.ids >> np.uint64(KIND_BITS), rows.ids & np.uint64((1 << KIND_BITS) - 1)
    fulls = np.flatnonzero(kinds == 0)
    step = max(1, CHUNK_CELLS // max(1, len(rows.hashes)))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(fulls), step):
        chosen = fulls[start : start + step]
        near = np.bitwise_count(rows.hashes[chosen, None] ^ rows.hashes) <= radius
        left, right = np.nonzero(near)
        found.append(np.stack([chosen[left], right], axis=1))
    pairs = np.concatenate(found)
    a, b = pairs[:, 0], pairs[:, 1]
    pairs = pairs[(nodes[a] != nodes[b]) & ((kinds[b] > 0) | (a < b))]
    distance = np.bitwise_count(rows.checks[pairs[:, 0]] ^ rows.checks[pairs[:, 1]]).sum(axis=1)
    return nodes[pairs[distance <= check_limit]]
