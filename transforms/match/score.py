"""Score how well one picture lies on another under a warp."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.filters import box_blur
from mirrorfold.transforms.match.register import MIN_OVERLAP

CELL = 5
"""Side of a residual cell in pixels."""
BLOCK = 8
"""Side of a block in which local agreement is judged, in pixels."""
ACTIVE = 1.5
"""Root mean square of the high-passed luma, in levels, above which a block shows something."""
AGREES = 0.7
"""Correlation of the high-passed luma from which a block agrees."""
SCORES = ("correlation", "highpass", "residual", "covered", "structure", "agreement")


@compiled
def compare(reference, reference_high, other, other_high, warp, scores):
    """Score a warp, in the order of SCORES.

    Correlation of the lumas and of the high-passed lumas; residual of the worst cell, in units of contrast; share of
    the reference covered; share of its blocks that show something; and the share of those whose high-passed lumas
    correlate, which a caption spoils in a few blocks and another page in most.
    """
    side = reference.shape[0]
    scale = side / 2
    difference = np.zeros((side, side), np.float32)
    covered = np.zeros((side, side), np.float32)
    sums = np.zeros(5)
    high = np.zeros(3)
    blocks = np.zeros((side // BLOCK, side // BLOCK, 4))
    inside = 0
    for y in range(side):
        v = (y + 0.5) / scale - 1
        for x in range(side):
            u = (x + 0.5) / scale - 1
            sx = (warp[0] * u + warp[1] * v + warp[2] + 1) * scale - 0.5
            sy = (warp[3] * u + warp[4] * v + warp[5] + 1) * scale - 0.5
            if sx < -0.5 or sy < -0.5 or sx > side - 0.5 or sy > side - 0.5:
                continue
            sx, sy = min(max(sx, 0.0), side - 1.001), min(max(sy, 0.0), side - 1.001)
            ix, iy = int(sx), int(sy)
            fx, fy = sx - ix, sy - iy
            p, q, r, s = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
            value = other[iy, ix] * p + other[iy, ix + 1] * q + other[iy + 1, ix] * r + other[iy + 1, ix + 1] * s
            sharp = (
                other_high[iy, ix] * p
                + other_high[iy, ix + 1] * q
                + other_high[iy + 1, ix] * r
                + other_high[iy + 1, ix + 1] * s
            )
            mine, mine_high = reference[y, x], reference_high[y, x]
            difference[y, x] = value
            covered[y, x] = 1
            inside += 1
            sums[0] += value
            sums[1] += mine
            sums[2] += value * value
            sums[3] += mine * mine
            sums[4] += value * mine
            high[0] += sharp * sharp
            high[1] += mine_high * mine_high
            high[2] += sharp * mine_high
            block = blocks[y // BLOCK, x // BLOCK]
            block[0] += sharp * sharp
            block[1] += mine_high * mine_high
            block[2] += sharp * mine_high
            block[3] += 1
    scores[:] = 0
    scores[2] = 9.0
    scores[3] = inside / (side * side)
    if inside < MIN_OVERLAP * side * side:
        return
    mean_other, mean_mine = sums[0] / inside, sums[1] / inside
    var_other = sums[2] / inside - mean_other * mean_other
    var_mine = sums[3] / inside - mean_mine * mean_mine
    covariance = sums[4] / inside - mean_other * mean_mine
    if var_other < 1e-3 or var_mine < 1e-3:
        return
    scores[0] = covariance / np.sqrt(var_other * var_mine)
    scores[1] = high[2] / np.sqrt(high[0] * high[1] + 1e-9)
    gain = covariance / var_mine
    contrast = np.sqrt(var_other)
    for y in range(side):
        for x in range(side):
            if covered[y, x] > 0:
                error = difference[y, x] - mean_other - gain * (reference[y, x] - mean_mine)
                difference[y, x] = abs(error) / contrast
    cells = box_blur(difference, CELL // 2)
    shares = box_blur(covered, CELL // 2)
    worst = 0.0
    for y in range(side):
        for x in range(side):
            if shares[y, x] > 0.6:
                worst = max(worst, cells[y, x] / shares[y, x])
    scores[2] = worst
    agree_blocks(blocks, np.sqrt(high[0] / (high[1] + 1e-9)), scores)


@compiled
def agree_blocks(blocks, gain, scores):
    """Count blocks that show something in either picture, and those of them that agree."""
    seen, active, agreeing = 0, 0, 0
    for row in blocks:
        for block in row:
            if block[3] < BLOCK * BLOCK / 2:
                continue
            seen += 1
            floor = ACTIVE * ACTIVE * block[3]
            if max(block[0], block[1]) < floor and max(block[0] / gain, block[1] * gain) < floor:
                continue
            active += 1
            if block[2] > AGREES * np.sqrt(block[0] * block[1] + 1e-9):
                agreeing += 1
    if active:
        scores[4] = active / seen
        scores[5] = agreeing / active
