"""Where in the larger picture a crop lies, for an outline on the page: found in the stored 64 x 64 lumas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

SIDE = 64
GRID = 16
"""Samples along each side of the crop that are compared."""
SCALES = (0.90, 0.94, 0.97, 1.0, 1.03, 1.06, 1.10)
COARSE, FINE = 1 / 24, 1 / 120
"""Steps of the search: everywhere first, then around the best place."""
LEAST = 0.8
"""Correlation below which no outline is drawn: none is better than a wrong one."""


class Place(NamedTuple):
    """A rectangle as shares of the larger picture's width and height."""

    x: float
    y: float
    w: float
    h: float


def place_crop(larger: Mapping, crop: Mapping, area: float | None) -> Place | None:
    """Find the crop in the larger picture; None where nothing fits well enough.

    Args:
      larger, crop: with width, height and luma (4,096 bytes). area: share of the larger that the crop shows.
    """
    whole, part = _luma(larger), _luma(crop)
    if whole is None or part is None or not area or not 0 < area < 1 or part.std() < 2:
        return None
    ratio = crop["width"] * larger["height"] / (crop["height"] * larger["width"])
    sampled = _sample(part, *np.meshgrid(_centres(), _centres()))
    best, found = LEAST, None
    for scale in SCALES:
        w, h = scale * np.sqrt(area * ratio), scale * np.sqrt(area / ratio)
        if w > 1 or h > 1:
            continue
        _, x, y = _search(whole, sampled, w, h, np.arange(0, 1 - w + 1e-9, COARSE), np.arange(0, 1 - h + 1e-9, COARSE))
        near = np.arange(-COARSE, COARSE + 1e-9, FINE)
        correlation, x, y = _search(whole, sampled, w, h, np.clip(x + near, 0, 1 - w), np.clip(y + near, 0, 1 - h))
        if correlation > best:
            best, found = correlation, Place(x, y, float(w), float(h))
    return found


def _luma(content: Mapping) -> np.ndarray | None:
    luma = content["luma"]
    if not luma or len(luma) != SIDE * SIDE:
        return None
    return np.frombuffer(luma, np.uint8).reshape(SIDE, SIDE).astype(np.float32)


def _centres() -> np.ndarray:
    return (np.arange(GRID) + 0.5) / GRID


def _sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Read a picture at shares of its width and height, between pixels by their distances."""
    column, row = np.clip(x * SIDE - 0.5, 0, SIDE - 1.001), np.clip(y * SIDE - 0.5, 0, SIDE - 1.001)
    left, top = column.astype(int), row.astype(int)
    dx, dy = column - left, row - top
    above = picture[top, left] * (1 - dx) + picture[top, left + 1] * dx
    below = picture[top + 1, left] * (1 - dx) + picture[top + 1, left + 1] * dx
    return above * (1 - dy) + below * dy


def _search(
    whole: np.ndarray, sampled: np.ndarray, w: float, h: float, xs: np.ndarray, ys: np.ndarray
) -> tuple[float, float, float]:
    """Try upper left corners for one size; gives the best correlation and its corner."""
    corner_y, corner_x = (axis.ravel() for axis in np.meshgrid(ys, xs, indexing="ij"))
    grid_y, grid_x = (axis.ravel() for axis in np.meshgrid(_centres() * h, _centres() * w, indexing="ij"))
    read = _sample(whole, corner_x[:, None] + grid_x, corner_y[:, None] + grid_y)
    read = read - read.mean(axis=1, keepdims=True)
    wanted = sampled.ravel() - sampled.mean()
    strength = np.sqrt((read * read).sum(axis=1) * (wanted @ wanted)) + 1e-6
    correlation = read @ wanted / strength
    at = int(correlation.argmax())
    return float(correlation[at]), float(corner_x[at]), float(corner_y[at])
