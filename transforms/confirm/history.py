"""Tell a picture that was a coarser JPEG before: its pixels lie on that coding's lattice, in whatever file they are.

A JPEG's decoder gives blocks whose transform is multiples of its steps, but for rounding. Coding such pixels with the
same steps loses next to nothing, while it loses much of pixels that never were such a JPEG's, and of the same pixels
four across and down, where the lattice isn't (after Luo, Huang and Qiu, "JPEG error analysis and its applications to
digital image forensics", 2010).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from mirrorfold.transforms.confirm.detail import Side, is_words, plane_of, quantised, richest
from mirrorfold.transforms.confirm.place import Place

LATTICE = 0.3
"""Loss on the lattice, as a share of the loss beside it, up to which a picture was such a JPEG: those that were have
.01 to .25, and .4 where they were coded again nearly as coarsely; others have .6 to 1."""
PIXELS = 1_024
LEAST_LOSS = 0.12
"""Squared levels beside the lattice below which nothing can be told: rounding alone loses as much."""
COARSER = 1.25
"""Times the mean step of a JPEG from which an earlier coding is the coarser of the two."""
QUALITIES = (*range(10, 95, 5),)
"""Of the tables in the JPEG standard's annex K, as libjpeg scales them: what a picture may have been saved with."""
_BASE = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip


def recoded(one: Side, other: Side, written: Place | None = None) -> tuple[bool, bool]:
    """Tell of each of two pictures of one size whether it is pixels of a coarser JPEG, saved again.

    It was made of the other, which is a JPEG, or of one that was coarser than the other is. A side's steps are those of
    a JPEG that lies upright in its file; None for anything else.

    Args:
      written: a place where the two differ: words over one of them lie on no lattice.
    """
    if one.luma.size != other.luma.size:
        return False, False
    corner = richest(one.luma, (PIXELS, PIXELS))
    planes = [_part(side.luma, corner) for side in (one, other)]
    counted = _counted(planes[0].shape, corner, written if is_words(written, one.luma.size) else None)
    found = [_was(planes[n], sides[1 - n].steps, counted) for n, sides in ((0, (one, other)), (1, (one, other)))]
    if one.steps and other.steps:
        # A coarse table's multiples lie on a fine one's lattice too: only the finer of the two can be the copy.
        finer = sum(one.steps) < sum(other.steps), sum(other.steps) < sum(one.steps)
        return found[0] and finer[0], found[1] and finer[1]
    for n, (side, beside) in enumerate(((one, other), (other, one))):
        if not side.steps and beside.steps and not found[n]:
            found[n] = any(_was(planes[n], table, counted) for table in _coarser(sum(beside.steps)))
    return found[0], found[1]


def _part(luma: Image.Image, corner: tuple[int, int]) -> np.ndarray:
    """Give a part whose blocks are the picture's own."""
    x, y = (place // 8 * 8 for place in corner)
    return plane_of(luma.crop((x, y, min(luma.width, x + PIXELS), min(luma.height, y + PIXELS))))


def _counted(shape: tuple[int, ...], corner: tuple[int, int], written: Place | None) -> np.ndarray:
    """Mark the pixels of a part that count: those of blocks that no words touch, on the lattice or beside it."""
    counted = np.ones(shape, np.bool_)
    if written is not None:
        left, top = (place - start // 8 * 8 for place, start in zip(written[:2], corner, strict=True))
        counted[max(0, top - 8) : max(0, top + written.h + 8), max(0, left - 8) : max(0, left + written.w + 8)] = False
    return counted


def _was(plane: np.ndarray, steps: tuple[int, ...] | None, counted: np.ndarray) -> bool:
    if not steps or not counted.any():
        return False
    beside = _loss(plane[4:, 4:], steps, counted[4:, 4:])
    return beside >= LEAST_LOSS and _loss(plane, steps, counted) <= LATTICE * beside


def _loss(plane: np.ndarray, steps: tuple[int, ...], counted: np.ndarray) -> float:
    lost = quantised(plane, steps)
    return float(np.square(lost[counted[: lost.shape[0], : lost.shape[1]]]).mean())


@lru_cache(maxsize=8)
def _coarser(total: int) -> tuple[tuple[int, ...], ...]:
    """Give the standard's tables, as libjpeg scales them, that are coarser than one of this sum."""
    scales = [5_000 // quality if quality < 50 else 200 - 2 * quality for quality in QUALITIES]
    tables = [tuple(min(255, max(1, (step * scale + 50) // 100)) for step in _BASE) for scale in scales]
    return tuple(table for table in tables if sum(table) >= COARSER * total)
