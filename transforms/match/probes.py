"""Hashes and checks of a picture's windows and symmetries, all from its stored 64x64 luma, a batch at a time.

Each is a pair of small matrices around the luma, so one product serves all windows. The matrices hold integers: the
sums are exact in float64, and the bits the same on every CPU.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SIDE = 64
BATCH = 64
CHECK_SIDE = 9
CHECK_WORDS = 4
DEAD_ZONE = 1.5
"""Levels of luma below which two cells count as equal: noise on plain ground would otherwise be half of the bits."""
UNIT = 1 << 12


def _grid(share: float, steps: int) -> list[tuple[float, float, float]]:
    starts = [(1 - share) * step / (steps - 1) for step in range(steps)]
    return [(top, left, share) for top in starts for left in starts]


def _between(share: float) -> list[tuple[float, float, float]]:
    """Give the four middles between a grid of three by three."""
    starts = (0.25 * (1 - share), 0.75 * (1 - share))
    return [(top, left, share) for top in starts for left in starts]


STORED_WINDOWS = 9
WINDOWS = (*_grid(0.9, 3), *_between(0.9), *_grid(0.95, 3), *_grid(0.85, 5))
"""Crop windows as (top, left, share of each side). The first nine are stored in `contents`; the others are hashed here.
A crop is found where a window lies near enough: text shifts its hash sooner than a photograph does."""


PLAIN_RANGE = 14
"""Levels of luma within which a row or a column of pixels counts as plain: a frame, a bar, a page's margin."""
LEAST_LEFT = 16
"""Pixels of each side that have to be left, of 64, once plain edges are taken off."""
WHOLE = (0, 0, SIDE, SIDE)


def trimmed_boxes(lumas: np.ndarray) -> np.ndarray:
    """Find what is left of pictures without their plain edges, int64 (rows, 4): top, left, bottom, right in pixels.

    Rows that are plain from side to side go first, then columns that are plain within what is left. WHOLE where there
    is no plain edge, or too little would be left.
    """
    boxes = np.tile(np.array(WHOLE), (len(lumas), 1))
    # Where none of the four outermost lines is plain, as in most pictures, there is nothing to take off.
    lines = np.stack([lumas[:, 0], lumas[:, -1], lumas[:, :, 0], lumas[:, :, -1]], axis=1)
    rows = np.flatnonzero((lines.max(axis=2) - lines.min(axis=2) <= PLAIN_RANGE).any(axis=1))
    some = lumas[rows]
    top, bottom = _run_of_plain(some, np.zeros(len(rows), np.int64), np.full(len(rows), SIDE))
    left, right = _run_of_plain(some.transpose(0, 2, 1), top, bottom)
    enough = (bottom - top >= LEAST_LEFT) & (right - left >= LEAST_LEFT)
    boxes[rows[enough]] = np.stack([top, left, bottom, right], axis=1)[enough]
    return boxes


