"""Colour signature and the flags grey, low_information and document, for a batch, in integers: exact on every CPU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

GREY_CHROMA = 6
"""Largest chroma of any 1/16 x 1/16 cell, in levels, that coding noise gives a grey picture."""

LOW_QUALITY = 50
"""PDQ quality below which hashes are noise: near-blank pages all fall under it (docs/fingerprints.md)."""

PAPER_LEVEL, PAPER_SHARE, PAPER_WIDTH = 140, 0.55, 32
"""A document has more than this share of its luma within a window of 32 levels whose middle is at least this bright."""

_TO_YCC = np.array([[19595, 38470, 7471], [-11059, -21709, 32768], [32768, -27439, -5329]], dtype=np.float64) / 65536
"""Full-range BT.601 at 16 fraction bits: exact in float64, as are all sums below."""


def _regions() -> np.ndarray:
    """Give the membership of the 256 cells in 7 regions: whole, quarters row by row, middle half, frame."""
    masks = np.zeros((7, 16, 16))
    masks[0], masks[5, 4:12, 4:12], masks[6] = 1, 1, 1
    masks[6, 1:15, 1:15] = 0
    for index, (row, column) in enumerate(((0, 0), (0, 8), (8, 0), (8, 8)), start=1):
        masks[index, row : row + 8, column : column + 8] = 1
    return masks.reshape(7, 256).T


_REGIONS = _regions()
_REGION_CELLS = _REGIONS.sum(axis=0)


class Look(NamedTuple):
    """colour: uint8 (B, 24); grey, document: bool (B,)."""

    colour: np.ndarray
    grey: np.ndarray
    document: np.ndarray


def look(luma: np.ndarray, cells: np.ndarray, coloured: np.ndarray) -> Look:
    """Describe a batch.

    Args:
      luma: uint8 (B, 64, 64).
      cells: uint8 (B, 16, 16, 3), RGB; ignored where `coloured` is false.
      coloured: bool (B,), whether the picture has colour channels at all.

    The signature is 8 triples of (Y, Cb, Cr), BT.601 full range, one byte each: the whole picture, its quarters row by
    row, its middle half, its outermost cells, and the standard deviation over cells. CIELAB would need cube roots,
    whose last bits differ between CPUs; these are integer sums.
    """
    flat = cells.reshape(len(cells), 256, 3).transpose(0, 2, 1)
    ycc = np.floor(_TO_YCC @ flat + np.array([[0.5], [128.5], [128.5]]))
    if not coloured.all():
        ycc[~coloured] = _grey_cells(luma[~coloured])
    sums = ycc @ _REGIONS
    means = np.floor(sums / _REGION_CELLS + 0.5)
    squares = (ycc * ycc) @ _REGIONS[:, 0]
    spread = np.floor(np.sqrt(np.maximum(squares * 256 - sums[:, :, 0] ** 2, 0)) / 256)
    triples = np.concatenate([means, spread[:, :, None]], axis=2).transpose(0, 2, 1).reshape(len(cells), 24)
    chroma = np.abs(ycc[:, 1:] - 128).max(axis=(1, 2))
    return Look(
        colour=np.clip(triples, 0, 255).astype(np.uint8),
        grey=~coloured | (chroma <= GREY_CHROMA),
        document=_document(luma),
    )


def _grey_cells(luma: np.ndarray) -> np.ndarray:
    sums = luma.reshape(-1, 16, 4, 16, 4).astype(np.int64).sum(axis=(2, 4)).reshape(-1, 256)
    neutral = np.full((len(luma), 256), 128)
    return np.stack([(sums + 8) >> 4, neutral, neutral], axis=1)


def _document(luma: np.ndarray) -> np.ndarray:
    count = len(luma)
    flat = luma.reshape(count, -1).astype(np.int64) + 256 * np.arange(count)[:, None]
    histogram = np.bincount(flat.ravel(), minlength=256 * count).reshape(count, 256)
    running = np.cumsum(np.pad(histogram, ((0, 0), (1, 0))), axis=1)
    windows = running[:, PAPER_WIDTH:] - running[:, :-PAPER_WIDTH]
    middle = windows.argmax(axis=1) + PAPER_WIDTH // 2
    return (windows.max(axis=1) > PAPER_SHARE * luma[0].size) & (middle >= PAPER_LEVEL)
