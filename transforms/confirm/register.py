"""Lay the larger of two pictures over the smaller one, to a tenth of the smaller's pixel.

A copy is scaled, and cut by a sliver at most: so a box within the larger picture is sought that, resized to the
smaller's size, fits it. Gauss-Newton over four numbers of the box, together with gain, offset and sharpness, which are
what encoders and resampling filters differ in (Lucas and Kanade, 1981; photometric terms after Bartoli, 2008).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

LEVELS = (96, 384, 1_024)
"""Long sides of the pyramid, in pixels; the last refines the box at close to full size."""
STEPS = 3
MOST_SHIFT = 0.04
"""Share of a side by which a copy's edges may lie inside the other's."""
SETTLED = 0.02
"""Pixels of a level below which a further step is idle."""
STRETCH = 0.004
"""By how much a copy's scales across and down differ at most, apart from the rounding of its sides."""
MOVED = 0.75
"""Pixels of the smaller picture by which a copy may lie beside itself, as resizers round."""
SNAPPED = 0.15
"""Pixels of a level within which a box counts as the whole picture."""
SAMPLES = 1 << 17
MOST_GAIN, MOST_OFFSET, MOST_SHARPNESS = 0.04, 5.0, 1.5
"""What an encoder's arithmetic does to brightness at most, and a filter to the finest detail; more is a change."""
_HUBER = 3.0


class Box(NamedTuple):
    """The part of the larger picture that the smaller shows: left, top, right, bottom, as shares of its sides."""

    left: float
    top: float
    right: float
    bottom: float


class Tone(NamedTuple):
    """b = a + gain * a + offset + fine * (a - blur(a)) + coarse * (blur(a) - wider blur(a))."""

    gain: float
    offset: float
    fine: float
    coarse: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def lay_over(large: Image.Image, small: Image.Image) -> Box:
    """Find the box of `large` (mode L) that `small` (mode L) shows."""
    box = WHOLE
    for level in LEVELS:
        scale = min(1.0, level / max(small.size))
        size = (max(8, round(small.width * scale)), max(8, round(small.height * scale)))
        target = _plane(small if size == small.size else small.resize(size, Image.Resampling.BICUBIC))
        for start in dict.fromkeys((WHOLE, box)):
            tried = start
            for _ in range(STEPS):
                tried, moved = _step(_plane(cut(large, tried, size)), target, tried)
                if moved < SETTLED:
                    break
            if _apart(tried, WHOLE, size) < SNAPPED:
                box = WHOLE  # resized and nothing else, as nearly all copies are
                break
            if _is_warped(tried, large.size, small.size):
                continue
            box = min(WHOLE, box, tried, key=lambda one: _misfit(large, target, one, size))
        if scale == 1.0:
            break
    return box


def _is_warped(box: Box, large: tuple[int, int], small: tuple[int, int]) -> bool:
    """Tell a box that no copy shows: copies are scaled and cut, never stretched, and never moved beside themselves.

    Otherwise a point that moved on plain ground would be laid over itself.
    """
    scales = [(box[axis + 2] - box[axis]) * large[axis] / small[axis] for axis in (0, 1)]
    if abs(float(np.log(scales[0] / scales[1]))) > STRETCH + 1.5 / min(small):
        return True
    least = MOVED / small[0], MOVED / small[1]
    return any(
        min(box[axis], box[axis + 2] - 1) > least[axis] or max(box[axis], box[axis + 2] - 1) < -least[axis]
        for axis in (0, 1)
    )


def _apart(one: Box, other: Box, size: tuple[int, int]) -> float:
    return max(abs(a - b) * size[at % 2] for at, (a, b) in enumerate(zip(one, other, strict=True)))


def _misfit(large: Image.Image, target: np.ndarray, box: Box, size: tuple[int, int]) -> float:
    plane = _plane(cut(large, box, size))
    return float(np.square(match_tone(plane, target) - target).mean())


