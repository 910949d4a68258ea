"""Settle documents at 256 pixels: which pairs are worth reading again, and how the finer pictures fit.

At 64 pixels two pages of one register agree in their lines, and a page and its own crop hardly more. At 256 the words
show: distinct pages agree in .58 of their blocks at most, copies in .85 and more (docs/matching.md).
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.filters import box_blur, halve, smooth
from mirrorfold.transforms.match.measure import Measures, rescored
from mirrorfold.transforms.match.probes import turn
from mirrorfold.transforms.match.register import refine
from mirrorfold.transforms.match.score import SCORES, compare

SIDE = 256
COARSE_STEPS, FINE_STEPS = 10, 6
SHORT_SIDE = 200
"""Pixels that the short side of both must have: smaller ones hold no more than 64 pixels show."""


@compiled
def _lay_over(reference, other, warp, scores):
    """Refine a warp at 128 and at 256 pixels, in place, and score it there."""
    fine, other_fine = smooth(reference), smooth(other)
    start = warp.copy()
    good = refine(smooth(halve(fine)), smooth(halve(other_fine)), warp, COARSE_STEPS)
    good = good and refine(fine, other_fine, warp, FINE_STEPS)
    if not good:
        warp[:] = start
    compare(fine, fine - box_blur(fine, 3), other_fine, other_fine - box_blur(other_fine, 3), warp, scores)


def has_detail(features: Features, found: Measures) -> np.ndarray:
    """Tell which measured pairs have both sides' detail."""
    there = np.array([detail is not None for detail in features.details], dtype=bool)
    return there[found.a] & there[found.b] if len(there) else np.zeros(len(found.a), dtype=bool)


def worth_detail(features: Features, found: Measures) -> np.ndarray:
    """Tell which measured pairs a finer picture could settle: enough pixels on both sides, and a first fit."""
    short = np.minimum(features.width, features.height)
    return (
        (np.minimum(short[found.a], short[found.b]) >= SHORT_SIDE)
        & (found.correlation >= 0.8)
        & (found.highpass >= 0.4)
        & (found.agreement >= 0.4)
    )


def measure_detail(features: Features, found: Measures, chosen: np.ndarray) -> Measures:
    """Measure the chosen pairs, row numbers of `found`, again at 256 pixels, each from its warp at 64."""
    warps, scores = found.warp[chosen].copy(), np.zeros((len(chosen), len(SCORES)))
    for place, pair in enumerate(chosen.tolist()):
        reference, other = int(found.reference[pair]), int(found.turned[pair])
        turned = turn(_luma(features, other)[None], int(found.symmetry[pair]))[0]
        _lay_over(_luma(features, reference), np.ascontiguousarray(turned), warps[place], scores[place])
    return rescored(features, found, chosen, warps, scores)


def _luma(features: Features, row: int) -> np.ndarray:
    detail = features.details[row]
    assert detail is not None  # only pairs with both details are measured by them
    return np.frombuffer(detail, np.uint8).reshape(SIDE, SIDE).astype(np.float32)
