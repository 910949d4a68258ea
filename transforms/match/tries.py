"""Choose the ways in which the two pictures of a pair may lie on each other, by how near their hashes are.

A pair is tried as it lies, at the window that is nearest to the whole of the other picture, each way, and in the
nearest symmetry, as far as these lie within the radius of the search. The members of a family may be farther apart: the
nearest windows and symmetries are tried whatever their distance, and the window that is nearest to a turn of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.align import IDENTITY
from mirrorfold.transforms.match.kernels import popcount
from mirrorfold.transforms.match.probes import SIDE, WINDOWS
from mirrorfold.transforms.match.signatures import DIHEDRAL_KINDS, WINDOW_KINDS

BACK = (0, 3, 2, 1, 4, 5, 6, 7)
"""The symmetry that undoes each (see `probes.turn`)."""
MOVES = np.array(
    [
        np.linalg.matrix_power([[0, 1], [-1, 0]], symmetry % 4) @ np.diag([-1 if symmetry >= 4 else 1, 1])
        for symmetry in range(8)
    ]
)
"""Where each symmetry takes a place of the picture, its coordinates -1..1 to the right and downwards."""
WIDE_TURNS = 3
"""Symmetries that the members of a family are tried in, the nearest first."""
MOST = 10
LEAST = 1e-9
FIRST_WINDOW, LAST_WINDOW, FIRST_TURN = WINDOW_KINDS.start, WINDOW_KINDS.stop, DIHEDRAL_KINDS.start
TURNS = len(DIHEDRAL_KINDS)
_BACK = np.array(BACK)


@dataclass(frozen=True)
class Tries:
    """Ways in which pairs may lie on each other, an array each.

    Attributes:
      pair: number of the pair; swapped: whether its second picture is laid onto its first.
      reference, other: rows of the picture that is laid onto the other, and of the other.
      symmetry: of the other; warp: float64 (tries, 6), reference to the other as it is stored.
    """

    pair: np.ndarray
    swapped: np.ndarray
    reference: np.ndarray
    other: np.ndarray
    symmetry: np.ndarray
    warp: np.ndarray


def choose_tries(hashes: np.ndarray, boxes: np.ndarray, a: np.ndarray, b: np.ndarray, radius: int, wide: bool) -> Tries:
    """Choose the tries of pairs of rows.

    Args:
      hashes: uint64 (rows, kinds), full signatures and probes; boxes: int64 (rows, 4), see `probes.trimmed_boxes`.
      radius: bits within which a probe is tried.
      wide: the pairs belong to one family: try the nearest, whatever their distance.
    """
    tries = np.empty((len(a) * MOST, 4), np.int64)
    count = _choose(hashes, a, b, 64 if wide else radius, wide, tries) if hashes.shape[1] > 1 else _lying(tries, len(a))
    pair, swapped, symmetry, window = tries[:count].T
    swapped = swapped > 0
    reference, other = np.where(swapped, b[pair], a[pair]), np.where(swapped, a[pair], b[pair])
    symmetry = np.where(symmetry < 0, np.array(BACK)[np.abs(symmetry)], symmetry)
    return Tries(pair, swapped, reference, other, symmetry, _starts(symmetry, window, boxes[other]))


def found_tries(boxes: np.ndarray, a: np.ndarray, b: np.ndarray, ways: np.ndarray) -> Tries:
    """Give the tries of pairs of rows as they lie, and in the ways in which the search found them.

    Args:
      ways: int64 (pairs, 4), kinds of signature or 0: the window and the turn of b that the whole of a met, then those
        of a that the whole of b met (see `edges.EDGES`).
    """
    pair, way = np.nonzero(ways)
    kind = np.concatenate([np.zeros(len(a), np.int64), ways[pair, way]])
    # The picture whose window it is is the larger: the other is laid onto it.
    swapped = np.concatenate([np.zeros(len(a), bool), way >= 2])
    pair = np.concatenate([np.arange(len(a)), pair])
    reference, other = np.where(swapped, b[pair], a[pair]), np.where(swapped, a[pair], b[pair])
    symmetry = np.where(kind >= FIRST_TURN, kind - FIRST_TURN + 1, 0)
    window = np.where((kind > 0) & (kind < LAST_WINDOW), kind - FIRST_WINDOW, -1)
    return Tries(pair, swapped, reference, other, symmetry, _starts(symmetry, window, boxes[other]))


def with_black(tries: Tries, on_black: np.ndarray, a: np.ndarray, b: np.ndarray) -> Tries:
    """Add, for pairs of which one looks otherwise on black, that it lies so under the other, frame on frame.

    Args:
      on_black: int64 (rows,), the view of each row on black, -1 for none: see `features.Features`.
    """
    first, second = np.flatnonzero(on_black[a] >= 0), np.flatnonzero(on_black[b] >= 0)
    if not len(first) and not len(second):
        return tries
    pair, count = np.concatenate([first, second]), len(first) + len(second)
    return Tries(
        np.concatenate([tries.pair, pair]),
        np.concatenate([tries.swapped, np.arange(count) < len(first)]),
        np.concatenate([tries.reference, b[first], a[second]]),
        np.concatenate([tries.other, on_black[a[first]], on_black[b[second]]]),
        np.concatenate([tries.symmetry, np.zeros(count, np.int64)]),
        np.concatenate([tries.warp, np.tile(IDENTITY, (count, 1))]),
    )


def turned(warps: np.ndarray, symmetry: np.ndarray) -> np.ndarray:
    """Make warps onto pictures as they are stored, float64 (tries, 6), warps onto the turned ones."""
    return _moved(warps, MOVES[symmetry])


def stored(warps: np.ndarray, symmetry: np.ndarray) -> np.ndarray:
    """Make warps onto turned pictures, float64 (tries, 6), warps onto them as they are stored."""
    return _moved(warps, np.linalg.inv(MOVES)[symmetry]) + 0.0


def _moved(warps: np.ndarray, moves: np.ndarray) -> np.ndarray:
    # Moves are of -1, 0 and 1: the products are exact.
    x, y = warps[:, None, :3], warps[:, None, 3:]
    return (moves[:, :, :1] * x + moves[:, :, 1:] * y).reshape(-1, 6)


def reversed_warps(warps: np.ndarray) -> np.ndarray:
    """Give the warps from the other picture to the reference, float64 (tries, 6)."""
    a, b, c, d, e, f = warps.T
    determinant = a * e - b * d
    determinant = np.where(np.abs(determinant) < LEAST, LEAST, determinant)
    p, q, r, s = e / determinant, -b / determinant, -d / determinant, a / determinant
    return np.stack([p, q, -(p * c + q * f), r, s, -(r * c + s * f)], axis=1)


def _lying(tries: np.ndarray, pairs: int) -> int:
    tries[:pairs] = 0
    tries[:pairs, 0], tries[:pairs, 3] = np.arange(pairs), -1
    return pairs


def _starts(symmetry: np.ndarray, window: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Give the warps onto pictures as they are stored: of a symmetry, at a window by number; -1 is the whole."""
    warps = stored(np.tile(IDENTITY, (len(window), 1)), symmetry)
    places = np.zeros((len(window), 4))
    cut = (window >= 0) & (window < len(WINDOWS))
    top, left, share = np.array(WINDOWS)[window[cut]].T
    places[cut] = np.stack([top, left, share, share], axis=1)
    left_over = window == len(WINDOWS)
    places[left_over, :2], places[left_over, 2:] = boxes[left_over, :2], boxes[left_over, 2:] - boxes[left_over, :2]
    places[left_over] /= SIDE
    cut |= left_over
    top, left, height, width = places[cut].T
    warps[cut, :3] *= width[:, None]
    warps[cut, 3:] *= height[:, None]
    warps[cut, 2] = 2 * left + width - 1
    warps[cut, 5] = 2 * top + height - 1
    return warps


