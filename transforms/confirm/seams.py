"""Tell which of two codings that differ in a few bytes is the damaged one, by the seams that damage leaves.

A flipped bit shifts the blocks behind it against their neighbours: at the edges of the 8x8 blocks that differ, levels
jump where the sound picture goes on.
"""

from __future__ import annotations

import numpy as np

BLOCK = 8
CHANGED = 3
"""Levels by which some pixel of a block differs at least."""
LEAST_JUMP, TIMES = 1.5, 2.0
"""Levels, and ratio, by which the seams of the damaged one stand out from those of the sound one."""
FEWEST = 16
"""Pixels along the edges of differing blocks that must be there to be judged by."""


def damaged_side(one: np.ndarray, other: np.ndarray) -> int | None:
    """Tell which of two pictures is damaged, 0 or 1; None where their seams don't tell.

    Args:
      one, other: uint8 (H, W), luma of both, as coded: blocks lie at multiples of 8.
    """
    a, b = (plane.astype(np.float32) for plane in (one, other))
    height, width = (side // BLOCK * BLOCK for side in a.shape)
    if a.shape != b.shape or min(height, width) < 2 * BLOCK:
        return None
    apart = np.abs(a - b)[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    changed = apart.max(axis=(1, 3)) >= CHANGED
    jumps = [
        np.concatenate([_jumps(plane[:height, :width], changed), _jumps(plane[:height, :width].T, changed.T)])
        for plane in (a, b)
    ]
    if len(jumps[0]) < FEWEST:
        return None
    seams = [float(found.mean()) for found in jumps]
    rough, smooth = max(seams), max(min(seams), 0.5)
    if rough - smooth < LEAST_JUMP or rough < TIMES * smooth:
        return None
    return int(seams[1] > seams[0])


def _jumps(plane: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Give by how much levels jump across the upright edges of changed blocks, beyond what they do beside them."""
    edges = np.arange(BLOCK, plane.shape[1], BLOCK)
    beside = (changed[:, 1:] | changed[:, :-1]).repeat(BLOCK, axis=0)
    across = np.abs(plane[:, edges] - plane[:, edges - 1])
    near = (np.abs(plane[:, edges - 1] - plane[:, edges - 2]) + np.abs(plane[:, edges + 1] - plane[:, edges])) / 2
    return (across - near)[beside]
