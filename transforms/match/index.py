"""Candidates within a large component, by the same exact-recall tables as the search, kept in memory.

Where pictures are many, chance candidates link most of them into one component: comparing all of its pairs would cost
84 ns each, 12 hours at a million rows. A look-up costs the same per row whatever the component.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.join import Rule, bucket_bits
from mirrorfold.transforms.match.kernels import MIX, ZERO, bits_apart, deal, meets, popcount
from mirrorfold.transforms.match.plan import make_plan

INDEX_ROWS = 4_096
"""Rows from which tables are worth making."""


@compiled
def _look_up(hashes, checks, digests, low, masks, bits, orders, starts, same, queries, labels, radius, limit):
    found = np.empty((256, 2), np.int64)
    count = 0
    sorted_digests = digests[same]
    shift = np.uint64(64 - bits)
    for i in queries:
        place = np.searchsorted(sorted_digests, digests[i]) if digests[i] != ZERO else len(same)
        for kind in range(-1, 0 if low[i] else hashes.shape[1]):
            for table in range(1 if kind < 0 else len(masks)):
                if kind < 0:  # rows of the same coded picture
                    start, stop = place, place
                    while stop < len(same) and digests[same[stop]] == digests[i]:
                        stop += 1
                else:
                    bucket = ((hashes[i, kind] & masks[table]) * MIX) >> shift
                    start, stop = starts[table, bucket], starts[table, bucket + np.uint64(1)]
                for position in range(start, stop):
                    j = same[position] if kind < 0 else np.int64(orders[table, position])
                    if i == j or labels[i] == labels[j]:
                        continue
                    if kind >= 0:
                        difference = hashes[i, kind] ^ hashes[j, 0]
                        if popcount(difference) > radius or difference & masks[table] != ZERO:
                            continue
                        if meets(difference, masks[:table]) or bits_apart(checks[i, kind], checks[j, 0]) > limit:
                            continue
                    if count == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[count, 0], found[count, 1] = min(i, j), max(i, j)
                    count += 1
    return found[:count]


@dataclass(frozen=True)
class Index:
    """Tables over the full signatures of some rows, 4 bytes a row and table.

    Attributes:
      orders: int32 (tables, rows), row numbers by bucket; starts: int64 (tables, buckets + 1).
      same: row numbers by digest of the coded picture, of those that have one.
    """

    features: Features
    rule: Rule
    masks: np.ndarray
    bits: int
    orders: np.ndarray
    starts: np.ndarray
    same: np.ndarray

    def candidates(self, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Give the candidates that the rows' signatures find among all, int64 (pairs, 2), smaller row first.

        A pair is found from the side whose window or turn it is, so every pair is found once all rows were asked for.

        Args:
          labels: int64 for every row of the features; rows of an equal label aren't compared.
        """
        features = self.features
        return _look_up(
            features.hashes, features.checks, features.digests, features.low, self.masks, self.bits, self.orders,
            self.starts, self.same, np.asarray(rows, np.int64), labels, self.rule.radius, self.rule.check_limit,
        )  # fmt: skip


def make_index(features: Features, rows: np.ndarray, rule: Rule) -> Index:
    """Index some rows of the features; those of little information only by their coded picture."""
    rows = np.asarray(rows, np.int64)
    busy = rows[~features.low[rows]]
    hashes = np.ascontiguousarray(features.hashes[busy, 0])
    plan = make_plan(rule.radius, max(2, len(busy)) * features.hashes.shape[1], np.unique(hashes))
    masks = np.array(plan.masks, np.uint64)
    bits = min(bucket_bits(max(2, len(busy)), mask) for mask in masks)
    orders, starts = [], []
    for mask in masks:
        order, start, _ = deal(hashes, np.zeros(len(busy), np.uint64), mask, bits)
        orders.append(busy[order].astype(np.int32))
        starts.append(start)
    pictured = rows[features.digests[rows] != 0]
    same = pictured[np.argsort(features.digests[pictured], kind="stable")]
    return Index(features, rule, masks, bits, np.stack(orders), np.stack(starts), same)
