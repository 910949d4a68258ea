"""Search one partition of one table: every pair whose key bits agree and whose distance is within the radius."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mirrorfold.transforms.match.kernels import KIND_MASK, deal, join_buckets
from mirrorfold.transforms.match.plan import BITS, Plan, make_plan
from mirrorfold.transforms.match.rows import Rows

HOT_ROWS = 512
"""A bucket with more pairs than this number of rows squared is banded again on the bits that its key leaves free."""
HOT_SAMPLE = 4_096
SPARE_BITS, MOST_BITS = 4, 20
CROWD_ROWS = 4_096
"""What is still larger after that agrees on nearly all bits: it is sorted by its checks and compared in runs of so many
rows, each with the first rows of all, and counted. So no step is quadratic, whatever the corpus."""
CROWD_LEADERS = 16


@dataclass
class JoinCounts:
    """What a search did: nothing is left out in silence.

    Attributes:
      crowded: rows that let candidates go, because one bucket held more than a row keeps.
    """

    rows: int = 0
    compared: int = 0
    pairs: int = 0
    hot_buckets: int = 0
    hot_rows: int = 0
    crowd_buckets: int = 0
    crowd_rows: int = 0
    crowded: int = 0


@dataclass(frozen=True)
class Rule:
    """What makes two rows a candidate: at most `radius` bits apart in the hash, and checks that agree.

    Attributes:
      check_limit: least agreement of the checks, in percent at equal hashes (see `agreement.agreeing`).
    """

    radius: int
    check_limit: int
    hot_rows: int = HOT_ROWS
    crowd_rows: int = CROWD_ROWS


@dataclass
class Join:
    """Search of one table of a plan over some rows: the candidates whose first common table this is.

    Every pair within reach is found, but for rows that have more candidates in one bucket than a row keeps
    (`kernels.FULL_KEEPS`), which `counts.crowded` says.
    """

    plan: Plan
    rule: Rule
    counts: JoinCounts = field(default_factory=JoinCounts)
    plans: dict[tuple[int, int], Plan] = field(default_factory=dict)

    def table(self, rows: Rows, table: int) -> np.ndarray:
        """Give candidate pairs as row numbers, int64 (pairs, 2)."""
        masks = np.array(self.plan.masks, dtype=np.uint64)
        self.counts.rows += len(rows.hashes)
        pairs, order, hot_buckets = self._join(rows, masks[table], masks[:table], self.rule.hot_rows)
        found = [pairs]
        for start, stop in hot_buckets.tolist():
            found.append(self._search_hot(rows, order[start:stop], masks[table], masks[:table]))
        return np.concatenate(found) if len(found) > 1 else pairs

    def _join(self, rows: Rows, mask: np.uint64, earlier: np.ndarray, hot: int):
        """Deal rows to buckets and compare these: (pairs, the order of rows, buckets left out)."""
        order, starts, middles = deal(rows.hashes, rows.ids, mask, bucket_bits(len(rows.hashes), mask))
        pairs, compared, hot_buckets, crowded = join_buckets(
            rows.hashes, rows.ids, rows.checks, order, starts, middles, mask, earlier,
            self.rule.radius, self.rule.check_limit, hot,
        )  # fmt: skip
        self.counts.compared += compared
        self.counts.pairs += len(pairs)
        self.counts.crowded += crowded
        return pairs, order, hot_buckets

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
        pairs, order, crowds = self._join(rows, mask, earlier, self.rule.crowd_rows)
        found = [pairs]
        for start, stop in crowds.tolist():
            index = order[start:stop].astype(np.int64)
            self.counts.crowd_buckets += 1
            self.counts.crowd_rows += len(index)
            for run in crowd_runs(rows.take(index), self.rule.crowd_rows):
                part, _, _ = self._join(rows.take(index[run]), mask, earlier, len(run) + 1)
                found.append(index[run][part])
        return np.concatenate(found)


def crowd_runs(rows: Rows, run_rows: int) -> Iterator[np.ndarray]:
    """Cut a crowd into runs of rows that are alike, each with the crowd's first full signatures: row numbers, int64."""
    order = np.lexsort([rows.ids, *rows.checks.T[::-1], rows.hashes])
    fulls = np.flatnonzero(rows.ids & KIND_MASK == 0)
    leaders = fulls[np.argsort(rows.ids[fulls])[:CROWD_LEADERS]]
    for start in range(0, len(order), run_rows):
        run = order[start : start + run_rows]
        yield np.concatenate([leaders[~np.isin(leaders, run)], run])


def bucket_bits(rows: int, mask: np.uint64) -> int:
    """Choose the bits of a bucket's number: some more than the key has, so that few keys share a bucket, but no more
    than one for each row, nor than the caches hold (at 10^7 rows 24 bits cost 1.4 times as much as 20)."""
    return max(1, min(int(mask).bit_count() + SPARE_BITS, (rows - 1).bit_length(), MOST_BITS))


def edges_of(rows: Rows, pairs: np.ndarray) -> np.ndarray:
    """Give pairs of rows as pairs of their ids, uint64 (pairs, 2), the smaller node first, each once."""
    return np.unique(np.sort(rows.ids[pairs], axis=1), axis=0)


def search(rows: Rows, plan: Plan, rule: Rule) -> tuple[np.ndarray, JoinCounts]:
    """Search all tables of a plan in one process: candidate pairs as row numbers, int64 (pairs, 2)."""
    join = Join(plan, rule)
    return np.concatenate([join.table(rows, table) for table in range(plan.tables)]), join.counts
