"""Tables share a shuffle in groups: each in one, and rows that agree on a table's bits lie in one partition of it."""

import math

import numpy as np
import pytest

from mirrorfold.transforms.match.groups import SPARE_BITS, WHOLE_GROUPS, group_tables
from mirrorfold.transforms.match.packing import split
from mirrorfold.transforms.match.plan import make_plan
from mirrorfold.transforms.match.rows import Rows

SIZES = (10**4, 10**6, 10**7, 5 * 10**7, 10**9)
ROWS = np.random.default_rng(1).integers(0, 1 << 63, 4_000).astype(np.uint64)


@pytest.mark.parametrize("partitions", [1, 4, 35, 350])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radius", [2, 6, 8])
def test_each_table_is_in_one_group_whose_bits_it_keys_on(radius, size, partitions):
    plan = make_plan(radius, size, np.empty(0, np.uint64))
    groups = group_tables(plan, partitions)
    assert sorted(table for group in groups for table in group.tables) == list(range(plan.tables))
    for group in groups:
        assert all(plan.masks[table] & group.mask == group.mask for table in group.tables)
        wide = group.mask.bit_count() >= math.ceil(math.log2(partitions)) + SPARE_BITS
        assert wide or len(group.tables) == 1 or partitions == 1
    assert partitions > 1 or len(groups) <= WHOLE_GROUPS


def test_rows_that_agree_on_a_tables_bits_meet():
    plan, partitions = make_plan(6, 10**6, np.empty(0, np.uint64)), 7
    groups = group_tables(plan, partitions)
    rows = Rows(ROWS, np.arange(len(ROWS), dtype=np.uint64), np.empty((len(ROWS), 0), np.uint64))
    met: dict[int, dict[int, int]] = {}
    for key, part in split(rows, tuple(group.mask for group in groups), partitions):
        for row in part.ids.tolist():
            met.setdefault(key // partitions, {})[row] = key % partitions
    for number, group in enumerate(groups):
        assert len(met[number]) == len(ROWS)
        for table in group.tables:
            keys: dict[int, set[int]] = {}
            for row, bits in enumerate((ROWS & np.uint64(plan.masks[table])).tolist()):
                keys.setdefault(bits, set()).add(met[number][row])
            assert all(len(places) == 1 for places in keys.values())
