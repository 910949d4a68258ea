"""Register one picture on another: an affine warp with gain and offset, by Gauss-Newton.

After Lucas and Kanade, "An iterative image registration technique" (1981), with the photometric terms of Bartoli,
"Groupwise geometric and photometric direct image registration" (2008).
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled

MIN_OVERLAP = 0.4
"""Share of the reference that must lie within the other picture."""


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
