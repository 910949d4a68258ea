"""Align two 64x64 lumas: an affine warp with gain and offset, by Gauss-Newton from coarse to fine.

After Lucas and Kanade, "An iterative image registration technique" (1981), with the photometric terms of Bartoli,
"Groupwise geometric and photometric direct image registration" (2008). The reference is laid onto the other picture, so
when the reference is the crop every one of its pixels has a counterpart.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled

SIDE = 64
COARSE_STEPS, FINE_STEPS = 12, 8
CELL = 5
"""Side of a residual cell in pixels."""
MIN_OVERLAP = 0.4
BLOCK = 8
"""Side of a block in which local agreement is judged, in pixels."""
ACTIVE = 1.5
"""Root mean square of the high-passed luma, in levels, above which a block shows something."""
AGREES = 0.7
DRIFT, DRIFT_GAIN = 0.04, 0.01
"""A caption pulls the warp by as much as this; unless the high-pass correlation gains, the plain warp stands."""
SCORES = ("correlation", "highpass", "residual", "covered", "structure", "agreement")

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


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
def solve(matrix, vector):
    """Solve a small symmetric system by Cholesky with a touch of damping; zeros where it is singular."""
    n = len(vector)
    lower = np.zeros((n, n))
    out = np.zeros(n)
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += 1e-9 + 1e-6 * matrix[i, i]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if total <= 0:
                    return out
                lower[i, i] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    middle = np.zeros(n)
    for i in range(n):
        total = vector[i]
        for k in range(i):
            total -= lower[i, k] * middle[k]
        middle[i] = total / lower[i, i]
    for i in range(n - 1, -1, -1):
        total = middle[i]
        for k in range(i + 1, n):
            total -= lower[k, i] * out[k]
        out[i] = total / lower[i, i]
    return out


@compiled
def refine(reference, other, warp, steps):
    """Improve a warp in place; coordinates run over -1..1 from edge to edge, so that it suits every resolution."""
    side = reference.shape[0]
    scale = side / 2
    matrix = np.zeros((8, 8))
    vector = np.zeros(8)
    row = np.zeros(8)
    for _ in range(steps):
        matrix[:] = 0
        vector[:] = 0
        inside = 0
        for y in range(side):
            v = (y + 0.5) / scale - 1
            for x in range(side):
                u = (x + 0.5) / scale - 1
                sx = (warp[0] * u + warp[1] * v + warp[2] + 1) * scale - 0.5
                sy = (warp[3] * u + warp[4] * v + warp[5] + 1) * scale - 0.5
                if sx < 0 or sy < 0 or sx >= side - 1 or sy >= side - 1:
                    continue
                ix, iy = int(sx), int(sy)
                fx, fy = sx - ix, sy - iy
                a, b, c, d = other[iy, ix], other[iy, ix + 1], other[iy + 1, ix], other[iy + 1, ix + 1]
                gx = ((b - a) * (1 - fy) + (d - c) * fy) * scale
                gy = ((c - a) * (1 - fx) + (d - b) * fx) * scale
                value = (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy
                row[0], row[1], row[2] = gx * u, gx * v, gx
                row[3], row[4], row[5] = gy * u, gy * v, gy
                row[6], row[7] = -reference[y, x], -1.0
                inside += 1
                for i in range(8):
                    for j in range(i + 1):
                        matrix[i, j] += row[i] * row[j]
                    vector[i] -= row[i] * value
        if inside < MIN_OVERLAP * side * side:
            return False
        step = solve(matrix, vector)
        largest = 0.0
        for i in range(6):
            move = min(0.1, max(-0.1, step[i]))
            warp[i] += move
            largest = max(largest, abs(move))
        if largest < 0.05 / side:
            break
    return True


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


@compiled
def align_pairs(fine, high, coarse, references, others, warps, scores, steps):
    """Align pairs of prepared lumas from starting warps, in place.

    Args:
      fine, high (rows, 64, 64) and coarse (rows, 32, 32), float32: see `prepare`.
      references, others: row numbers, int64 (pairs,); warps: float64 (pairs, 6), reference to other, updated.
      scores: float64 (pairs, 6), filled: see `compare`. steps: whether to refine, or only to score.
    """
    plain = np.zeros(len(SCORES))
    for pair in range(len(references)):
        i, j = references[pair], others[pair]
        if steps:
            start = warps[pair].copy()
            good = refine(coarse[i], coarse[j], warps[pair], COARSE_STEPS)
            good = good and refine(fine[i], fine[j], warps[pair], FINE_STEPS)
            if not good:
                warps[pair] = start
            elif np.abs(warps[pair] - start).max() < DRIFT:
                compare(fine[i], high[i], fine[j], high[j], start, plain)
                compare(fine[i], high[i], fine[j], high[j], warps[pair], scores[pair])
                if plain[1] > scores[pair, 1] - DRIFT_GAIN:
                    warps[pair] = start
        compare(fine[i], high[i], fine[j], high[j], warps[pair], scores[pair])


@compiled
def prepare(lumas):
    """Make (fine, high-pass, coarse) float32 pictures of lumas, uint8 (rows, 64, 64)."""
    rows = len(lumas)
    fine = np.empty((rows, SIDE, SIDE), np.float32)
    high = np.empty((rows, SIDE, SIDE), np.float32)
    coarse = np.empty((rows, SIDE // 2, SIDE // 2), np.float32)
    for i in range(rows):
        fine[i] = smooth(lumas[i].astype(np.float32))
        high[i] = fine[i] - box_blur(fine[i], 3)
        coarse[i] = smooth(halve(fine[i]))
    return fine, high, coarse
