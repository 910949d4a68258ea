"""Settle documents at 256 pixels: which pairs are worth reading again, and how the finer pictures fit.

At 64 pixels two pages of one register agree in their lines, and a page and its own crop hardly more. At 256 the words
show: distinct pages agree in .58 of their blocks at most, copies in .85 and more (docs/matching.md).
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.match.align import align_coarse, align_fine, prepare_coarse, prepare_fine
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.measure import Measures, lies_on_black, rescored
from mirrorfold.transforms.match.probes import turn
from mirrorfold.transforms.match.score import SCORES

SIDE = 256
COARSE_STEPS = 10
SHORT_SIDE = 200
"""Pixels that the short side of both must have: smaller ones hold no more than 64 pixels show."""


def _lay_over(reference: np.ndarray, other: np.ndarray, warp: np.ndarray) -> np.ndarray:
    """Improve a warp at 128 and at 256 pixels, in place, and score it there; lumas uint8 (256, 256)."""
    lumas, pair = np.stack([reference, other]), (np.array([0]), np.array([1]))
    align_coarse(prepare_coarse(lumas), *pair, warp[None], COARSE_STEPS)
    return align_fine(prepare_fine(lumas), *pair, warp[None].copy(), warp[None], 0.0)[0]


def has_detail(features: Features, found: Measures) -> np.ndarray:
    """Tell which measured pairs have both sides' detail."""
    there = np.array([detail is not None for detail in features.details], dtype=bool)
    return there[found.a] & there[found.b] & ~lies_on_black(features, found)


def worth_detail(features: Features, found: Measures) -> np.ndarray:
    """Tell which measured pairs a finer picture could settle: enough pixels on both sides, and a first fit."""
    short = np.minimum(features.width, features.height)
    return (
        (np.minimum(short[found.a], short[found.b]) >= SHORT_SIDE)
        & (found.correlation >= 0.8)
        & (found.highpass >= 0.4)
        & (found.agreement >= 0.4)
        & ~lies_on_black(features, found)  # read again, it would lie on white
    )


def measure_detail(features: Features, found: Measures, chosen: np.ndarray) -> Measures:
    """Measure the chosen pairs, row numbers of `found`, again at 256 pixels, each from its warp at 64."""
    warps, scores = found.warp[chosen].copy(), np.zeros((len(chosen), len(SCORES)))
    for place, pair in enumerate(chosen.tolist()):
        reference, other = int(found.reference[pair]), int(found.turned[pair])
        turned = turn(_luma(features, other)[None], int(found.symmetry[pair]))[0]
        scores[place] = _lay_over(_luma(features, reference), turned, warps[place])
    return rescored(features, found, chosen, warps, scores)


def _luma(features: Features, row: int) -> np.ndarray:
    detail = features.details[row]
    assert detail is not None  # only pairs with both details are measured by them
    return np.frombuffer(detail, np.uint8).reshape(SIDE, SIDE)
