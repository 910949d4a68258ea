"""What recompression does to the means of small blocks, by the quantisation tables of both files."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

UNKNOWN = 2.0
"""Levels by which codecs without readable tables (WebP, AVIF, HEIC) shift the mean of 4x4 pixels at quality 30."""
RESAVED = 1.0
"""Levels that a file may have lost in an earlier saving, which its own tables don't show."""
WINDOW = 4


def spread_of(steps: tuple[int, ...] | None, ratio: float = 1.0) -> float:
    """Give the standard deviation, in levels, that a JPEG's quantisation gives to means of 4x4 pixels.

    Each coefficient is off by a uniform error of one step; a mean of 4x4 pixels takes in each basis function by a gain.

    Args:
      steps: the 64 steps in zigzag order; () where nothing is lost, None where it isn't known.
      ratio: pixels of this file per pixel of comparison, along a side: the error averages out.
    """
    if steps is None:
        return UNKNOWN / max(1.0, ratio)
    if not steps:
        return 0.0
    return float(np.sqrt((np.square(np.array(steps, float)) / 12 * _gains()).sum())) / max(1.0, ratio)


@lru_cache(maxsize=1)
def _gains() -> np.ndarray:
    """Give the mean square of each DCT basis function's 4x4 means, in zigzag order."""
    x = np.arange(8)
    basis = np.cos((2 * x[None, :] + 1) * x[:, None] * np.pi / 16) * np.where(x == 0, np.sqrt(0.125), 0.5)[:, None]
    means = np.stack([basis[:, at : at + WINDOW].mean(axis=1) for at in range(8 - WINDOW + 1)])
    one = np.square(means).mean(axis=0)
    gains = np.outer(one, one)
    order = sorted(((v, u) for v in range(8) for u in range(8)), key=lambda p: (sum(p), p[sum(p) % 2 == 0]))
    return np.array([gains[v, u] for v, u in order])
