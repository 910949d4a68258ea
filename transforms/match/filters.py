"""Prepare lumas for alignment: blur, halve, high-pass."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled


@compiled
def box_blur(image, half):
    """Average over a square of 2 * half + 1 pixels, cut off at the edges; by running sums."""
    side = image.shape[0]
    sums = np.zeros((side + 1, side + 1), np.float64)
    for y in range(side):
        row = 0.0
        for x in range(side):
            row += image[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + row
    out = np.empty_like(image)
    for y in range(side):
        top, bottom = max(0, y - half), min(side, y + half + 1)
        for x in range(side):
            left, right = max(0, x - half), min(side, x + half + 1)
            total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            out[y, x] = total / ((bottom - top) * (right - left))
    return out


@compiled
def smooth(image):
    """Blur with the binomial 1-2-1 in both directions."""
    side = image.shape[0]
    out = np.empty_like(image)
    for y in range(side):
        up, down = max(0, y - 1), min(side - 1, y + 1)
        for x in range(side):
            left, right = max(0, x - 1), min(side - 1, x + 1)
            above = image[up, left] + 2 * image[up, x] + image[up, right]
            middle = image[y, left] + 2 * image[y, x] + image[y, right]
            below = image[down, left] + 2 * image[down, x] + image[down, right]
            out[y, x] = (above + 2 * middle + below) / 16
    return out


@compiled
def halve(image):
    """Average 2x2 pixels."""
    side = image.shape[0] // 2
    out = np.empty((side, side), np.float32)
    for y in range(side):
        for x in range(side):
            out[y, x] = (
                image[2 * y, 2 * x] + image[2 * y, 2 * x + 1] + image[2 * y + 1, 2 * x] + image[2 * y + 1, 2 * x + 1]
            ) / 4
    return out


@compiled
def prepare(lumas):
    """Make (fine, high-pass, coarse) float32 pictures of lumas, uint8 (rows, side, side); coarse has half the side."""
    rows, side = len(lumas), lumas.shape[1]
    fine = np.empty((rows, side, side), np.float32)
    high = np.empty((rows, side, side), np.float32)
    coarse = np.empty((rows, side // 2, side // 2), np.float32)
    for i in range(rows):
        fine[i] = smooth(lumas[i].astype(np.float32))
        high[i] = fine[i] - box_blur(fine[i], 3)
        coarse[i] = smooth(halve(fine[i]))
    return fine, high, coarse
