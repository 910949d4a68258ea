"""Measure candidate pairs: which way one lies on the other, and how well it fits there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.match.align import IDENTITY, align_pairs
from mirrorfold.transforms.match.features import Features, distances
from mirrorfold.transforms.match.filters import prepare
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.probes import WINDOWS, turn
from mirrorfold.transforms.match.score import SCORES
from mirrorfold.transforms.match.signatures import DIHEDRAL_KINDS, WINDOW_KINDS

BATCH = 2_048
CLEAR_CORRELATION, CLEAR_HIGHPASS = 0.995, 0.95
"""A pair that fits this well as it lies isn't aligned: it costs thirty times as much and changes nothing."""

BACK = (0, 3, 2, 1, 4, 5, 6, 7)
"""The symmetry that undoes each (see `probes.turn`)."""
MOVES = np.array(
    [
        np.linalg.matrix_power([[0, 1], [-1, 0]], symmetry % 4) @ np.diag([-1 if symmetry >= 4 else 1, 1])
        for symmetry in range(8)
    ]
)
"""Where each symmetry takes a place of the picture, its coordinates -1..1 to the right and downwards."""


@dataclass(frozen=True)
class Measures:
    """Measured pairs, an array each: `a` and `b` are row numbers.

    Attributes:
      distances: Hamming distances by column of `pairs`.
      symmetry: which symmetry of one lies on the other, 0..7 (see `probes.turn`), as (pairs,) int64.
      reference, turned: row of the picture that is laid onto the other, and of the other, which was turned.
      warp: float64 (pairs, 6), reference to the turned picture.
      correlation, highpass, residual, structure, agreement: of the aligned lumas, see `score.compare`.
      crop_area: share of the larger that the smaller shows.
      container: row of the picture that shows more, where crop_area < 1.
      stretch: log of how much one side is stretched more than the other; rounding: what rounding a side to whole
        pixels may stretch; shear: the warp's off-diagonal part.
      angle: radians by which one is turned on the other, besides the symmetry; slant: what shears it beyond that turn.
      aspect: relative difference of the aspect ratios, after the symmetry.
    """

    a: np.ndarray
    b: np.ndarray
    distances: dict[str, np.ndarray]
    symmetry: np.ndarray
    reference: np.ndarray
    turned: np.ndarray
    warp: np.ndarray
    correlation: np.ndarray
    highpass: np.ndarray
    residual: np.ndarray
    structure: np.ndarray
    agreement: np.ndarray
    crop_area: np.ndarray
    container: np.ndarray
    stretch: np.ndarray
    rounding: np.ndarray
    shear: np.ndarray
    angle: np.ndarray
    slant: np.ndarray
    aspect: np.ndarray


@dataclass(frozen=True)
class _Tries:
    """Ways in which pairs may lie on each other: the reference row, the other row, its symmetry and a first warp."""

    pair: np.ndarray
    reference: np.ndarray
    other: np.ndarray
    symmetry: np.ndarray
    warp: np.ndarray


def measure(features: Features, a: np.ndarray, b: np.ndarray, rule: Rule, wide: bool = False) -> Measures:
    """Measure pairs of rows; each pair is tried as it lies, and in each way that the search proposes.

    Args:
      wide: try all eight symmetries both ways, whatever the hashes say.
    """
    parts = [
        _measure(features, a[i : i + BATCH], b[i : i + BATCH], rule, wide) for i in range(0, max(1, len(a)), BATCH)
    ]
    if len(parts) == 1:
        return parts[0]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Measures.__dataclass_fields__
        if name != "distances"
    }
    columns = {name: np.concatenate([part.distances[name] for part in parts]) for name in parts[0].distances}
    return Measures(distances=columns, **joined)


def _measure(features: Features, a: np.ndarray, b: np.ndarray, rule: Rule, wide: bool) -> Measures:
    a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
    tries = _propose(features, a, b, rule, wide)
    warps, scores = _align(features, tries)
    quality = np.where(scores[:, 3] > 0, scores[:, 1] + scores[:, 0], -9.0)
    order = np.lexsort((np.arange(len(quality)), -np.round(quality, 9), tries.pair))
    best = order[np.searchsorted(tries.pair[order], np.arange(len(a)))]
    columns = distances(features, a, b)
    return _scored(
        features,
        a,
        b,
        columns,
        tries.reference[best],
        tries.other[best],
        tries.symmetry[best],
        warps[best],
        scores[best],
    )


def rescored(
    features: Features, found: Measures, chosen: np.ndarray, warps: np.ndarray, scores: np.ndarray
) -> Measures:
    """Give the chosen pairs as measured by other warps and scores, of the same pictures in the same turns."""
    columns = {name: values[chosen] for name, values in found.distances.items()}
    reference, turned, symmetry = (getattr(found, name)[chosen] for name in ("reference", "turned", "symmetry"))
    return _scored(features, found.a[chosen], found.b[chosen], columns, reference, turned, symmetry, warps, scores)


def replaced(found: Measures, rows: np.ndarray, other: Measures, which: np.ndarray) -> Measures:
    """Give measures with some rows taken from those of `other` that `which` names; distances stay."""
    columns = {}
    for name in Measures.__dataclass_fields__:
        columns[name] = values = getattr(found, name)
        if name != "distances":
            columns[name] = values.copy()
            columns[name][rows] = getattr(other, name)[which]
    return Measures(**columns)


