"""Split what no banding makes small into pairs of blocks, a triangular grid, so that many workers can compare it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.blocks.union_find import find
from mirrorfold.transforms.match.collapse import Rows
from mirrorfold.transforms.match.kernels import KIND_MASK, KIND_SHIFT, ZERO, bits_apart, meets, popcount


@dataclass(frozen=True)
class BlockPair:
    """Two blocks of one bucket that are to be compared with each other, or one with itself.

    Attributes:
      rows: the rows of both; the first `left` of them are one block, and all of them where it is compared with itself.
      masks: the masks of the tables before the bucket's, at which pairs that meet are left to them; the last is the
        bucket's own, on which a pair must agree.
      places: where the rows lie in the bucket, int64.
    """

    rows: Rows
    left: int
    masks: np.ndarray
    places: np.ndarray

    @property
    def pairs(self) -> int:
        """Count the pairs that are compared."""
        right = len(self.rows.hashes) - self.left
        return self.left * right if right else self.left * (self.left - 1) // 2


def block_pairs(rows: Rows, masks: np.ndarray, block_rows: int) -> Iterator[BlockPair]:
    """Cut a bucket's rows into blocks of about equal size and give every pair of blocks, and every block with itself.

    Two blocks without a full signature between them are left out: probes aren't compared with each other.
    """
    count = len(rows.hashes)
    blocks = -(-count // block_rows)
    bounds = [count * block // blocks for block in range(blocks + 1)]
    full = np.concatenate(([0], np.cumsum(rows.ids & KIND_MASK == ZERO)))
    for i in range(blocks):
        for j in range(i, blocks):
            index = np.arange(bounds[i], bounds[i + 1])
            if j > i:
                index = np.concatenate([index, np.arange(bounds[j], bounds[j + 1])])
            if full[bounds[i + 1]] - full[bounds[i]] + full[bounds[j + 1]] - full[bounds[j]] > 0:
                yield BlockPair(rows.take(index), bounds[i + 1] - bounds[i], masks, index)


@compiled
def _compare(hashes, ids, checks, left, mask, earlier, radius, check_limit, forest):
    parent = np.arange(len(hashes))
    found = np.empty((1024, 2), np.int64)
    count = 0
    itself = left == len(hashes)
    for i in range(left):
        for j in range(i + 1 if itself else left, len(hashes)):
            difference = hashes[i] ^ hashes[j]
            if popcount(difference) > radius or difference & mask != ZERO:
                continue
            if ids[i] & KIND_MASK != ZERO and ids[j] & KIND_MASK != ZERO:
                continue
            if (ids[i] ^ ids[j]) >> KIND_SHIFT == ZERO:
                continue
            if meets(difference, earlier) or bits_apart(checks[i], checks[j]) > check_limit:
                continue
            if forest:
                a, b = find(parent, i), find(parent, j)
                if a == b:
                    continue
                parent[max(a, b)] = min(a, b)
            if count == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            found[count, 0], found[count, 1] = i, j
            count += 1
    return found[:count]


def compare_blocks(pair: BlockPair, radius: int, check_limit: int, forest: bool) -> np.ndarray:
    """Compare a pair of blocks: candidate pairs as numbers of its rows, int64 (pairs, 2), or a forest of them."""
    return _compare(*pair.rows, pair.left, pair.masks[-1], pair.masks[:-1], radius, check_limit, forest)
