"""Register one picture on another: an affine warp, with gain and offset, by inverse compositional steps.

After Baker and Matthews, "Lucas-Kanade 20 years on: a unifying framework" (2004): slopes and their products are the
reference's, made once a picture, so that a step only samples the other picture and sums. The gain and offset of every
step are least squares, as in Bartoli, "Groupwise geometric and photometric direct image registration" (2008).

Sums run in a fixed order, a lane for each column, so that every CPU gives the same bits whatever its vectors' width.
A warp is six numbers (a, b, c, d, e, f): a place (x, y) of the reference lies at (a x + b y + c, d x + e y + f) of the
other picture; coordinates run over -1..1 from edge to edge, so that a warp suits every resolution.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled

MIN_OVERLAP = 0.4
"""Share of the reference that must lie within the other picture."""
LONGEST_STEP = 0.1
ENOUGH = 0.01
"""A step that moves nothing by this share of a pixel ends the search."""
LEAST_GAIN = 0.3
"""Correlation below which the gain is no longer least squares': an unlike picture would throw the warp about."""
FLAT = 1e-3
"""Variance, in squared levels, of a picture that shows nothing."""
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
NEXT = np.uint32(1)


@compiled
def invert(image, right, down, lanes, inverse):
    """Invert the normal equations of a reference: 6 parameters, what gain and offset explain taken off; in place.

    Args:
      right, down: its slopes; lanes: float32 (18, side), to work in.
      inverse: float64 (6, 6), zeros, which stay where the picture shows nothing.
    """
    side = image.shape[0]
    lanes[:] = ZERO
    for y in range(side):
        v = np.float32((y + 0.5) / (side / 2) - 1)
        for x in range(side):
            level, gx, gy = image[y, x], right[y, x], down[y, x]
            for number, value in enumerate((gx * gx, gx * gy, gy * gy, gx, gy, gx * level, gy * level)):
                lanes[2 * number, x] += value
                lanes[2 * number + 1, x] += value * v
            lanes[14, x] += gx * gx * v * v
            lanes[15, x] += gx * gy * v * v
            lanes[16, x] += gy * gy * v * v
            lanes[17, x] += level * level
    sums, squares, energy = np.zeros((7, 5)), np.zeros(3), 0.0
    for x in range(side):
        u = (x + 0.5) / (side / 2) - 1
        for number in range(7):
            plain, by_v = lanes[2 * number, x], lanes[2 * number + 1, x]
            sums[number, 0] += plain * u
            sums[number, 1] += by_v
            sums[number, 2] += plain
            sums[number, 3] += plain * u * u
            sums[number, 4] += by_v * u
        for number in range(3):
            squares[number] += lanes[14 + number, x]
        energy += lanes[17, x]
    if energy < FLAT * side * side:
        return
    normal = np.zeros((6, 6))
    for i in range(6):
        for j in range(6):
            number, one, other = i // 3 + j // 3, i % 3, j % 3
            if one == 2 or other == 2:
                normal[i, j] = sums[number, min(one, other)]
            elif one != other:
                normal[i, j] = sums[number, 4]
            else:
                normal[i, j] = squares[number] if one else sums[number, 3]
            offset = sums[3 + i // 3, one] * sums[3 + j // 3, other] / (side * side)
            gain = sums[5 + i // 3, one] * sums[5 + j // 3, other] / energy
            normal[i, j] -= offset + gain
    solve(normal, inverse)


@compiled
def solve(matrix, inverse):
    """Invert a positive definite matrix with a touch of damping, by Gauss and Jordan; zeros where it is singular."""
    n = len(matrix)
    for i in range(n):
        matrix[i, i] += 1e-9 + 1e-6 * matrix[i, i]
        inverse[i, i] = 1
    for k in range(n):
        pivot = matrix[k, k]
        if pivot <= 0:
            inverse[:] = 0
            return
        for j in range(n):
            matrix[k, j] /= pivot
            inverse[k, j] /= pivot
        for i in range(n):
            factor = matrix[i, k]
            if i != k and factor != 0:
                for j in range(n):
                    matrix[i, j] -= factor * matrix[k, j]
                    inverse[i, j] -= factor * inverse[k, j]


@compiled
def place(warp, side, margin, at, across, along, inside):
    """Find where each pixel of the reference lies in the other picture.

    Args:
      margin: by how many pixels a place may lie beyond the middles of the outermost pixels.
      at, across, along, inside: filled, int32 and float32 (side, side): the pixel above and left of the place, how far
        the place lies beyond it, and 1 where it lies within the picture, else 0.
    """
    scale = np.float32(side / 2)
    a, b, c = np.float32(warp[0]) * scale, np.float32(warp[1]), np.float32(warp[2])
    d, e, f = np.float32(warp[3]) * scale, np.float32(warp[4]), np.float32(warp[5])
    near, far, last = -margin, np.float32(side) - ONE + margin, np.float32(side - 1.001)
    for y in range(side):
        v = (np.float32(y) + HALF) / scale - ONE
        left, top = (b * v + c + ONE) * scale - HALF, (e * v + f + ONE) * scale - HALF
        for x in range(side):
            u = (np.float32(x) + HALF) / scale - ONE
            sx, sy = a * u + left, d * u + top
            inside[y, x] = ONE if (sx >= near) & (sy >= near) & (sx <= far) & (sy <= far) else ZERO
            sx = sx if sx > ZERO else ZERO
            sx = sx if sx < last else last
            sy = sy if sy > ZERO else ZERO
            sy = sy if sy < last else last
            ix, iy = np.int32(sx), np.int32(sy)
            across[y, x], along[y, x] = sx - np.float32(ix), sy - np.float32(iy)
            at[y, x] = iy * np.int32(side) + ix


@compiled
def sample(image, at, across, along, out):
    """Sample a picture at places that `place` found, bilinearly."""
    side = image.shape[0]
    flat = image.reshape(-1)
    below, beyond = np.uint32(side), np.uint32(side + 1)
    for y in range(side):
        for x in range(side):
            k = np.uint32(at[y, x])
            p, q, r, s = flat[k], flat[k + NEXT], flat[k + below], flat[k + beyond]
            upper = p + (q - p) * across[y, x]
            lower = r + (s - r) * across[y, x]
            out[y, x] = upper + (lower - upper) * along[y, x]


@compiled
def moments(reference, value, inside, lanes, sums):
    """Sum what a correlation is made of: pixels, value, reference, their squares and their product, where inside."""
    side = reference.shape[0]
    lanes[:6] = ZERO
    for y in range(side):
        for x in range(side):
            there = inside[y, x]
            mine, other = reference[y, x] * there, value[y, x] * there
            lanes[0, x] += there
            lanes[1, x] += other
            lanes[2, x] += mine
            lanes[3, x] += other * other
            lanes[4, x] += mine * mine
            lanes[5, x] += other * mine
    for number in range(6):
        total = 0.0
        for x in range(side):
            total += lanes[number, x]
        sums[number] = total


@compiled
def climb(reference, right, down, inverse, other, warp, steps, work):
    """Improve a warp in place by at most so many steps; tell whether the pictures still overlap.

    Args:
      reference, right, down, inverse: a picture, its slopes and its inverse (see `filters.prepare`).
      work: see `make_work`.
    """
    side = reference.shape[0]
    at, across, along, inside, value, lanes, sums = work
    step = np.zeros(6)
    scale = side / 2
    for _ in range(steps):
        place(warp, side, ZERO, at, across, along, inside)
        sample(other, at, across, along, value)
        moments(reference, value, inside, lanes, sums)
        count = sums[0]
        if count < MIN_OVERLAP * side * side:
            return False
        mean_other, mean_mine = sums[1] / count, sums[2] / count
        var_other = sums[3] / count - mean_other * mean_other
        var_mine = sums[4] / count - mean_mine * mean_mine
        covariance = sums[5] / count - mean_other * mean_mine
        if var_other < FLAT or var_mine < FLAT:
            return False
        gain = np.float32(var_mine / max(covariance, LEAST_GAIN * np.sqrt(var_other * var_mine)))
        mean_a, mean_b = np.float32(mean_other), np.float32(mean_mine)
        lanes[:4] = ZERO
        unit = gain * np.float32(side / 4)
        for y in range(1, side - 1):
            v = (np.float32(y) + HALF) / np.float32(scale) - ONE
            for x in range(1, side - 1):
                error = ((value[y, x] - mean_a) * gain - (reference[y, x] - mean_b)) * inside[y, x]
                slant = (right[y, x] + (value[y, x + 1] - value[y, x - 1]) * unit) * error * HALF
                fall = (down[y, x] + (value[y + 1, x] - value[y - 1, x]) * unit) * error * HALF
                lanes[0, x] += slant
                lanes[1, x] += slant * v
                lanes[2, x] += fall
                lanes[3, x] += fall * v
        sums[:] = 0
        for x in range(side):
            u = (x + 0.5) / scale - 1
            sums[0] += lanes[0, x] * u
            sums[1] += lanes[1, x]
            sums[2] += lanes[0, x]
            sums[3] += lanes[2, x] * u
            sums[4] += lanes[3, x]
            sums[5] += lanes[2, x]
        largest = 0.0
        for i in range(6):
            total = 0.0
            for j in range(6):
                total += inverse[i, j] * sums[j]
            step[i] = min(LONGEST_STEP, max(-LONGEST_STEP, total))
            largest = max(largest, abs(step[i]))
        undo(warp, step)
        if largest < ENOUGH / scale / 2:
            break
    return True


@compiled
def undo(warp, step):
    """Put the inverse of a small step before a warp, in place."""
    a, b, c, d, e, f = 1 + step[0], step[1], step[2], step[3], 1 + step[4], step[5]
    determinant = a * e - b * d
    p, q, r, s = e / determinant, -b / determinant, -d / determinant, a / determinant
    x, y = -(p * c + q * f), -(r * c + s * f)
    for row in range(0, 6, 3):
        left, right = warp[row], warp[row + 1]
        warp[row] = left * p + right * r
        warp[row + 1] = left * q + right * s
        warp[row + 2] += left * x + right * y


@compiled
def make_work(side):
    """Make the arrays that `climb` and `score.compare` work in, for pictures of a side: make them once a batch."""
    at = np.empty((side, side), np.int32)
    across, along = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    inside, value = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    return at, across, along, inside, value, np.empty((9, side), np.float32), np.zeros(8)
