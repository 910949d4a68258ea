"""The planner: which exact-recall tables search a corpus of N signatures within a radius, from a sample of its bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mirrorfold.transforms.match.designs import Design, combinations_for

BITS = 64
TABLE_COST = 0.13
"""Microseconds of CPU to key, shuffle and group one signature in one table (`python benchmarks/bench_match.py`)."""
CANDIDATE_COST = 0.0018
"""Microseconds of CPU for one compared pair."""
BIT_WORTH = 0.85
"""What a key bit is worth where no sample says: real bits are correlated."""
SMALL_SAMPLE = 1_000
FEWEST_MEETINGS = 20
SHORTLIST = 8
ROWS_PER_PARTITION = 16_000_000
"""Rows of one table that one worker joins: 0.5 GB. One partition is best, as all tables then share its packed rows."""
SEEDS = (1, 2)
PART_ROWS, FINALISTS = 65_536, 2
"""All plans are measured on a part of the sample, the best few on all of it."""


@dataclass(frozen=True)
class Plan:
    """Tables that guarantee: two signatures within `radius` agree on all bits of at least one mask.

    Attributes:
      radius: Hamming radius of the guarantee, in bits.
      masks: one 64-bit mask for each table.
      design: the designs for a person.
      collisions: chance that two random signatures of the sample meet, summed over the tables.
    """

    radius: int
    masks: tuple[int, ...]
    design: str
    collisions: float

    def __post_init__(self):
        for mask in self.masks:
            # An empty mask would put everything into one bucket, and a shift by 64 loses pairs in silence.
            assert 0 < mask.bit_count() < BITS, f"mask of {mask.bit_count()} bits"

    @property
    def tables(self) -> int:
        """Count the tables."""
        return len(self.masks)

    @property
    def bits(self) -> float:
        """Give the mean number of bits a table keys on."""
        return sum(mask.bit_count() for mask in self.masks) / len(self.masks)

    @property
    def effective_bits(self) -> float:
        """Give the bits that a table's key is truly worth on this corpus (correlated bits count less)."""
        return float(-np.log2(max(self.collisions, 1e-18) / self.tables))

    def candidates(self, signatures: int) -> float:
        """Expect compared pairs per signature for a corpus of a size."""
        return self.collisions * signatures / 2

    def cost(self, signatures: int) -> float:
        """Expect microseconds of CPU per signature."""
        return self.tables * TABLE_COST + self.candidates(signatures) * CANDIDATE_COST

    def partitions(self, rows: int) -> int:
        """Choose the partitions of each table for a number of rows: they follow the data, never the workers."""
        return max(1, -(-rows // ROWS_PER_PARTITION))


def compared_like(contents: int, kinds: int) -> int:
    """Give how many plain signatures would be compared as often, each, as the rows of contents with probes.

    A plain signature meets half of the others (each pair counts once); a probe meets full signatures alone, but all.
    """
    return contents if kinds == 1 else 2 * contents


def make_plan(radius: int, signatures: int, sample: np.ndarray, usable: int = (1 << BITS) - 1) -> Plan:
    """Choose the cheapest tables for a corpus.

    Args:
      radius: Hamming radius with guaranteed recall, 0..12 bits.
      signatures: rows that will be searched.
      sample: distinct signatures of the corpus, uint64, or none.
      usable: bits that may be keyed on (all, but inside a bucket whose key bits agree already).
    """
    bits = _usable_bits(sample, usable)
    bits = bits[: BITS - 1]  # a key never holds all the bits
    shortlist = _shortlist(radius, max(2, signatures), len(bits))
    part = sample[:: max(1, len(sample) // PART_ROWS)]
    plans = [
        (_measure(radius, groups, _order(bits, seed), part), groups, seed) for groups in shortlist for seed in SEEDS
    ]
    plans.sort(key=lambda entry: (entry[0].cost(signatures), entry[0].masks))
    if len(part) == len(sample):
        return plans[0][0]
    finalists = [_measure(radius, groups, _order(bits, seed), sample) for _, groups, seed in plans[:FINALISTS]]
    return min(finalists, key=lambda plan: (plan.cost(signatures), plan.masks))


def _usable_bits(sample: np.ndarray, usable: int) -> list[int]:
    """List the bits worth keying on: a bit that never changes in a large sample tells nothing (the DC bit)."""
    bits = [bit for bit in range(BITS) if usable >> bit & 1]
    if len(sample) < 1_000:
        return bits
    either, both = int(np.bitwise_or.reduce(sample)), int(np.bitwise_and.reduce(sample))
    changing = [bit for bit in bits if (either & ~both) >> bit & 1]
    return changing if len(changing) > BITS // 2 else bits


def _order(bits: list[int], seed: int) -> list[int]:
    return [bits[i] for i in np.random.default_rng(seed).permutation(len(bits))]


@lru_cache(maxsize=256)
def _groupings(radius: int) -> list[tuple[Design, ...]]:
    return list(combinations_for(radius))


def _shortlist(radius: int, signatures: int, bits: int) -> list[tuple[Design, ...]]:
    """Rank groupings by nominal bits, discounted as real bits are, and keep the best of each number of tables."""
    best: dict[int, tuple[float, tuple[Design, ...]]] = {}
    for groups in _groupings(radius):
        if sum(design.blocks for design in groups) > bits:
            continue  # every block needs a bit of its own, or a mask could be empty
        tables = sum(len(design.kept) for design in groups)
        width = bits / sum(1 / design.share for design in groups)
        if width < 1:
            continue
        cost = tables * (TABLE_COST + CANDIDATE_COST * signatures / 2 * 2.0 ** (-BIT_WORTH * width))
        if tables not in best or cost < best[tables][0]:
            best[tables] = (cost, groups)
    if not best:
        raise ValueError(f"no exact tables for radius {radius} on {bits} bits")
    return [groups for _, groups in sorted(best.values(), key=lambda entry: entry[0])[:SHORTLIST]]


def _measure(radius: int, groups: tuple[Design, ...], order: list[int], sample: np.ndarray) -> Plan:
    masks = tuple(make_masks(groups, order))
    collisions = sum(_collision_chance(sample, mask) for mask in masks)
    return Plan(radius, masks, " + ".join(design.name for design in groups), collisions)


def make_masks(groups: tuple[Design, ...], order: list[int]) -> list[int]:
    """Deal the bits to groups and blocks, and give the mask of each table."""
    masks = []
    for design, bits in zip(groups, _deal(groups, order), strict=True):
        blocks = [sum(1 << bit for bit in bits[block :: design.blocks]) for block in range(design.blocks)]
        masks += [sum(blocks[block] for block in kept) for kept in design.kept]
    return masks


def _deal(groups: tuple[Design, ...], order: list[int]) -> list[list[int]]:
    """Split the bits so that every table keys on about as many, and every block has one at least."""
    shares = np.array([1 / design.share for design in groups])
    smallest = np.array([design.blocks for design in groups])
    sizes = np.maximum(smallest, np.floor(len(order) * shares / shares.sum()).astype(int))
    while sizes.sum() > len(order):
        sizes[np.argmax(sizes - smallest)] -= 1
    while sizes.sum() < len(order):
        sizes[np.argmin(sizes / shares)] += 1
    stops = np.cumsum(sizes)
    return [order[stop - size : stop] for size, stop in zip(sizes, stops, strict=True)]


def _collision_chance(sample: np.ndarray, mask: int) -> float:
    """Estimate the chance that two signatures share a key; below what the sample can show, from discounted bits."""
    nominal = 2.0 ** (-BIT_WORTH * mask.bit_count())
    if len(sample) < SMALL_SAMPLE:
        return nominal
    keys = np.sort(sample & np.uint64(mask))
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1], [True])))
    runs = np.diff(starts).astype(float)
    pairs = len(sample) * (len(sample) - 1.0)
    meetings = float((runs * (runs - 1)).sum())
    return (
        meetings / pairs
        if meetings >= FEWEST_MEETINGS
        else max(meetings / pairs, min(nominal, FEWEST_MEETINGS / pairs))
    )