def cut(large: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Resize the box of a picture; what lies outside the picture repeats its edge."""
    width, height = large.size
    area = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    if size == large.size and max(abs(area[0]), abs(area[1]), abs(area[2] - width), abs(area[3] - height)) < 0.03:
        return large
    outside = max(-area[0], -area[1], area[2] - width, area[3] - height, 0.0)
    if outside > 0:
        margin = int(np.ceil(outside))
        large = _padded(large, margin)
        area = (area[0] + margin, area[1] + margin, area[2] + margin, area[3] + margin)
    return large.resize(size, Image.Resampling.BICUBIC, area)


def _padded(image: Image.Image, margin: int) -> Image.Image:
    pixels = np.asarray(image)
    return Image.fromarray(np.pad(pixels, ((margin, margin), (margin, margin), (0, 0))[: pixels.ndim], mode="edge"))


def _plane(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32)


def blur(plane: np.ndarray, radius: int = 1) -> np.ndarray:
    """Blur by (1, 2, 1) along both axes, taps `radius` pixels apart; edges repeat."""
    padded = np.pad(plane, radius, mode="edge")
    rows = padded[: -2 * radius] + 2 * padded[radius:-radius] + padded[2 * radius :]
    return (rows[:, : -2 * radius] + 2 * rows[:, radius:-radius] + rows[:, 2 * radius :]) * np.float32(1 / 16)


def _step(a: np.ndarray, b: np.ndarray, box: Box) -> tuple[Box, float]:
    """Improve a box once; give it, and the most pixels that an edge has moved by."""
    height, width = a.shape
    smooth = blur(a)
    down, across = np.gradient(smooth)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = [across, across * x, down, down * y, a - 128, np.ones_like(a), a - smooth]
    found = _solve(columns, b - a)
    tx, sx, ty, sy = (float(value) for value in found[:4])
    wide, high = (box.right - box.left) / width, (box.bottom - box.top) / height
    moved = Box(
        _within(box.left + (tx - sx) * wide, 0),
        _within(box.top + (ty - sy) * high, 0),
        _within(box.right + (tx + sx) * wide, 1),
        _within(box.bottom + (ty + sy) * high, 1),
    )
    return moved, max(abs(tx) + abs(sx), abs(ty) + abs(sy))


def _within(edge: float, at: int) -> float:
    return min(max(edge, at - MOST_SHIFT), at + MOST_SHIFT)


def _solve(columns: list[np.ndarray], target: np.ndarray) -> np.ndarray:
    """Solve least squares over a sample of the pixels, twice: what fits badly at first then counts less."""
    stride = max(1, int(np.sqrt(target.size / SAMPLES)))
    rows = np.stack([column[::stride, ::stride].ravel() for column in columns])
    wanted = target[::stride, ::stride].ravel()
    weights = np.float32(1)
    found = np.zeros(len(columns))
    for _ in range(2):
        weighted = rows * weights
        matrix = (weighted @ rows.T).astype(np.float64)
        matrix[np.diag_indices(len(columns))] *= 1 + 1e-6
        matrix[np.diag_indices(len(columns))] += 1e-6
        found = np.linalg.solve(matrix, weighted @ wanted)
        left = np.abs(wanted - found.astype(np.float32) @ rows)
        # Edges are few on a page and all there is to go by: only what stands out among them counts less.
        spread = _HUBER * max(1.5 * float(np.median(left)) + 0.5, float(np.sqrt(np.mean(np.square(left)))))
        weights = np.minimum(1, np.float32(spread) / np.maximum(left, 1e-6))
    return found


def match_tone(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give `a` with the brightness and sharpness of `b`, within what an encoder and a resampling filter do; float32."""
    smooth = blur(a)
    wider = blur(smooth, 2)
    columns = [a - 128, np.ones_like(a), a - smooth, smooth - wider]
    gain, offset, fine, coarse = _solve(columns, b - a)
    gain, offset = np.clip(gain, -MOST_GAIN, MOST_GAIN), np.clip(offset, -MOST_OFFSET, MOST_OFFSET)
    fine, coarse = np.clip([fine, coarse], -MOST_SHARPNESS, MOST_SHARPNESS)
    out = a + np.float32(gain) * columns[0] + np.float32(offset)
    return out + np.float32(fine) * columns[2] + np.float32(coarse) * columns[3]
