"""Compiled inner loops: population count, dealing to buckets, bucket comparison.

Arrays out of Arrow and `np.frombuffer` are read-only, which numba takes for another type: `packing.join_rows` copies
them once, so that each kernel is compiled once.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled, inlined
from mirrorfold.transforms.match.agreement import STEP

M1, M2, M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
H01 = np.uint64(0x0101010101010101)
ONE, TWO, FOUR, TOP = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
KIND_MASK, KIND_SHIFT = np.uint64(63), np.uint64(6)
ZERO, HALF = np.uint64(0), np.uint64(20)
MIX = np.uint64(0x9E3779B97F4A7C15)
FULL_KEEPS, PROBE_KEEPS = 16, 1
"""Candidates that a full signature or a probe keeps in one bucket, if it has more: as many nearest, as many first by
id. The nearest hold the true copies among look-alikes; the first by id are the same for all of one dense family, so
that it stays connected."""


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


@inlined
def agrees(one, other, distance, limit):
    """Tell whether two checks agree, given the bits in which their hashes differ: see `agreement.agreeing`."""
    words = len(one)
    if words == 0 or limit <= 0:
        return True
    net, mine, their = 0, 0, 0
    half = words // 2
    for word in range(words):
        crossed = word + half if word < half else word - half
        net += popcount(one[word] & other[word]) - popcount(one[word] & other[crossed])
        mine += popcount(one[word])
        their += popcount(other[word])
    least = limit + STEP * distance
    return net > 0 and (100 * net) ** 2 >= least * least * mine * their


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


@inlined
def _candidate(hashes, ids, checks, i, j, mask, earlier, radius, check_limit):
    """Tell whether two rows of one key are a candidate pair that no earlier table finds."""
    difference = hashes[i] ^ hashes[j]
    distance = popcount(difference)
    if distance > radius or difference & mask != ZERO:
        return False
    if (ids[i] ^ ids[j]) >> KIND_SHIFT == ZERO or meets(difference, earlier):
        return False
    return agrees(checks[i], checks[j], distance, check_limit)


@inlined
def _limit(identity):
    """Give how many candidates of each sort a crowded row keeps."""
    return FULL_KEEPS if identity & KIND_MASK == ZERO else PROBE_KEEPS


@inlined
def _keep(near, first, counts, row, other, distance, ids, order):
    """Offer a row a candidate: it keeps the nearest ones, and those first by id; ties end at the id."""
    limit, count, identity = _limit(ids[order[row]]), counts[row], ids[order[other]]
    counts[row] = count + 1
    if count < limit:
        near[row, count, 0], near[row, count, 1], first[row, count] = other, distance, other
        return
    worst, last = 0, 0
    for k in range(limit):
        gap = near[row, k, 1] - near[row, worst, 1]
        if gap > 0 or (gap == 0 and ids[order[near[row, k, 0]]] > ids[order[near[row, worst, 0]]]):
            worst = k
        if ids[order[first[row, k]]] > ids[order[first[row, last]]]:
            last = k
    gap = near[row, worst, 1] - distance
    if gap > 0 or (gap == 0 and ids[order[near[row, worst, 0]]] > identity):
        near[row, worst, 0], near[row, worst, 1] = other, distance
    if ids[order[first[row, last]]] > identity:
        first[row, last] = other


@compiled
def _crowded_pairs(hashes, ids, checks, order, start, stop, middle, mask, earlier, radius, check_limit):
    """Compare a bucket in which rows have more candidates than they keep; a pair is found where either row keeps it.

    Returns:
      (pairs as int64 row numbers (n, 2), rows that let a candidate go).
    """
    rows, inside = stop - start, order[start:stop]
    near = np.empty((rows, FULL_KEEPS, 2), np.int32)
    first = np.empty((rows, FULL_KEEPS), np.int32)
    counts = np.zeros(rows, np.int32)
    for p in range(middle - start):
        for q in range(p + 1, rows):
            i, j = inside[p], inside[q]
            if _candidate(hashes, ids, checks, i, j, mask, earlier, radius, check_limit):
                distance = popcount(hashes[i] ^ hashes[j]) + bits_apart(checks[i], checks[j])
                _keep(near, first, counts, p, q, distance, ids, inside)
                _keep(near, first, counts, q, p, distance, ids, inside)
    found = np.empty((2 * FULL_KEEPS * rows, 2), np.int64)
    count, crowded = 0, 0
    for p in range(rows):
        limit = _limit(ids[inside[p]])
        crowded += counts[p] > limit
        for k in range(min(limit, counts[p])):
            for q in (near[p, k, 0], first[p, k]):
                found[count, 0], found[count, 1] = min(inside[p], inside[q]), max(inside[p], inside[q])
                count += 1
    return found[:count], crowded


@compiled
def join_buckets(hashes, ids, checks, order, starts, middles, mask, earlier, radius, check_limit, hot):
    """Compare all pairs within each bucket; probes are compared with full signatures only.

    What a bucket gives is linear in its rows, see `_crowded_pairs`.

    Args:
      hashes, ids, checks: the rows, see `rows.Rows`.
      order, starts, middles: buckets, see `deal`; mask: the key bits, on which a pair must agree.
      earlier: masks of the tables before this one: a pair that meets there is left to them.
      radius: largest distance of hashes; check_limit: least agreement of checks, see `agreement.agreeing`.
      hot: buckets with more than hot * hot pairs are left out and returned.

    Returns:
      (pairs as int64 row numbers (n, 2), compared pairs, hot buckets as int64 (n, 2) of start and stop, rows that
      let a candidate go). A pair of a crowded bucket may stand there twice.
    """
    found = np.empty((1024, 2), np.int64)
    count, compared, crowded = 0, 0, 0
    hot_found = np.empty((16, 2), np.int64)
    hot_count = 0
    sorted_hashes = hashes[order]
    degrees = np.zeros(len(hashes), np.int32)
    for bucket in range(len(starts) - 1):
        start, stop, middle = starts[bucket], starts[bucket + 1], middles[bucket]
        if (middle - start) * (stop - start) > hot * hot:
            if hot_count == len(hot_found):
                hot_found = np.concatenate((hot_found, np.empty_like(hot_found)))
            hot_found[hot_count, 0], hot_found[hot_count, 1] = start, stop
            hot_count += 1
            continue
        before, full = count, False
        for p in range(start, middle):
            hash_p = sorted_hashes[p]
            for q in range(p + 1, stop):
                if popcount(hash_p ^ sorted_hashes[q]) > radius:
                    continue
                i, j = order[p], order[q]
                if not _candidate(hashes, ids, checks, i, j, mask, earlier, radius, check_limit):
                    continue
                degrees[i] += 1
                degrees[j] += 1
                full = full or degrees[i] > _limit(ids[i]) or degrees[j] > _limit(ids[j])
                if count == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[count, 0], found[count, 1] = i, j
                count += 1
            if full:
                break
        for k in range(before, count):
            degrees[found[k, 0]] = 0
            degrees[found[k, 1]] = 0
        if full:
            thinned, let_go = _crowded_pairs(
                hashes, ids, checks, order, start, stop, middle, mask, earlier, radius, check_limit
            )
            count = before + len(thinned)
            found = np.concatenate((found[:before], thinned, np.empty((1024, 2), np.int64)))
            crowded += let_go
        compared += (middle - start) * (middle - start - 1) // 2 + (middle - start) * (stop - middle)
    return found[:count], compared, hot_found[:hot_count], crowded


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
