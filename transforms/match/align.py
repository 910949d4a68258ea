"""Align pairs of lumas: cheaply at 32 pixels, and at 64 those that are alike there.

The reference is laid onto the other picture, so when the reference is the crop every one of its pixels has a
counterpart. A symmetry of the other picture is a part of the warp: no turned picture is made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.filters import halves, prepare, smoothed
from mirrorfold.transforms.match.register import climb, make_work
from mirrorfold.transforms.match.score import SCORES, compare, likeness

COARSE_STEPS, FINE_STEPS = 10, 12
COARSE_BLUR, FINE_BLUR = 2, 3
"""Half of the square whose average the high-pass takes off, in pixels of 32 and of 64."""
DRIFT, DRIFT_GAIN, DRIFT_SHARE = 0.04, 0.01, 0.3
"""A caption pulls the warp by as much as this; unless the high-pass correlation gains, by so much or by so large a
share of what it lacks, the plain warp stands."""
CLEAR_CORRELATION, CLEAR_HIGHPASS = 0.995, 0.95
"""A pair that fits this well as it lies isn't aligned: that would change nothing."""

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Prepared(NamedTuple):
    """Pictures ready for alignment, a row each: float32 (rows, side, side), and their inverses (rows, 6, 6)."""

    images: np.ndarray
    high: np.ndarray
    right: np.ndarray
    down: np.ndarray
    inverse: np.ndarray


def prepare_coarse(lumas: np.ndarray) -> Prepared:
    """Prepare lumas, uint8 (rows, 64, 64), at half of their side."""
    images = halves(lumas)
    return Prepared(images, *prepare(images, COARSE_BLUR))


def prepare_fine(lumas: np.ndarray) -> Prepared:
    """Prepare lumas, uint8 (rows, side, side), at their full side."""
    images = smoothed(lumas)
    return Prepared(images, *prepare(images, FINE_BLUR))


def align_coarse(prepared: Prepared, reference, other, warps: np.ndarray, steps: int = COARSE_STEPS) -> np.ndarray:
    """Improve warps in place, float64 (tries, 6); give the scores of `score.likeness`, float64 (tries, SCORES)."""
    scores = np.zeros((len(warps), len(SCORES)))
    _align_coarse(*prepared, reference, other, warps, scores, steps)
    return scores


def align_fine(
    prepared: Prepared, reference, other, starts: np.ndarray, warps: np.ndarray, drift: float = DRIFT
) -> np.ndarray:
    """Improve warps in place, float64 (tries, 6); give the scores of `score.compare`.

    Args:
      drift: a warp that has moved by less is put back to its start, unless it gains.
    """
    scores = np.zeros((len(warps), len(SCORES)))
    _align_fine(*prepared, reference, other, starts, warps, scores, drift)
    return scores


@compiled
def _align_coarse(images, high, right, down, inverse, reference, other, warps, scores, steps):
    work = make_work(images.shape[1])
    for k in range(len(reference)):
        i, j = reference[k], other[k]
        start = warps[k].copy()
        if not climb(images[i], right[i], down[i], inverse[i], images[j], warps[k], steps, work):
            warps[k] = start
        likeness(images[i], high[i], images[j], high[j], warps[k], scores[k], work)


@compiled
def _align_fine(images, high, right, down, inverse, reference, other, starts, warps, scores, drift):
    work = make_work(images.shape[1])
    plain = np.zeros(len(SCORES))
    for k in range(len(reference)):
        i, j = reference[k], other[k]
        start, near = starts[k], np.abs(warps[k] - starts[k]).max() < drift
        if near:
            compare(images[i], high[i], images[j], high[j], start, plain, work)
        if not near or plain[0] < CLEAR_CORRELATION or plain[1] < CLEAR_HIGHPASS:
            coarse = warps[k].copy()
            if not climb(images[i], right[i], down[i], inverse[i], images[j], warps[k], FINE_STEPS, work):
                warps[k] = coarse
            compare(images[i], high[i], images[j], high[j], warps[k], scores[k], work)
            if np.abs(warps[k] - start).max() >= drift:
                continue
            if not near:
                compare(images[i], high[i], images[j], high[j], start, plain, work)
            if scores[k, 1] >= plain[1] + min(DRIFT_GAIN, DRIFT_SHARE * (1 - plain[1])):
                continue
        warps[k], scores[k] = start, plain
