"""How many of those that nobody read may be wrong, from those that were."""

from __future__ import annotations

from math import ceil

from mirrorfold.transforms.blocks.chance import finds_at_most


def most_wrong(total: int, read: int, wrong: int, confidence: float = 0.95) -> int:
    """Give the largest number of wrong objects among `total` that a sample leaves credible.

    A sample of `read` drawn without return found `wrong`. With more wrong ones in all, so few would have been found in
    less than 1 - confidence of all samples (exact hypergeometric bound, Buonaccorsi 1987).
    """
    if read >= total:
        return wrong
    low, high = wrong, total - (read - wrong)
    while low < high:
        middle = -(-(low + high) // 2)
        if finds_at_most(wrong, total, middle, read) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def sample_size(total: int, sample: float | None) -> int:
    """Give how many of `total` are read: all without a sample, a share of them below 1, else that number."""
    if sample is None:
        return total
    return min(total, ceil(total * sample) if sample < 1 else int(sample))
