"""Sums over cells of 2x2 pixels, from which windows of 4x4 and 6x6 pixels are put together."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import threaded


@threaded
def cell_sums(p, q, out):
    """Sum over cells: difference, its square, gradient of either, and products of either's finest detail.

    Args:
      p, q: float32 (H, W).
      out: float32 (7, H // 2, W // 2): e, e^2, |grad p|, |grad q|; of the four-neighbour Laplacian p'p', q'q', p'q'.
    """
    height, width = p.shape
    for row in range(2 * out.shape[1]):
        up, low = max(row - 1, 0), min(row + 1, height - 1)
        for column in range(2 * out.shape[2]):
            left, right = max(column - 1, 0), min(column + 1, width - 1)
            a, b = p[row, column], q[row, column]
            e = b - a
            i, j = row // 2, column // 2
            out[0, i, j] += e
            out[1, i, j] += e * e
            out[2, i, j] += abs(p[row, right] - a) + abs(p[low, column] - a)
            out[3, i, j] += abs(q[row, right] - b) + abs(q[low, column] - b)
            fine_p = a - 0.25 * (p[row, left] + p[row, right] + p[up, column] + p[low, column])
            fine_q = b - 0.25 * (q[row, left] + q[row, right] + q[up, column] + q[low, column])
            out[4, i, j] += fine_p * fine_p
            out[5, i, j] += fine_q * fine_q
            out[6, i, j] += fine_p * fine_q


def sums_of(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Give the sums of `cell_sums`, float32 (7, H // 2, W // 2)."""
    out = np.zeros((7, p.shape[0] // 2, p.shape[1] // 2), np.float32)
    cell_sums(np.ascontiguousarray(p), np.ascontiguousarray(q), out)
    return out


def windows(cells: np.ndarray, side: int) -> np.ndarray:
    """Give means over windows of side x side cells of 2x2 pixels, at every cell: (H - side + 1, W - side + 1)."""
    height, width = cells.shape[0] - side + 1, cells.shape[1] - side + 1
    rows = np.add.reduce([cells[at : at + height] for at in range(side)])
    return np.add.reduce([rows[:, at : at + width] for at in range(side)]) * np.float32(0.25 / side**2)