def _scored(features: Features, a, b, columns, reference, other, symmetry, warp, score) -> Measures:
    determinant = np.abs(warp[:, 0] * warp[:, 4] - warp[:, 1] * warp[:, 3])
    covered = score[:, 3]
    sides = np.log(features.width / features.height)
    sides_min = np.minimum(features.width, features.height)
    turned_aspect = np.where(symmetry % 2 == 1, -sides[other], sides[other])
    # The warp maps square to square: in true pixels a turn is antisymmetric, whatever the aspect.
    side = np.exp((sides[reference] + turned_aspect) / 2)
    across, down = warp[:, 1] * side, warp[:, 3] / side
    size = np.maximum(np.sqrt(determinant), 1e-6)
    return Measures(
        a=a,
        b=b,
        distances=columns,
        symmetry=symmetry,
        reference=reference,
        turned=other,
        warp=warp,
        correlation=score[:, 0],
        highpass=score[:, 1],
        residual=score[:, 2],
        structure=score[:, 4],
        agreement=score[:, 5],
        crop_area=np.minimum(covered, covered * determinant),
        container=np.where(determinant < 1, other, reference),
        stretch=np.log(np.maximum(np.abs(warp[:, 0]), 1e-6) / np.maximum(np.abs(warp[:, 4]), 1e-6))
        + turned_aspect
        - sides[reference],
        rounding=1 / np.minimum(sides_min[reference], sides_min[other]),
        shear=np.maximum(np.abs(warp[:, 1]), np.abs(warp[:, 3])),
        angle=np.abs(across - down) / 2 / size,
        slant=np.abs(across + down) / 2 / size,
        aspect=np.abs(np.expm1(turned_aspect - sides[reference])),
    )


def _propose(features: Features, a: np.ndarray, b: np.ndarray, rule: Rule, wide: bool) -> _Tries:
    """List the ways to try: as they lie, and the best window and the best symmetry within the radius each way."""
    pairs = np.arange(len(a))
    unmoved = np.tile(IDENTITY, (len(a), 1))
    found = [(pairs, a, b, np.zeros(len(a), np.int64), unmoved)]
    kinds = features.hashes.shape[1]
    if wide:
        turns = itertools.product(range(8), ((a, b), (b, a)))
        found += [
            (pairs, reference, other, np.full(len(a), symmetry), unmoved) for symmetry, (reference, other) in turns
        ]
    if wide and features.hashes.shape[1] > 1:
        found += [_turned_window(features, reference, other) for reference, other in ((a, b), (b, a))]
    if kinds > 1:
        for reference, other in ((a, b), (b, a)):
            gaps = np.bitwise_count(features.hashes[reference, :1] ^ features.hashes[other])
            for group in (WINDOW_KINDS, DIHEDRAL_KINDS):
                kind = gaps[:, group.start : group.stop].argmin(axis=1) + group.start
                hit = np.flatnonzero(gaps[pairs, kind] <= rule.radius)
                warp, symmetry = _start(kind[hit])
                found.append((hit, reference[hit], other[hit], symmetry, warp))
    return _Tries(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _turned_window(features: Features, reference: np.ndarray, other: np.ndarray):
    """Give the try of the window of the other that some turn of the reference is nearest to."""
    turns = features.hashes[reference, DIHEDRAL_KINDS.start : DIHEDRAL_KINDS.stop]
    windows = features.hashes[other, WINDOW_KINDS.start : WINDOW_KINDS.stop]
    gaps = np.bitwise_count(turns[:, :, None] ^ windows[:, None, :]).reshape(len(reference), -1)
    turn_of, window = np.divmod(gaps.argmin(axis=1), len(WINDOWS))
    # What turns the reference into the window turns the other, and the window's place, the opposite way.
    back = np.array(BACK)[turn_of + 1]
    warp, _ = _start(window + WINDOW_KINDS.start)
    warp[:, [2, 5]] = np.einsum("pij,pj->pi", MOVES[back], warp[:, [2, 5]])
    return np.arange(len(reference)), reference, other, back, warp


def _start(kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    warp = np.tile(IDENTITY, (len(kind), 1))
    symmetry = np.zeros(len(kind), np.int64)
    window = (kind >= WINDOW_KINDS.start) & (kind < WINDOW_KINDS.stop)
    top, left, share = np.array(WINDOWS)[kind[window] - WINDOW_KINDS.start].T
    warp[window, 0] = warp[window, 4] = share
    warp[window, 2] = 2 * left + share - 1
    warp[window, 5] = 2 * top + share - 1
    symmetry[~window] = kind[~window] - DIHEDRAL_KINDS.start + 1
    return warp, symmetry


def _align(features: Features, tries: _Tries) -> tuple[np.ndarray, np.ndarray]:
    """Score every try as it lies, then refine those of pairs that have no clear one."""
    keys = np.concatenate([tries.reference * 8, tries.other * 8 + tries.symmetry])
    unique, place = np.unique(keys, return_inverse=True)
    lumas = features.lumas[unique // 8].copy()
    for symmetry in range(1, 8):
        chosen = unique % 8 == symmetry
        lumas[chosen] = turn(lumas[chosen], symmetry)
    fine, high, coarse = prepare(lumas)
    reference, other = place[: len(tries.pair)], place[len(tries.pair) :]
    warps, scores = tries.warp.copy(), np.zeros((len(tries.pair), len(SCORES)))
    align_pairs(fine, high, coarse, reference, other, warps, scores, False)
    clear = (scores[:, 0] >= CLEAR_CORRELATION) & (scores[:, 1] >= CLEAR_HIGHPASS)
    settled = np.zeros(tries.pair.max() + 1 if len(tries.pair) else 0, dtype=bool)
    settled[tries.pair[clear]] = True
    open_ = np.flatnonzero(~settled[tries.pair])
    moved, rescored = warps[open_], scores[open_]
    align_pairs(fine, high, coarse, reference[open_], other[open_], moved, rescored, True)
    warps[open_], scores[open_] = moved, rescored
    return warps, scores
