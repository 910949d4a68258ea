"""Every design tolerates the errors it claims, and every plan's masks find what they must."""

from itertools import combinations

import numpy as np
import pytest

from mirrorfold.transforms.match.designs import choose, combinations_for, designs_for, projective, whole
from mirrorfold.transforms.match.plan import Plan, make_masks, make_plan


@pytest.mark.parametrize(
    "design",
    [whole(), choose(1, 3), choose(2, 4), choose(3, 6), projective(1), projective(2), projective(3), projective(4)],
    ids=lambda design: design.name,
)
def test_some_table_avoids_any_wrong_blocks(design):
    kept = [set(blocks) for blocks in design.kept]
    for wrong in combinations(range(design.blocks), design.errors):
        assert any(blocks.isdisjoint(wrong) for blocks in kept), wrong


@pytest.mark.parametrize("radius", range(13))
def test_groups_add_up_to_the_radius(radius):
    found = list(combinations_for(radius))
    assert found
    for groups in found:
        assert sum(design.errors + 1 for design in groups) == radius + 1


@pytest.mark.parametrize("radius", [1, 4, 6, 9])
def test_masks_use_every_bit_once_per_group(radius):
    for groups in list(combinations_for(radius))[::7]:
        if sum(design.blocks for design in groups) > 63:
            continue
        masks = make_masks(groups, list(range(63)))
        assert len(masks) == sum(len(design.kept) for design in groups)
        assert int(np.bitwise_or.reduce(np.array(masks, np.uint64))) == (1 << 63) - 1


@pytest.mark.parametrize("mask", [0, (1 << 64) - 1], ids=["empty", "full"])
def test_a_degenerate_mask_is_refused(mask):
    with pytest.raises(AssertionError, match="mask of"):
        Plan(1, (mask, 5), "", 0.0)


def test_more_signatures_get_more_bits():
    sample = np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64)
    small, large = make_plan(4, 10**4, sample), make_plan(4, 10**9, sample)
    assert large.bits > small.bits
    assert large.tables > small.tables
    assert large.cost(10**9) < small.cost(10**9)


def test_designs_are_listed_for_every_number_of_errors():
    assert [bool(designs_for(errors)) for errors in range(12)] == [True] * 12
