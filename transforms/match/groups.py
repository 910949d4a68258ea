"""Which tables share a shuffle: those whose masks share bits, by which a row's partition is named once for all of them.

A searched row is sent once for each group of tables, not once for each table, and joined there in every table of the
group. Two rows that agree on a table's whole mask agree on the bits it shares, so they lie in one partition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mirrorfold.transforms.match.plan import Plan

WHOLE_GROUPS = 3
"""Groups where one partition holds all rows: so many workers may search, and so often a row travels."""
SPARE_BITS = 3
"""Bits that a group shares beyond those that number its partitions: real bits are uneven, partitions should be even."""


@dataclass(frozen=True)
class Group:
    """Tables that are joined where their rows met.

    Attributes:
      mask: the bits that name a row's partition, set in the mask of each table; 0 where there is one partition.
      tables: their numbers, ascending.
    """

    mask: int
    tables: tuple[int, ...]


def group_tables(plan: Plan, partitions: int) -> tuple[Group, ...]:
    """Group a plan's tables, each in one group, so that a row travels as seldom as partitions of even size allow."""
    if partitions == 1:
        groups = min(WHOLE_GROUPS, plan.tables)
        return tuple(Group(0, tuple(range(number, plan.tables, groups))) for number in range(groups))
    bits = math.ceil(math.log2(partitions)) + SPARE_BITS
    left, found = set(range(plan.tables)), []
    while left:
        group = max(_shared(plan, left, bits), key=_worth)
        found.append(group)
        left -= set(group.tables)
    return tuple(found)


def _shared(plan: Plan, left: set[int], bits: int) -> list[Group]:
    """List groups of tables that share so many bits; a table that shares too few with any other is one by itself."""
    masks = plan.masks
    shared = {masks[one] & masks[other] for one in left for other in left if one < other}
    wide = [mask for mask in shared if mask.bit_count() >= bits]
    groups = [Group(mask, tuple(table for table in sorted(left) if masks[table] & mask == mask)) for mask in wide]
    return groups or [Group(masks[min(left)], (min(left),))]


def _worth(group: Group) -> tuple[int, int, int]:
    return len(group.tables), group.mask.bit_count(), group.mask
