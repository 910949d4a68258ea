"""Align pairs of lumas from coarse to fine and score how well they fit.

The reference is laid onto the other picture, so when the reference is the crop every one of its pixels has a
counterpart.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.register import refine
from mirrorfold.transforms.match.score import SCORES, compare

COARSE_STEPS, FINE_STEPS = 12, 8
DRIFT, DRIFT_GAIN = 0.04, 0.01
"""A caption pulls the warp by as much as this; unless the high-pass correlation gains, the plain warp stands."""

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@compiled
def align_pairs(fine, high, coarse, references, others, warps, scores, steps):
    """Align pairs of prepared lumas from starting warps, in place.

    Args:
      fine, high (rows, 64, 64) and coarse (rows, 32, 32), float32: see `filters.prepare`.
      references, others: row numbers, int64 (pairs,); warps: float64 (pairs, 6), reference to other, updated.
      scores: float64 (pairs, 6), filled: see `score.compare`. steps: whether to refine, or only to score.
    """
    plain = np.zeros(len(SCORES))
    for pair in range(len(references)):
        i, j = references[pair], others[pair]
        if steps:
            start = warps[pair].copy()
            good = refine(coarse[i], coarse[j], warps[pair], COARSE_STEPS)
            good = good and refine(fine[i], fine[j], warps[pair], FINE_STEPS)
            if not good:
                warps[pair] = start
            elif np.abs(warps[pair] - start).max() < DRIFT:
                compare(fine[i], high[i], fine[j], high[j], start, plain)
                compare(fine[i], high[i], fine[j], high[j], warps[pair], scores[pair])
                if plain[1] > scores[pair, 1] - DRIFT_GAIN:
                    warps[pair] = start
        compare(fine[i], high[i], fine[j], high[j], warps[pair], scores[pair])
