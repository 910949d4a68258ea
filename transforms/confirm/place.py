"""Where two pictures differ most: the box around the blocks that hang together with the worst one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

REACH = 4
"""Cells of two pixels over which differing blocks still count as one place: letters of a word."""
MOST_CELLS = 200_000


class Place(NamedTuple):
    """A box in pixels of the smaller picture, upright."""

    x: int
    y: int
    w: int
    h: int


def place_of(excess: np.ndarray, above: float, size: tuple[int, int], reach: int = REACH) -> Place:
    """Give the box around the largest difference: cells of at least `above` that lie within reach of each other."""
    worst = np.unravel_index(int(excess.argmax()), excess.shape)
    rows, columns = np.nonzero(excess >= above)
    top, bottom, left, right = int(worst[0]), int(worst[0]), int(worst[1]), int(worst[1])
    if len(rows) <= MOST_CELLS:
        while True:
            near = (
                (rows >= top - reach)
                & (rows <= bottom + reach)
                & (columns >= left - reach)
                & (columns <= right + reach)
            )
            box = (int(rows[near].min()), int(rows[near].max()), int(columns[near].min()), int(columns[near].max()))
            if box == (top, bottom, left, right):
                break
            top, bottom, left, right = box
    else:
        top, bottom, left, right = int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
    x, y = 2 * left, 2 * top
    return Place(x, y, min(size[0], 2 * right + 6) - x, min(size[1], 2 * bottom + 6) - y)
