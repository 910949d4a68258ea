"""Compiled inner loops: population count, bucket comparison, spanning forest.

Arrays out of Arrow and `np.frombuffer` are read-only, which numba takes for another type: `packing.join_rows` copies
them once, so that each kernel is compiled once.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled, inlined

M1, M2, M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
H01 = np.uint64(0x0101010101010101)
ONE, TWO, FOUR, TOP = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
KIND_MASK, KIND_SHIFT = np.uint64(31), np.uint64(5)
ZERO = np.uint64(0)


@inlined
def popcount(x):
    """Count the bits of a uint64; LLVM makes this one instruction."""
    x -= (x >> ONE) & M1
    x = (x & M2) + ((x >> TWO) & M2)
    x = (x + (x >> FOUR)) & M4
    return np.int64((x * H01) >> TOP)


@inlined
def find(parent, i):
    """Find a root, halving the path."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def join_buckets(hashes, ids, checks, order, starts, earlier, radius, check_limit, hot, forest):
    """Compare all pairs within each bucket; probes are compared with full signatures only.

    Args:
      hashes, ids, checks: the rows, see `collapse.Rows`.
      order: row numbers grouped by key; starts: bounds of the groups, with the end.
      earlier: masks of the tables before this one: a pair that meets there is left to them.
      radius, check_limit: largest distance of hashes, and of checks.
      hot: buckets with more than hot * hot pairs are left out and returned.
      forest: give a spanning forest instead of all pairs.

    Returns:
      (pairs as int64 row numbers (n, 2), compared pairs, hot buckets as int64 (n, 2) of start and stop).
    """
    words = checks.shape[1]
    parent = np.arange(len(hashes) if forest else 1)
    found = np.empty((1024, 2), np.int64)
    count = 0
    compared = 0
    hot_found = np.empty((16, 2), np.int64)
    hot_count = 0
    for bucket in range(len(starts) - 1):
        start, stop = starts[bucket], starts[bucket + 1]
        middle = start
        for p in range(start, stop):
            i = order[p]
            if (ids[i] & KIND_MASK) == ZERO:
                order[p], order[middle] = order[middle], i
                middle += 1
        if (middle - start) * (stop - start) > hot * hot:
            if hot_count == len(hot_found):
                hot_found = np.concatenate((hot_found, np.empty_like(hot_found)))
            hot_found[hot_count, 0], hot_found[hot_count, 1] = start, stop
            hot_count += 1
            continue
        for p in range(start, middle):
            i = order[p]
            hash_i, id_i = hashes[i], ids[i]
            for q in range(p + 1, stop):
                j = order[q]
                difference = hash_i ^ hashes[j]
                if popcount(difference) > radius:
                    continue
                if (id_i ^ ids[j]) >> KIND_SHIFT == ZERO:
                    continue
                seen = False
                for mask in earlier:
                    if difference & mask == ZERO:
                        seen = True
                        break
                if seen:
                    continue
                distance = 0
                for word in range(words):
                    distance += popcount(checks[i, word] ^ checks[j, word])
                if distance > check_limit:
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
        full = middle - start
        compared += full * (full - 1) // 2 + full * (stop - middle)
    return found[:count], compared, hot_found[:hot_count]
