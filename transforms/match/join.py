"""Search one partition of one table: every pair whose key bits agree and whose distance is within the radius."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mirrorfold.transforms.match.block_pairs import BlockPair, block_pairs, compare_blocks
from mirrorfold.transforms.match.collapse import Rows
from mirrorfold.transforms.match.kernels import KIND_SHIFT, deal, join_buckets
from mirrorfold.transforms.match.plan import BITS, Plan, make_plan

HOT_ROWS = 512
"""A bucket with more pairs than this number of rows squared is banded again on the bits that its key leaves free."""
HOT_SAMPLE = 4_096
SPARE_BITS, MOST_BITS = 4, 20
SPLIT_ROWS = 4_096
"""What is still larger after that is split into pairs of blocks of so many rows, and counted: two blocks are 256 KB,
which every engine takes as one record."""


@dataclass
class JoinCounts:
    """What a search did: nothing is left out in silence."""

    rows: int = 0
    compared: int = 0
    pairs: int = 0
    hot_buckets: int = 0
    hot_rows: int = 0
    split_buckets: int = 0
    split_rows: int = 0
    split_blocks: int = 0
    split_pairs: int = 0

    def add(self, other: JoinCounts) -> None:
        """Add another search's counts."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Rule:
    """What makes two rows a candidate: at most `radius` bits apart in the hash, and `check_limit` in the check."""

    radius: int
    check_limit: int
    hot_rows: int = HOT_ROWS
    split_rows: int = SPLIT_ROWS
    forest: bool = True


@dataclass
class Join:
    """Search of one table of a plan over some rows.

    With `rule.forest` the pairs are a spanning forest of the partition's candidates, so that they stay linear in the
    rows whatever the size of a bucket; without, they are all candidates whose first common table this is.

    Attributes:
      spread: leave buckets that stay too large in `left`, to be split and compared by other workers.
    """

    plan: Plan
    rule: Rule
    counts: JoinCounts = field(default_factory=JoinCounts)
    plans: dict[tuple[int, int], Plan] = field(default_factory=dict)
    spread: bool = False
    left: list[tuple[Rows, np.ndarray]] = field(default_factory=list)

    def table(self, rows: Rows, table: int) -> np.ndarray:
        """Give candidate pairs as row numbers, int64 (pairs, 2)."""
        masks = np.array(self.plan.masks, dtype=np.uint64)
        self.counts.rows += len(rows.hashes)
        return self._search(rows, masks[table], masks[:table], self.rule.hot_rows)

    def _search(self, rows: Rows, mask: np.uint64, earlier: np.ndarray, hot: int) -> np.ndarray:
        order, starts, middles = deal(rows.hashes, rows.ids, mask, bucket_bits(len(rows.hashes), mask))
        rule = self.rule
        pairs, compared, hot_buckets = join_buckets(
            rows.hashes, rows.ids, rows.checks, order, starts, middles, mask, earlier,
            rule.radius, rule.check_limit, hot, rule.forest,
        )  # fmt: skip
        self.counts.compared += compared
        self.counts.pairs += len(pairs)
        found = [pairs]
        for start, stop in hot_buckets.tolist():
            found.append(self._search_hot(rows, order[start:stop], mask, earlier))
        return np.concatenate(found) if len(found) > 1 else pairs

    def _search_hot(self, rows: Rows, index: np.ndarray, mask: np.uint64, earlier: np.ndarray) -> np.ndarray:
        """Band a hot bucket again: pairs of one key differ in the other bits alone."""
        bucket = rows.take(index)
        self.counts.hot_buckets += 1
        self.counts.hot_rows += len(index)
        plan = self._plan_again(bucket.hashes, int(mask))
        masks = np.array(plan.masks, dtype=np.uint64) | mask
        found = [
            self._search_band(bucket, masks[table], np.concatenate([earlier, masks[:table]]))
            for table in range(plan.tables)
        ]
        return index[np.concatenate(found)].astype(np.int64)

    def _plan_again(self, hashes: np.ndarray, mask: int) -> Plan:
        """Plan for a hot bucket, once for all of about its size: the first one's bits stand for the others'."""
        key = (mask, len(hashes).bit_length())
        if key not in self.plans:
            free = ~mask & ((1 << BITS) - 1)
            self.plans[key] = make_plan(self.rule.radius, len(hashes), np.unique(hashes)[:HOT_SAMPLE], usable=free)
        return self.plans[key]

    def _search_band(self, rows: Rows, mask: np.uint64, earlier: np.ndarray) -> np.ndarray:
        order, starts, middles = deal(rows.hashes, rows.ids, mask, bucket_bits(len(rows.hashes), mask))
        rule = self.rule
        pairs, compared, large = join_buckets(
            rows.hashes, rows.ids, rows.checks, order, starts, middles, mask, earlier,
            rule.radius, rule.check_limit, rule.split_rows, rule.forest,
        )  # fmt: skip
        self.counts.compared += compared
        self.counts.pairs += len(pairs)
        found = [pairs]
        for start, stop in large.tolist():
            index = order[start:stop].astype(np.int64)
            large_bucket = (rows.take(index), np.append(earlier, mask))
            self.counts.split_buckets += 1
            self.counts.split_rows += len(index)
            if self.spread:
                self.left.append(large_bucket)
            else:
                found += [index[pair.places[self._compare(pair)]] for pair in self.split(*large_bucket)]
        return np.concatenate(found)

    def split(self, bucket: Rows, masks: np.ndarray) -> Iterator[BlockPair]:
        """Cut a bucket that no banding makes small into pairs of blocks."""
        for pair in block_pairs(bucket, masks, self.rule.split_rows):
            self.counts.split_blocks += 1
            self.counts.split_pairs += pair.pairs
            yield pair

    def _compare(self, pair: BlockPair) -> np.ndarray:
        found = compare_blocks(pair, self.rule.radius, self.rule.check_limit, self.rule.forest)
        self.counts.pairs += len(found)
        return found


def bucket_bits(rows: int, mask: np.uint64) -> int:
    """Choose the bits of a bucket's number: some more than the key has, so that few keys share a bucket, but no more
    than one for each row, nor than the caches hold (at 10^7 rows 24 bits cost 1.4 times as much as 20)."""
    return max(1, min(int(mask).bit_count() + SPARE_BITS, (rows - 1).bit_length(), MOST_BITS))


def edges_of(rows: Rows, pairs: np.ndarray) -> np.ndarray:
    """Give pairs of rows as pairs of nodes, uint64 (pairs, 2)."""
    return rows.ids[pairs] >> KIND_SHIFT


def search(rows: Rows, plan: Plan, rule: Rule) -> tuple[np.ndarray, JoinCounts]:
    """Search all tables of a plan in one process: candidate pairs as row numbers, int64 (pairs, 2)."""
    join = Join(plan, rule)
    return np.concatenate([join.table(rows, table) for table in range(plan.tables)]), join.counts
