"""Covering designs: which blocks of bits a table keeps, so that any t wrong blocks leave one table untouched.

Sources: pigeonhole; choose k of m (Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling", 2007);
hyperplanes of PG(t, 2) (Pagh, "CoveringLSH: locality-sensitive hashing without false negatives", 2016).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

MAX_TABLES = 256


@dataclass(frozen=True)
class Design:
    """A way to cover `errors` wrong bits in one group of bits.

    Attributes:
      errors: wrong bits tolerated, t.
      blocks: blocks that the group's bits are dealt into.
      kept: one tuple of kept blocks for each table; every t-subset of blocks is avoided by one of them.
    """

    name: str
    errors: int
    blocks: int
    kept: tuple[tuple[int, ...], ...]

    @property
    def share(self) -> float:
        """Give the share of the group's bits that a table keeps."""
        return len(self.kept[0]) / self.blocks


def whole(_: int = 0) -> Design:
    """Tolerate nothing: one table keeps the whole group (the pigeonhole's own case)."""
    return Design("whole", 0, 1, ((0,),))


def choose(errors: int, blocks: int) -> Design:
    """Leave out every t-subset of the blocks once: C(m, t) tables that keep (m - t) / m of the bits."""
    everything = set(range(blocks))
    kept = tuple(tuple(sorted(everything - set(lost))) for lost in combinations(range(blocks), errors))
    return Design(f"choose {blocks - errors} of {blocks}", errors, blocks, kept)


def projective(errors: int) -> Design:
    """Keep the complements of the hyperplanes of PG(t, 2): 2^(t+1) - 1 tables that keep just over half of the bits.

    Any t points lie in a common hyperplane, so the table that leaves it out loses none of its bits.
    """
    points = range(1, 1 << (errors + 1))
    kept = tuple(tuple(p - 1 for p in points if (p & plane).bit_count() % 2) for plane in points)
    return Design(f"PG({errors},2)", errors, len(points), kept)


def designs_for(errors: int) -> list[Design]:
    """List the designs worth weighing for a group that must tolerate `errors` wrong bits."""
    if errors == 0:
        return [whole()]
    found = [choose(errors, blocks) for blocks in range(errors + 1, errors + 6) if comb(blocks, errors) <= MAX_TABLES]
    if (1 << (errors + 1)) - 1 <= MAX_TABLES:
        found.append(projective(errors))
    return found


def partitions(total: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """Write `total` as a sum of positive integers, largest first."""
    if total == 0:
        yield ()
        return
    for part in range(min(total, largest or total), 0, -1):
        for rest in partitions(total - part, part):
            yield (part, *rest)


def combinations_for(radius: int) -> Iterator[tuple[Design, ...]]:
    """List groupings that guarantee recall at a radius: the sum of (t + 1) over the groups is radius + 1."""
    for parts in partitions(radius + 1):
        yield from _designs_of(parts)


def _designs_of(parts: tuple[int, ...]) -> Iterator[tuple[Design, ...]]:
    sizes = sorted(set(parts), reverse=True)

    def extend(position: int, tables: int) -> Iterator[tuple[Design, ...]]:
        if position == len(sizes):
            yield ()
            return
        copies = parts.count(sizes[position])
        for design in designs_for(sizes[position] - 1):
            total = tables + copies * len(design.kept)
            if total > MAX_TABLES:
                continue
            for rest in extend(position + 1, total):
                yield (design,) * copies + rest

    yield from extend(0, 0)
