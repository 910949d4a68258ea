"""Confidence intervals for what samples tell. Pure numpy; conservative where a choice had to be made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `exact` where nothing was sampled."""

    low: float
    mid: float
    high: float
    confidence: float = CONFIDENCE

    @property
    def exact(self) -> bool:
        """Whether it is a count, not an estimate."""
        return self.low == self.high

    def plus(self, amount: float) -> Interval:
        """Add a known amount."""
        return Interval(self.low + amount, self.mid + amount, self.high + amount, self.confidence)

    def times(self, factor: float) -> Interval:
        """Scale by a known factor."""
        return Interval(self.low * factor, self.mid * factor, self.high * factor, self.confidence)


def mean_of_shares(shares: np.ndarray, fresh: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Estimate the mean of shares in [0, 1] that were drawn independently.

    Wilson's interval, with the sample's own variance in place of the binomial's: shares that hardly differ say more
    than as many coin throws. One share of 0 and one of 1 are imagined beside those drawn, because shares that all agree
    say little about rare ones that don't.

    Args:
      shares: of shape (drawn,), each in [0, 1].
      fresh: of shape (drawn,), how much of each share's uncertainty the sample left (1 - its chance of being drawn).
    """
    drawn = len(shares)
    if not drawn:
        return Interval(0.0, 0.5, 1.0, confidence)
    mean = float(shares.mean())
    coin = mean * (1 - mean)
    spread = float((fresh * (shares - mean) ** 2).sum()) + mean**2 + (1 - mean) ** 2
    ratio = min(1.0, spread / (drawn + 2) / coin) if coin > 0 else 1.0
    return wilson(mean, drawn / ratio, confidence)


def wilson(share: float, drawn: float, confidence: float = CONFIDENCE) -> Interval:
    """Give Wilson's score interval of a share among a number of draws, which need not be whole.

    With the correction for continuity: a 95 % interval then covers in at least 95 % of cases, not about as many.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre, width = 2 * drawn * share + z * z, 2 * (drawn + z * z)
    low = centre - 1 - z * math.sqrt(max(0.0, z * z - 2 - 1 / drawn + 4 * share * (drawn * (1 - share) + 1)))
    high = centre + 1 + z * math.sqrt(max(0.0, z * z + 2 - 1 / drawn + 4 * share * (drawn * (1 - share) - 1)))
    return Interval(
        max(0.0, low / width) if share > 0 else 0.0, share, min(1.0, high / width) if share < 1 else 1.0, confidence
    )


def poisson(count: float, confidence: float = CONFIDENCE) -> Interval:
    """Give an interval of a Poisson mean from one count, by Byar's approximation (within 1 % of the exact one)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3 if count > 0 else 0.0
    above = count + 1
    high = above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3
    return Interval(max(0.0, low), count, high, confidence)


def weighted_count(amounts: np.ndarray, chance: float, confidence: float = CONFIDENCE) -> Interval:
    """Estimate a total from amounts that were each seen with the same chance.

    The amounts are a compound Poisson sum: its count is scaled so that mean and variance both fit.
    """
    if chance >= 1:
        total = float(amounts.sum())
        return Interval(total, total, total, confidence)
    total, squares = float(amounts.sum()), float((amounts.astype(float) ** 2).sum())
    scale = squares / total if total > 0 else 1.0
    return poisson(total / scale, confidence).times(scale / chance)


def add(*parts: Interval) -> Interval:
    """Add independent estimates; the distances to the ends add in squares (MOVER)."""
    mid = sum(part.mid for part in parts)
    low = mid - math.sqrt(sum((part.mid - part.low) ** 2 for part in parts))
    high = mid + math.sqrt(sum((part.high - part.mid) ** 2 for part in parts))
    return Interval(max(0.0, low), mid, high, parts[0].confidence)
