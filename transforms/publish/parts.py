"""The queue shared out among reviewers: whole clusters, about equal work, with some asked of two people."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WAYS = ("folder", "collection", "tier", "risk")
MOST = 30
"""Parts: a part is a bit of a number that pages read."""


@dataclass(frozen=True)
class Split:
    """How a queue is shared out.

    Attributes:
      into: number of parts.
      overlap: share of the clusters that two people are asked about, 0..1.
      by: what stays together, see WAYS.
      names: of the reviewers, one for each part.
    """

    into: int
    overlap: float = 0.1
    by: str = "folder"
    names: tuple[str, ...] = ()
    seed: str = "mirrorfold"

    def __post_init__(self) -> None:
        if not 1 <= self.into <= MOST:
            raise ValueError(f"a queue is split into 1 to {MOST} parts, not {self.into}")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"the overlap is a share from 0 to 1, not {self.overlap:g}")
        if self.by not in WAYS:
            raise ValueError(f"a queue is split by {', '.join(WAYS)}, not by {self.by}")
        if len(self.names) != self.into:
            raise ValueError(f"{self.into} parts need {self.into} names, not {len(self.names)}")
        folded = [name.strip().casefold() for name in self.names]
        if len(set(folded)) < len(folded) or not all(folded):
            raise ValueError("each part has a name of its own")
        if self.overlap and self.into < 2:
            raise ValueError("an overlap needs two people: use --into 2 or more, or --overlap 0")


class Unit(NamedTuple):
    """A cluster of the queue: what keeps it together with others, its pairs, and how doubtful it is."""

    cluster_id: str
    group: str
    pairs: int
    risk: float


def assign(units: Sequence[Unit], split: Split) -> dict[str, tuple[int, ...]]:
    """Give each cluster's parts, counted from 0: one, or two where it is in the overlap.

    The same units and split give the same parts, in any order. A group larger than a fair share is taken apart.
    """
    loads = [(0, part) for part in range(split.into)]
    found: dict[str, tuple[int, ...]] = {}
    for bundle in _bundles(units, split):
        load, part = heapq.heappop(loads)
        heapq.heappush(loads, (load + sum(unit.pairs for unit in bundle), part))
        found |= {unit.cluster_id: (part,) for unit in bundle}
    for cluster_id in _drawn(units, split):
        first = found[cluster_id][0]
        second = (first + 1 + _number(split.seed, cluster_id) % (split.into - 1)) % split.into
        found[cluster_id] = (first, second)
    return found


def _bundles(units: Sequence[Unit], split: Split) -> list[list[Unit]]:
    if split.by == "risk":
        # Dealt one by one, the most doubtful first: everyone gets as much of each.
        return [[unit] for unit in sorted(units, key=lambda unit: (-unit.risk, unit.cluster_id))]
    groups: dict[str, list[Unit]] = {}
    for unit in sorted(units):
        groups.setdefault(unit.group, []).append(unit)
    fair = max(1, sum(unit.pairs for unit in units) / split.into)
    bundles: list[list[Unit]] = []
    for group in groups.values():
        bundles.append([])
        for unit in group:
            if bundles[-1] and sum(other.pairs for other in bundles[-1]) + unit.pairs > fair:
                bundles.append([])
            bundles[-1].append(unit)
    return sorted(bundles, key=lambda bundle: (-sum(unit.pairs for unit in bundle), bundle[0]))


def _drawn(units: Sequence[Unit], split: Split) -> list[str]:
    if split.into < 2:
        return []
    ordered = sorted((_number(split.seed, unit.cluster_id), unit.cluster_id) for unit in units)
    return [cluster_id for _, cluster_id in ordered[: round(split.overlap * len(ordered))]]


def _number(seed: str, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8])
