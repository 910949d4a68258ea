"""The bound on what nobody read, held against every sample that there is."""

import itertools
import math

import pytest

from mirrorfold.transforms.reconcile.bound import most_wrong, sample_size


@pytest.mark.parametrize(
    ("total", "read", "wrong"), [(12, 5, 0), (12, 5, 1), (30, 12, 0), (9, 8, 2), (7, 7, 3), (20, 0, 0)]
)
def test_the_largest_number_that_is_credible(total: int, read: int, wrong: int) -> None:
    def chance(bad: int) -> float:
        drawn = sum(math.comb(bad, k) * math.comb(total - bad, read - k) for k in range(wrong + 1))
        return drawn / math.comb(total, read)

    credible = [bad for bad in range(wrong, total - (read - wrong) + 1) if chance(bad) > 0.05]
    assert most_wrong(total, read, wrong) == (max(credible) if read < total else wrong)


def test_more_reading_never_loosens_it() -> None:
    bounds = [most_wrong(1_000, read, 0) for read in range(0, 1_001, 50)]
    assert all(more >= less for more, less in itertools.pairwise(bounds))
    assert (bounds[0], bounds[-1]) == (1_000, 0)


@pytest.mark.parametrize(("sample", "size"), [(None, 200), (0.01, 2), (0.001, 1), (0.0, 0), (50.0, 50), (500.0, 200)])
def test_samples_are_shares_or_numbers(sample: float | None, size: int) -> None:
    assert sample_size(200, sample) == size
