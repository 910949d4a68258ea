"""Exact copies: a census where the listing settles it, and a sample by hash of size where only reading does.

A uniform sample of objects is the wrong tool: of two copies it sees both with the square of its share, so 1 % of an
archive with 20 % copies shows 0.2 %. Here whole groups of one size are drawn, so copies always land together, each with
a chance in proportion to the bytes it could free at most. Crowded sizes thereby are read whole, and of the others only
the share of that most is uncertain, a number in [0, 1]: heavy tails can't hide outside the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.estimate.census import Listed, Sizes, count_copies, group
from mirrorfold.transforms.estimate.interval import Interval, mean_of_shares

PROBE = 1 << 16
"""Bytes read of a larger object: half at its head, where its metadata lies, half in the middle of its picture. Two
objects of one size that agree in these are counted as copies here; a full run compares every byte."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Plan:
    """Which sizes are read.

    Attributes:
      sizes: the listing by size.
      chance: of shape (distinct sizes,), each size's chance of being read; 0 for settled sizes.
      drawn: of the same shape, whether it is read.
      requests, bytes: what that reads.
    """

    sizes: Sizes
    chance: np.ndarray
    drawn: np.ndarray
    requests: int
    bytes: int

    @property
    def objects(self) -> int:
        """Objects to read."""
        return int(self.sizes.count[self.drawn].sum())

    @property
    def drawn_sizes(self) -> np.ndarray:
        """The sizes to read, ascending."""
        return self.sizes.size[self.drawn]


def plan(listed: Listed, read_bytes: int, read_requests: int) -> Plan:
    """Choose the sizes to read so that about `read_bytes` and `read_requests` at most are read."""
    sizes = group(listed)
    most = np.where(sizes.open, sizes.most, 0).astype(float)
    cost_bytes = np.where(sizes.open, np.minimum(sizes.size, PROBE) * sizes.count, 0).astype(float)
    cost_requests = np.where(sizes.open, np.where(sizes.size > PROBE, 2, 1) * sizes.count, 0).astype(float)
    rate = min(_rate(most, cost_bytes, read_bytes), _rate(most, cost_requests, read_requests))
    chance = np.minimum(1.0, most * rate) if np.isfinite(rate) else (most > 0).astype(float)
    drawn = _uniform(sizes.size) < chance
    return Plan(sizes, chance, drawn, int(cost_requests[drawn].sum()), int(cost_bytes[drawn].sum()))


def _rate(most: np.ndarray, cost: np.ndarray, budget: float) -> float:
    """Find the rate at which chances min(1, most * rate) cost the budget on average; infinite if all is affordable."""
    if cost.sum() <= budget:
        return np.inf
    low, high = 0.0, 1 / most[most > 0].min()
    for _ in range(60):
        rate = (low + high) / 2
        low, high = (rate, high) if (np.minimum(1.0, most * rate) * cost).sum() <= budget else (low, rate)
    return low


def _uniform(sizes: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each size, the same everywhere and always (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = sizes.astype(np.uint64) + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(float) / 2**53


@dataclass(frozen=True)
class Exact:
    """What exact copies free.

    Attributes:
      bytes: bytes freed.
      copies: objects freed; its interval is as wide, in proportion, as that of the bytes.
      settled: bytes that the listing alone proves, as a count.
      by_place: bytes freed by index of place, at the middle of the interval.
      sampled_sizes, open_sizes: sizes read, and sizes that only reading could settle.
    """

    bytes: Interval
    copies: Interval
    settled: int
    by_place: np.ndarray
    sampled_sizes: int
    open_sizes: int


def estimate(listed: Listed, plan: Plan, identity: np.ndarray, keep: int = 1) -> Exact:
    """Estimate what exact copies free.

    Args:
      listed: the census.
      plan: what was read.
      identity: of shape (objects,), uint64: the same for the same bytes, within a size that is settled or was read;
        0 for objects that couldn't be read, which are kept.
      keep: copies of each content to keep.
    """
    sizes = plan.sizes
    number = np.searchsorted(sizes.size, listed.size)
    sure = ~sizes.open | (plan.chance >= 1)
    drawn = ~sure & plan.drawn
    found = count_copies(listed, identity, np.where((sure | drawn)[number], number, -1), len(sizes.size), keep)
    known, copies = int(found.bytes[sure].sum()), int(found.copies[sure].sum())
    by_place = found.by_place[sure].sum(axis=0)
    most = float(sizes.most[~sure].sum())
    share = Interval(0.0, 0.0, 0.0)
    more = share
    if most:
        weights = most / max(int(drawn.sum()), 1) / sizes.most[drawn]
        share = mean_of_shares(found.bytes[drawn] / sizes.most[drawn], 1 - plan.chance[drawn])
        gone = float((found.copies[drawn] * weights).sum())
        at_most = float((sizes.count[~sure] - 1).sum())
        more = share.times(gone / share.mid) if gone and share.mid else share.times(at_most)
        by_place = by_place + (found.by_place[drawn] * weights[:, None]).sum(axis=0)
    return Exact(
        share.times(most).plus(known),
        more.plus(copies),
        int(found.bytes[~sizes.open].sum()),
        by_place,
        int(plan.drawn.sum()),
        int(sizes.open.sum()),
    )


def stated_identity(listed: Listed, sizes: Sizes) -> np.ndarray:
    """The identity that the listing states for each object, by its size's kind of checksum; 0 where it states none.

    The only object of its size needs none: it gets one of its own.
    """
    at = np.searchsorted(sizes.size, listed.size)
    stated = np.where(sizes.by_md5[at], listed.md5, listed.sha256)
    return np.where((sizes.count[at] == 1) & (stated == 0), np.uint64(1), stated)
