"""The matrices behind the signatures: Pillow's LANCZOS in integers, and cosines rounded to integers.

Every product of these with pixels is a sum of integers below 2**53, so float64 holds it exactly whatever the order of
summation: the same bits on every CPU and BLAS. Source of the resize: Pillow, src/libImaging/Resample.c (its 8-bit path
has 22 fraction bits, horizontal pass first, each pass rounded half up and clipped).
"""

from __future__ import annotations

import math

import numpy as np

RESIZE_BITS = 22
COSINE_BITS = 16


def _lanczos3(x: float) -> float:
    if not -3.0 <= x < 3.0:
        return 0.0
    if x == 0.0:
        return 1.0
    return (math.sin(math.pi * x) / (math.pi * x)) * (math.sin(math.pi * x / 3) / (math.pi * x / 3))


def lanczos_matrix(source: int, target: int, start: float = 0.0, stop: float | None = None) -> np.ndarray:
    """Give the (target, source) weights with which Pillow shrinks [start, stop) of `source` pixels, before rounding."""
    stop = float(source) if stop is None else stop
    scale = (stop - start) / target
    support, stretch = 3.0 * max(scale, 1.0), 1.0 / max(scale, 1.0)
    weights = np.zeros((target, source))
    for row in range(target):
        centre = start + (row + 0.5) * scale
        first, last = max(0, int(centre - support + 0.5)), min(source, int(centre + support + 0.5))
        taps = [_lanczos3((column - centre + 0.5) * stretch) for column in range(first, last)]
        weights[row, first:last] = np.array(taps) / sum(taps)
    return weights


def pillow_matrix(source: int, target: int) -> np.ndarray:
    """Give Pillow's own fixed-point weights, scaled by 2**-22: `floor(weights @ pixels + 0.5)` is its result."""
    scaled = lanczos_matrix(source, target) * (1 << RESIZE_BITS)
    return np.trunc(scaled + np.copysign(0.5, scaled)) / (1 << RESIZE_BITS)


def cosine_matrix(size: int, rows: int) -> np.ndarray:
    """Give the first `rows` rows of the unnormalised DCT-II over `size` samples, real."""
    angles = np.pi * np.outer(np.arange(rows), 2 * np.arange(size) + 1) / (2 * size)
    return np.cos(angles)


def integer(matrix: np.ndarray) -> np.ndarray:
    """Round a real matrix to integers at 16 fraction bits."""
    return np.rint(matrix * (1 << COSINE_BITS))
