"""Prepare lumas for alignment: smooth, halve, take off what is coarse, and find slopes.

Sums run in a fixed order, a lane for each column, so that every CPU gives the same bits.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.register import ZERO, invert

TWO, SIXTEENTH, QUARTER = np.float32(2), np.float32(1 / 16), np.float32(1 / 4)


@compiled
def smooth(image, out):
    """Blur with the binomial 1-2-1 in both directions."""
    side = image.shape[0]
    column = np.empty(side + 2, np.float32)
    for y in range(side):
        above, below = max(0, y - 1), min(side - 1, y + 1)
        for x in range(side):
            column[x + 1] = image[above, x] + TWO * image[y, x] + image[below, x]
        column[0], column[side + 1] = column[1], column[side]
        for x in range(side):
            out[y, x] = (column[x] + TWO * column[x + 1] + column[x + 2]) * SIXTEENTH


@compiled
def halves(lumas):
    """Make small pictures of lumas, uint8 (rows, side, side): halved and smoothed, float32."""
    rows, side = len(lumas), lumas.shape[1] // 2
    out, half = np.empty((rows, side, side), np.float32), np.empty((side, side), np.float32)
    for i in range(rows):
        luma = lumas[i]
        for y in range(side):
            for x in range(side):
                upper = np.int32(luma[2 * y, 2 * x]) + np.int32(luma[2 * y, 2 * x + 1])
                lower = np.int32(luma[2 * y + 1, 2 * x]) + np.int32(luma[2 * y + 1, 2 * x + 1])
                half[y, x] = np.float32(upper + lower) * QUARTER
        smooth(half, out[i])
    return out


@compiled
def smoothed(lumas):
    """Make smoothed pictures of lumas, uint8 (rows, side, side), float32."""
    out = np.empty(lumas.shape, np.float32)
    for i in range(len(lumas)):
        smooth(lumas[i].astype(np.float32), out[i])
    return out


@compiled
def take_coarse_off(image, half, high):
    """Fill in a picture less the mean of a square of 2 * half + 1 pixels, cut off at the edges."""
    side = image.shape[0]
    column, square, shares = (
        np.zeros(side + 2 * half, np.float32),
        np.empty(side, np.float32),
        np.empty(side, np.float32),
    )
    for x in range(side):
        shares[x] = 1 / (min(side, x + half + 1) - max(0, x - half))
    for y in range(side):
        top, bottom = max(0, y - half), min(side, y + half + 1)
        share = np.float32(1 / (bottom - top))
        column[half : half + side] = ZERO
        square[:] = ZERO
        for row in range(top, bottom):
            for x in range(side):
                column[x + half] += image[row, x]
        for step in range(2 * half + 1):
            for x in range(side):
                square[x] += column[x + step]
        for x in range(side):
            high[y, x] = image[y, x] - square[x] * (share * shares[x])


@compiled
def slopes(image, right, down):
    """Fill in the slopes of a picture, a unit being half of its side."""
    side = image.shape[0]
    unit = np.float32(side / 4)
    for y in range(side):
        above, below = max(0, y - 1), min(side - 1, y + 1)
        unit_down = unit * np.float32(2 // (below - above))
        for x in range(side):
            down[y, x] = (image[below, x] - image[above, x]) * unit_down
        for x in range(1, side - 1):
            right[y, x] = (image[y, x + 1] - image[y, x - 1]) * unit
        right[y, 0] = (image[y, 1] - image[y, 0]) * unit * TWO
        right[y, side - 1] = (image[y, side - 1] - image[y, side - 2]) * unit * TWO


@compiled
def prepare(images, half):
    """Prepare pictures, float32 (rows, side, side), for alignment; their means are taken off them, in place.

    Args:
      half: the high-pass takes off what a square of 2 * half + 1 pixels averages.

    Returns:
      (high-pass, slope to the right, slope downwards, inverse): float32 like the pictures, and float64 (rows, 6, 6):
      how much each parameter of a warp moves for what is seen (see `register.climb`); zeros for a flat picture.
    """
    rows, side = len(images), images.shape[1]
    high, right, down = np.empty_like(images), np.empty_like(images), np.empty_like(images)
    inverses, lanes = np.zeros((rows, 6, 6)), np.empty((18, side), np.float32)
    for i in range(rows):
        image = images[i]
        lanes[0] = ZERO
        for y in range(side):
            for x in range(side):
                lanes[0, x] += image[y, x]
        total = 0.0
        for x in range(side):
            total += lanes[0, x]
        mean = np.float32(total / (side * side))
        for y in range(side):
            for x in range(side):
                image[y, x] -= mean
        take_coarse_off(image, half, high[i])
        slopes(image, right[i], down[i])
        invert(image, right[i], down[i], lanes, inverses[i])
    return high, right, down, inverses
