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

_TO_YCC = np.array([[19595, 38470, 7471], [-11059, -21709, 32768], [32768, -27439, -5329]], dtype=np.int64)
"""Full-range BT.601, 16 fraction bits."""


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
    rgb = np.where(coloured[:, None, None, None], cells, _grey_cells(luma)).astype(np.int64)
    ycc = (rgb @ _TO_YCC.T + np.array([0, 128 << 16, 128 << 16]) + 32768) >> 16
    whole, regions = _mean(ycc), [ycc[:, r : r + 8, c : c + 8] for r in (0, 8) for c in (0, 8)]
    variance = _mean(ycc * ycc) - whole * whole
    spread = np.floor(np.sqrt(np.maximum(variance, 0).astype(np.float64))).astype(np.int64)
    triples = [whole, *map(_mean, regions), _mean(ycc[:, 4:12, 4:12]), _frame_mean(ycc), spread]
    chroma = np.abs(ycc[..., 1:] - 128).max(axis=(1, 2, 3))
    return Look(
        colour=np.clip(np.concatenate(triples, axis=1), 0, 255).astype(np.uint8),
        grey=~coloured | (chroma <= GREY_CHROMA),
        document=_document(luma),
    )


def _grey_cells(luma: np.ndarray) -> np.ndarray:
    sums = luma.reshape(-1, 16, 4, 16, 4).astype(np.int64).sum(axis=(2, 4))
    return np.repeat(((sums + 8) >> 4)[..., None], 3, axis=3).astype(np.uint8)


def _mean(values: np.ndarray) -> np.ndarray:
    count = values.shape[1] * values.shape[2]
    return (values.sum(axis=(1, 2)) + count // 2) // count


def _frame_mean(ycc: np.ndarray) -> np.ndarray:
    outer = ycc.sum(axis=(1, 2)) - ycc[:, 1:15, 1:15].sum(axis=(1, 2))
    return (outer + 30) // 60


def _document(luma: np.ndarray) -> np.ndarray:
    count = len(luma)
    flat = luma.reshape(count, -1).astype(np.int64) + 256 * np.arange(count)[:, None]
    histogram = np.bincount(flat.ravel(), minlength=256 * count).reshape(count, 256)
    running = np.cumsum(np.pad(histogram, ((0, 0), (1, 0))), axis=1)
    windows = running[:, PAPER_WIDTH:] - running[:, :-PAPER_WIDTH]
    middle = windows.argmax(axis=1) + PAPER_WIDTH // 2
    return (windows.max(axis=1) > PAPER_SHARE * luma[0].size) & (middle >= PAPER_LEVEL)