@compiled
def _choose(hashes, a, b, limit, wide, tries):
    """Fill in the tries as (pair, swapped, symmetry, window); give their number."""
    count = 0
    gaps = np.empty(TURNS, np.int64)
    for pair in range(len(a)):
        tries[count] = pair, 0, 0, -1
        count += 1
        gaps[:] = 65
        for swapped in range(2):
            i, j = (b[pair], a[pair]) if swapped else (a[pair], b[pair])
            nearest, best = limit + 1, -1
            for kind in range(FIRST_WINDOW, LAST_WINDOW):
                gap = popcount(hashes[i, 0] ^ hashes[j, kind])
                if gap < nearest:
                    nearest, best = gap, kind
            if best >= 0:
                tries[count] = pair, swapped, 0, best - FIRST_WINDOW
                count += 1
            for number in range(TURNS):
                gap = popcount(hashes[i, 0] ^ hashes[j, FIRST_TURN + number])
                place = _BACK[number + 1] - 1 if swapped else number
                gaps[place] = min(gaps[place], gap)
            if wide:
                nearest, turn_of, best = 65, 0, 0
                for number in range(TURNS):
                    for kind in range(FIRST_WINDOW, LAST_WINDOW):
                        gap = popcount(hashes[i, FIRST_TURN + number] ^ hashes[j, kind])
                        if gap < nearest:
                            nearest, turn_of, best = gap, number + 1, kind
                # What turns the reference into the window turns the other the opposite way: hence the sign.
                tries[count] = pair, swapped, -turn_of, best - FIRST_WINDOW
                count += 1
        for _ in range(WIDE_TURNS if wide else 1):
            turn = gaps.argmin()
            if gaps[turn] > limit:
                break
            gaps[turn] = 65
            tries[count] = pair, 0, turn + 1, -1
            count += 1
    return count