def _run_of_plain(lumas: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the first row that isn't plain, and the one after the last, looking at pixels from `first` to `last`."""
    outside = np.arange(SIDE) < first[:, None]
    outside |= np.arange(SIDE) >= last[:, None]
    darkest = np.where(outside[:, None], np.uint8(255), lumas).min(axis=2)
    lightest = np.where(outside[:, None], np.uint8(0), lumas).max(axis=2)
    shows = lightest.astype(np.int16) - darkest > PLAIN_RANGE
    some = shows.any(axis=1)
    return np.where(some, shows.argmax(axis=1), SIDE), np.where(some, SIDE - shows[:, ::-1].argmax(axis=1), SIDE)


def trimmed(boxes: np.ndarray) -> np.ndarray:
    """Tell which boxes leave something off: their pictures have plain edges."""
    return (boxes != WHOLE).any(axis=1)


def box_hashes(lumas: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Hash boxes of pictures as phash64 would, uint64 (rows,)."""
    return _median_bits(_within(lumas, boxes, _cosines)[:, None])[:, 0]


def _within(lumas: np.ndarray, boxes: np.ndarray, matrix) -> np.ndarray:
    """Multiply each luma by its box's matrices from both sides, float64 (rows, n, n)."""
    top, left, bottom, right = (boxes / SIDE).T
    down = np.stack([matrix(start, stop - start) for start, stop in zip(top, bottom, strict=True)])
    across = np.stack([matrix(start, stop - start) for start, stop in zip(left, right, strict=True)])
    return down @ lumas.astype(np.float64) @ across.transpose(0, 2, 1)


def turn(lumas: np.ndarray, symmetry: int) -> np.ndarray:
    """Apply a symmetry to lumas (rows, n, n): quarter turns counter-clockwise 0..3, after a mirror for 4..7."""
    turned = lumas[:, :, ::-1] if symmetry >= 4 else lumas
    return np.rot90(turned, symmetry % 4, axes=(1, 2))


def full_checks(lumas: np.ndarray) -> np.ndarray:
    """Give the check of whole pictures, uint64 (rows, words); lumas uint8 (rows, 64, 64)."""
    return np.concatenate([_checks(_cells(part, [(0.0, 0.0, 1.0)]))[:, 0] for part in _parts(lumas)])


def all_checks(lumas: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Give checks of the whole, of each window, of what is left without plain edges, and of the seven symmetries.

    Args:
      boxes: of the lumas, see `trimmed_boxes`.

    Returns:
      uint64 (rows, kinds, words).
    """
    found = []
    for part, left_of in zip(_parts(lumas), _parts(boxes), strict=True):
        cells = _cells(part, [(0.0, 0.0, 1.0), *WINDOWS])
        turned = [turn(cells[:, 0], symmetry)[:, None] for symmetry in range(1, 8)]
        left = cells[:, :1].copy()
        there = trimmed(left_of)
        if there.any():
            left[there, 0] = _within(part[there], left_of[there], _areas)
        found.append(_checks(np.concatenate([cells, left, *turned], axis=1)))
    return np.concatenate(found)


def window_hashes(lumas: np.ndarray) -> np.ndarray:
    """Hash the windows that aren't stored as phash64 would, uint64 (rows, windows): cosines laid over each window.

    Within half a bit, on average, of the hashes that fingerprinting stores for its own windows.
    """
    chosen = WINDOWS[STORED_WINDOWS:]
    return np.concatenate([_median_bits(_around(part, chosen, _cosines)) for part in _parts(lumas)])


def _parts(lumas: np.ndarray) -> list[np.ndarray]:
    # A batch stays in the cache: a whole block of float64 lumas would run at the speed of memory.
    return [lumas[start : start + BATCH] for start in range(0, max(1, len(lumas)), BATCH)]


def _around(lumas: np.ndarray, windows, matrix) -> np.ndarray:
    """Multiply lumas by a window's matrices from both sides, float64 (rows, windows, n, n)."""
    bases = sorted({(start, share) for top, left, share in windows for start in (top, left)})
    size, rows = matrix(*bases[0]).shape[0], len(lumas)
    # Products of large matrices only: thousands of small ones cost twice as much.
    across = lumas.astype(np.float64).transpose(1, 0, 2).reshape(SIDE, -1)
    down = (np.concatenate([matrix(*base) for base in bases]) @ across).reshape(len(bases), size * rows, SIDE)
    found = np.empty((rows, len(windows), size, size))
    for number, (top, left, share) in enumerate(windows):
        both = down[bases.index((top, share))] @ matrix(left, share).T
        found[:, number] = both.reshape(size, rows, size).transpose(1, 0, 2)
    return found


def _cells(lumas: np.ndarray, windows) -> np.ndarray:
    """Average windows down to the check's cells, in units of 1 / UNIT^2 levels, float64 (rows, windows, 9, 9)."""
    return _around(lumas, windows, _areas)


@lru_cache(maxsize=4096)
def _cosines(start: float, share: float) -> np.ndarray:
    cells = np.arange(SIDE)
    low, high = np.maximum(cells, start * SIDE), np.minimum(cells + 1, (start + share) * SIDE)
    place = ((low + high) / 2 / SIDE - start) / share
    return np.rint(UNIT * np.maximum(0, high - low) * np.cos(np.pi * np.outer(np.arange(8), place)))


@lru_cache(maxsize=4096)
def _areas(start: float, share: float) -> np.ndarray:
    edges = SIDE * (start + share * np.arange(CHECK_SIDE + 1) / CHECK_SIDE)
    cells = np.arange(SIDE)
    low, high = np.maximum(edges[:-1, None], cells), np.minimum(edges[1:, None], cells + 1)
    weights = np.maximum(0, high - low)
    return np.rint(UNIT * weights / weights.sum(axis=1, keepdims=True))


def _checks(cells: np.ndarray) -> np.ndarray:
    """Tell where 9x9 cells get darker to the right and downwards, then where lighter: uint64 (rows, kinds, 4)."""
    corner, zone = cells[:, :, :8, :8], DEAD_ZONE * UNIT * UNIT
    across, down = corner - cells[:, :, :8, 1:], corner - cells[:, :, 1:, :8]
    bits = np.stack([across > zone, down > zone, across < -zone, down < -zone], axis=2).reshape(
        *cells.shape[:2], CHECK_WORDS, 64
    )
    return np.packbits(bits, axis=3).view(">u8").astype(np.uint64)[..., 0]


def _median_bits(values: np.ndarray) -> np.ndarray:
    """Pack which of 64 values lie above their median, uint64 (rows, windows)."""
    values = values.reshape(*values.shape[:2], 64)
    parted = np.partition(values, (31, 32), axis=2)
    bits = values > ((parted[..., 31] + parted[..., 32]) / 2)[..., None]
    return np.packbits(bits, axis=2).view(">u8").astype(np.uint64)[..., 0]
