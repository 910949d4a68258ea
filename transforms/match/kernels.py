"""Compiled inner loops: population count, bucket comparison, spanning forest.

Arrays out of Arrow and `np.frombuffer` are read-only, which numba takes for another type: `packing.join_rows` copies
them once, so that each kernel is compiled once.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled, inlined
from mirrorfold.transforms.blocks.union_find import find

M1, M2, M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
H01 = np.uint64(0x0101010101010101)
ONE, TWO, FOUR, TOP = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
KIND_MASK, KIND_SHIFT = np.uint64(63), np.uint64(6)
ZERO, HALF = np.uint64(0), np.uint64(20)
MIX = np.uint64(0x9E3779B97F4A7C15)


@inlined
def popcount(x):
    """Count the bits of a uint64; LLVM makes this one instruction."""
    x -= (x >> ONE) & M1
    x = (x & M2) + ((x >> TWO) & M2)
    x = (x + (x >> FOUR)) & M4
    return np.int64((x * H01) >> TOP)


@inlined
def meets(difference, masks):
    """Tell whether two signatures agree on all key bits of one of the tables, given the bits in which they differ."""
    for mask in masks:  # noqa: SIM110 - numba has no generator expressions
        if difference & mask == ZERO:
            return True
    return False


@inlined
def bits_apart(one, other):
    """Count the bits in which two signatures of several words differ."""
    distance = 0
    for word in range(len(one)):
        distance += popcount(one[word] ^ other[word])
    return distance


@compiled
def deal(hashes, ids, mask, bits):
    """Deal rows to 2^bits buckets by a hash of their key bits, full signatures before probes in each.

    One counting sort of two passes over memory: a third of the cost of sorting the keys. Rows of different keys may
    share a bucket; `join_buckets` tells them apart.

    Returns:
      (order as int32 row numbers, starts as int64 bounds of the buckets, middles where each bucket's probes begin).
    """
    shift = np.uint64(64 - bits)
    buckets = 1 << bits
    starts = np.zeros(buckets + 1, np.int64)
    fulls = np.zeros(buckets, np.int64)
    places = np.empty(len(hashes), np.uint32)
    for i in range(len(hashes)):
        place = ((hashes[i] & mask) * MIX) >> shift
        places[i] = place
        starts[place + ONE] += 1
        if ids[i] & KIND_MASK == ZERO:
            fulls[place] += 1
    for bucket in range(buckets):
        starts[bucket + 1] += starts[bucket]
        fulls[bucket] += starts[bucket]
    order = np.empty(len(hashes), np.int32)
    next_full, next_probe = starts[:-1].copy(), fulls.copy()
    for i in range(len(hashes)):
        place = places[i]
        if ids[i] & KIND_MASK == ZERO:
            order[next_full[place]] = i
            next_full[place] += 1
        else:
            order[next_probe[place]] = i
            next_probe[place] += 1
    return order, starts, fulls


@compiled
def join_buckets(hashes, ids, checks, order, starts, middles, mask, earlier, radius, check_limit, hot, forest):
    """Compare all pairs within each bucket; probes are compared with full signatures only.

    Args:
      hashes, ids, checks: the rows, see `collapse.Rows`.
      order, starts, middles: buckets, see `deal`; mask: the key bits, on which a pair must agree.
      earlier: masks of the tables before this one: a pair that meets there is left to them.
      radius, check_limit: largest distance of hashes, and of checks.
      hot: buckets with more than hot * hot pairs are left out and returned.
      forest: give a spanning forest instead of all pairs.

    Returns:
      (pairs as int64 row numbers (n, 2), compared pairs, hot buckets as int64 (n, 2) of start and stop).
    """
    parent = np.arange(len(hashes) if forest else 1)
    found = np.empty((1024, 2), np.int64)
    count = 0
    compared = 0
    hot_found = np.empty((16, 2), np.int64)
    hot_count = 0
    sorted_hashes = hashes[order]
    for bucket in range(len(starts) - 1):
        start, stop, middle = starts[bucket], starts[bucket + 1], middles[bucket]
        if (middle - start) * (stop - start) > hot * hot:
            if hot_count == len(hot_found):
                hot_found = np.concatenate((hot_found, np.empty_like(hot_found)))
            hot_found[hot_count, 0], hot_found[hot_count, 1] = start, stop
            hot_count += 1
            continue
        for p in range(start, middle):
            hash_p = sorted_hashes[p]
            for q in range(p + 1, stop):
                difference = hash_p ^ sorted_hashes[q]
                if popcount(difference) > radius or difference & mask != ZERO:
                    continue
                i, j = order[p], order[q]
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
        full = middle - start
        compared += full * (full - 1) // 2 + full * (stop - middle)
    return found[:count], compared, hot_found[:hot_count]


@compiled
def deal_partitions(hashes, mask, partitions):
    """Give each row's partition of one table, and how many rows each partition has."""
    assigned = np.empty(len(hashes), np.int64)
    counts = np.zeros(partitions, np.int64)
    for i in range(len(hashes)):
        # Other bits of the product than `deal` takes, or the buckets of one partition would lie in a corner.
        partition = np.int64((((hashes[i] & mask) * MIX) >> HALF) % np.uint64(partitions))
        assigned[i] = partition
        counts[partition] += 1
    return assigned, counts
