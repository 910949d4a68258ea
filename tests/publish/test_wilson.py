"""The interval that a tier's precision is given with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.transforms.publish.wilson import wilson


@pytest.mark.parametrize(
    ("right", "looked", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962), (98, 100, 0.9300, 0.9945),
     (0, 0, 0.0, 1.0)],
)  # fmt: skip
def test_known_intervals(right: int, looked: int, low: float, high: float) -> None:
    assert wilson(right, looked) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_holds_the_share_within_bounds(case: tuple[int, int]) -> None:
    right, looked = case
    low, high = wilson(right, looked)
    assert 0 <= low <= right / looked + 1e-12
    assert right / looked - 1e-12 <= high <= 1
