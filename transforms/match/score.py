"""Score how well one picture lies on another under a warp."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.register import FLAT, HALF, MIN_OVERLAP, ZERO, moments, place, sample

CELL = 5
"""Side of a residual cell in pixels."""
CELL_SHOWN = 0.6
"""Share of a cell that must lie within both pictures."""
BLOCK = 8
"""Side of a block in which local agreement is judged, in pixels."""
ACTIVE = 1.5
"""Root mean square of the high-passed luma, in levels, above which a block shows something."""
AGREES = 0.7
"""Correlation of the high-passed luma from which a block agrees."""
UNSEEN = 9.0
"""Residual of pictures that can't be compared."""
SCORES = ("correlation", "highpass", "residual", "covered", "structure", "agreement")


@compiled
def compare(reference, reference_high, other, other_high, warp, scores, work):
    """Score a warp, in the order of SCORES; a picture's mean is taken off it, see `filters.prepare`.

    Correlation of the lumas and of the high-passed lumas; residual of the worst cell, in units of contrast; share of
    the reference covered; share of its blocks that show something; and the share of those whose high-passed lumas
    correlate, which a caption spoils in a few blocks and another page in most.
    """
    side = reference.shape[0]
    at, across, along, inside, value, lanes, sums = work
    scores[:] = 0
    scores[2] = UNSEEN
    place(warp, side, HALF, at, across, along, inside)
    sample(other, at, across, along, value)
    moments(reference, value, inside, lanes, sums)
    count = sums[0]
    scores[3] = count / (side * side)
    if count < MIN_OVERLAP * side * side:
        return
    mean_other, mean_mine = sums[1] / count, sums[2] / count
    var_other = sums[3] / count - mean_other * mean_other
    var_mine = sums[4] / count - mean_mine * mean_mine
    covariance = sums[5] / count - mean_other * mean_mine
    if var_other < FLAT or var_mine < FLAT:
        return
    scores[0] = covariance / np.sqrt(var_other * var_mine)
    # The samples of the plain picture are needed once more, those of the places no longer.
    scores[2] = worst_cell(reference, value, inside, mean_mine, mean_other, covariance / var_mine, np.sqrt(var_other))
    sample(other_high, at, across, along, value)
    agree(reference_high, value, inside, lanes, scores)


@compiled
def worst_cell(reference, value, inside, mean, mean_other, gain, contrast):
    """Give the largest mean error of a cell after gain and offset, in units of contrast."""
    side, half = reference.shape[0], CELL // 2
    level, base = np.float32(mean), np.float32(mean_other)
    steepness, unit = np.float32(gain), np.float32(1 / contrast)
    errors, shown = np.zeros((side + 2 * half, side), np.float32), np.zeros((side + 2 * half, side), np.float32)
    for y in range(side):
        for x in range(side):
            error = value[y, x] - base - steepness * (reference[y, x] - level)
            errors[y + half, x] = abs(error) * unit * inside[y, x]
            shown[y + half, x] = inside[y, x]
    column, column_shown = np.zeros(side + 2 * half, np.float32), np.zeros(side + 2 * half, np.float32)
    cell, cell_shown = np.empty(side, np.float32), np.empty(side, np.float32)
    widths, worst = np.empty(side, np.float32), np.zeros(side, np.float32)
    for x in range(side):
        widths[x] = min(side, x + half + 1) - max(0, x - half)
    for y in range(side):
        column[half : half + side] = ZERO
        column_shown[half : half + side] = ZERO
        cell[:] = ZERO
        cell_shown[:] = ZERO
        for step in range(CELL):
            for x in range(side):
                column[x + half] += errors[y + step, x]
                column_shown[x + half] += shown[y + step, x]
        for step in range(CELL):
            for x in range(side):
                cell[x] += column[x + step]
                cell_shown[x] += column_shown[x + step]
        least = np.float32(CELL_SHOWN * (min(side, y + half + 1) - max(0, y - half)))
        for x in range(side):
            error = cell[x] / cell_shown[x] if cell_shown[x] > least * widths[x] else ZERO
            worst[x] = worst[x] if worst[x] > error else error
    largest = 0.0
    for x in range(side):
        largest = max(largest, worst[x])
    return largest


@compiled
def agree(reference, value, inside, lanes, scores):
    """Score high-passed lumas: their correlation, how many blocks show something, how many of those agree."""
    side = reference.shape[0]
    across = side // BLOCK
    blocks = np.zeros((across * across, 4))
    high = np.zeros(3)
    for block in range(across * across):
        top, left = block // across * BLOCK, block % across * BLOCK
        if left == 0:
            lanes[:4] = ZERO
            for y in range(top, top + BLOCK):
                for x in range(side):
                    mine, other = reference[y, x] * inside[y, x], value[y, x] * inside[y, x]
                    lanes[0, x] += other * other
                    lanes[1, x] += mine * mine
                    lanes[2, x] += other * mine
                    lanes[3, x] += inside[y, x]
        for number in range(4):
            for x in range(left, left + BLOCK):
                blocks[block, number] += lanes[number, x]
        for number in range(3):
            high[number] += blocks[block, number]
    scores[1] = high[2] / np.sqrt(high[0] * high[1] + 1e-9)
    gain = np.sqrt((high[0] + 1e-9) / (high[1] + 1e-9))
    seen, active, agreeing = 0, 0, 0
    for block in blocks:
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


@compiled
def likeness(reference, reference_high, other, other_high, warp, scores, work):
    """Score a warp by the two correlations and the share covered alone, in the places of SCORES."""
    side = reference.shape[0]
    at, across, along, inside, value, lanes, sums = work
    scores[:] = 0
    place(warp, side, HALF, at, across, along, inside)
    sample(other, at, across, along, value)
    moments(reference, value, inside, lanes, sums)
    count = sums[0]
    scores[3] = count / (side * side)
    if count < MIN_OVERLAP * side * side:
        return
    var_other = sums[3] / count - (sums[1] / count) ** 2
    var_mine = sums[4] / count - (sums[2] / count) ** 2
    if var_other < FLAT or var_mine < FLAT:
        return
    scores[0] = (sums[5] / count - sums[1] * sums[2] / count / count) / np.sqrt(var_other * var_mine)
    sample(other_high, at, across, along, value)
    moments(reference_high, value, inside, lanes, sums)
    scores[1] = sums[5] / np.sqrt(sums[3] * sums[4] + 1e-9)
