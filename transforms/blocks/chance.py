"""The chance that a sample finds few errors: what acceptance by sampling and a reconciliation's bound rest on."""

from __future__ import annotations

import math


def finds_at_most(errors: int, total: int, wrong: int, sample: int) -> float:
    """Give the chance that a sample of `total` things, `wrong` of them, finds at most `errors` (hypergeometric)."""
    low, high = max(0, sample - (total - wrong)), min(errors, wrong, sample)
    if high < low:
        return 0.0
    whole = _log_choose(total, sample)
    return min(
        1.0,
        math.fsum(
            math.exp(_log_choose(wrong, k) + _log_choose(total - wrong, sample - k) - whole)
            for k in range(low, high + 1)
        ),
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
