"""Candidate pairs among the contents of one family, by the same rule as the search over tables."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.kernels import agrees, popcount


@compiled
def _is_candidate(hashes, checks, digests, low, i, j, radius, limit):
    if digests[i] == digests[j] and digests[i] != 0:
        return True
    if low[i] or low[j]:
        return False
    for kind in range(hashes.shape[1]):
        for swap in range(2 if kind else 1):
            a, b = (j, i) if swap else (i, j)
            distance = popcount(hashes[a, 0] ^ hashes[b, kind])
            if distance <= radius and agrees(checks[a, 0], checks[b, kind], distance, limit):
                return True
    return False


@compiled
def _candidates(hashes, checks, digests, low, rows, others, radius, limit):
    found = np.empty((256, 2), np.int64)
    count = 0
    for i in rows:
        for j in others:
            if i == j or not _is_candidate(hashes, checks, digests, low, i, j, radius, limit):
                continue
            if count == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            found[count, 0], found[count, 1] = min(i, j), max(i, j)
            count += 1
    return found[:count]


def candidates(features: Features, rows: np.ndarray, others: np.ndarray, rule: Rule) -> np.ndarray:
    """Give candidate pairs between rows and others, int64 (pairs, 2), smaller row first."""
    return _candidates(
        features.hashes, features.checks, features.digests, features.low,
        np.asarray(rows, np.int64), np.asarray(others, np.int64), rule.radius, rule.check_limit,
    )  # fmt: skip
