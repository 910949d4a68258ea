"""Measure candidate pairs: which way one lies on the other, and how well it fits there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.match.align import IDENTITY, align_coarse, align_fine, prepare_coarse, prepare_fine
from mirrorfold.transforms.match.features import Features, distances
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.score import UNSEEN
from mirrorfold.transforms.match.tries import BACK, Tries, choose_tries, found_tries, reversed_warps, turned, with_black

BATCH = 1_024
ALIKE_CORRELATION, ALIKE_HIGHPASS, ALIKE_SHAPE = 0.5, 0.0, 0.2
"""What a pair must reach at 32 pixels to be aligned at 64: correlations at least, stretch and shear at most. Four
fifths of the chance pairs are bent into likeness there and stay out (docs/matching.md tells what is kept)."""

SQUEEZED = 0.45
"""Log of the ratio by which the sides of a whole copy may be scaled apart: it fills its frame as the original does."""

ELSEWHERE, NEARLY = 0.05, 0.1
"""A second way is aligned at 64 pixels where it lies by so much elsewhere, and its correlations are nearly as good."""


@dataclass(frozen=True)
class Measures:
    """Measured pairs, an array each: `a` and `b` are row numbers.

    Attributes:
      distances: Hamming distances by column of `pairs`.
      symmetry: which symmetry of one lies on the other, 0..7 (see `probes.turn`), as (pairs,) int64.
      reference, turned: view of the picture that is laid onto the other, and of the other, which was turned.
      warp: float64 (pairs, 6), reference to the turned picture.
      correlation, highpass, residual, structure, agreement: of the aligned lumas, see `score.compare`.
      crop_area: share of the larger that the smaller shows.
      container: view of the picture that shows more, where crop_area < 1.
      stretch: log of how much one side is stretched more than the other; rounding: what rounding a side to whole
        pixels may stretch; shear: the warp's off-diagonal part.
      angle: radians by which one is turned on the other, besides the symmetry; slant: what shears it beyond that turn.
      aspect: relative difference of the aspect ratios, after the symmetry.
      alike: whether the pair was alike enough at 32 pixels to be measured at 64.
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
    alike: np.ndarray

    def take(self, rows: np.ndarray) -> Measures:
        """Give some of the pairs, by number or mask."""
        columns = {name: getattr(self, name)[rows] for name in Measures.__dataclass_fields__ if name != "distances"}
        return Measures(distances={name: values[rows] for name, values in self.distances.items()}, **columns)


def measure(
    features: Features, a: np.ndarray, b: np.ndarray, rule: Rule, wide: bool = False, ways: np.ndarray | None = None
) -> Measures:
    """Measure pairs of rows; each is tried as it lies, and in each way that its hashes propose (see `tries`).

    What isn't alike at 32 pixels is measured there alone: its residual and agreement are those of unlike pictures.

    Args:
      wide: the pairs belong to one family: try the nearest ways, whatever the distance of the hashes.
      ways: how the search found them, int64 (pairs, 4), see `edges.EDGES`: try these, beside as they lie.
    """
    a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
    parts = []
    for start in range(0, max(1, len(a)), BATCH):
        part = slice(start, start + BATCH)
        (one, other), swapped = in_order(features, np.stack([a[part], b[part]]))
        if wide or ways is None:
            tries = choose_tries(features.hashes, features.boxes, one, other, rule.radius, wide)
        else:
            tries = found_tries(
                features.boxes, one, other, np.where(swapped[:, None], ways[part][:, [2, 3, 0, 1]], ways[part])
            )
        tries = with_black(tries, features.on_black, one, other)
        parts.append(_measure(features, a[part], b[part], tries))
    return joined(parts)


def in_order(features: Features, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order the two pictures of each pair by their hashes, so that the order of rows changes no score."""
    one, other = features.large[ends].reshape(2, ends.shape[1], -1)
    first = (one != other).argmax(axis=1)[:, None]
    swapped = (np.take_along_axis(one, first, 1) > np.take_along_axis(other, first, 1))[:, 0]
    return np.where(swapped, ends[::-1], ends), swapped


def joined(parts: list[Measures]) -> Measures:
    """Put the measures of several batches, one at least, behind each other."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in Measures.__dataclass_fields__ if name != "distances"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    bits = {name: np.concatenate([part.distances[name] for part in parts]) for name in parts[0].distances}
    return Measures(distances=bits, **columns)


def _measure(features: Features, a: np.ndarray, b: np.ndarray, tries: Tries) -> Measures:
    warps, scores = _align_coarse(features, tries)
    onto = turned(warps, tries.symmetry)
    stretch, shear = _shape(features, tries.reference, tries.other, tries.symmetry, onto)
    bent = np.where(unmoved(onto), SQUEEZED, ALIKE_SHAPE)
    straight = (np.abs(stretch) <= bent) & (shear <= ALIKE_SHAPE)
    # Bent pictures are alike by chance: a way that bends them stands behind one that doesn't.
    quality = _quality(scores) - 9 * ~straight
    kept = _finalists(tries, warps, quality)
    alike = straight[kept] & (scores[kept, 0] >= ALIKE_CORRELATION) & (scores[kept, 1] >= ALIKE_HIGHPASS)
    pair, reference, other, symmetry = (
        values[kept] for values in (tries.pair, tries.reference, tries.other, tries.symmetry)
    )
    starts, warps, scores = tries.warp[kept], warps[kept], scores[kept]
    scores[:, 2] = UNSEEN
    # The smaller is laid onto the larger: each of its pixels has a counterpart.
    larger = np.abs(warps[:, 0] * warps[:, 4] - warps[:, 1] * warps[:, 3]) > 1
    reference, other = np.where(larger, other, reference), np.where(larger, reference, other)
    symmetry = np.where(larger, np.array(BACK)[symmetry], symmetry)
    starts[larger], warps[larger] = reversed_warps(starts[larger]), reversed_warps(warps[larger])
    if alike.any():
        ways = (reference[alike], other[alike], starts[alike], warps[alike])
        warps[alike], scores[alike] = _align_fine(features, *ways)
    best = _best(pair, _quality(scores) - 99 * ~alike)
    reference, other, symmetry = reference[best], other[best], symmetry[best]
    found = (reference, other, symmetry, turned(warps[best], symmetry), scores[best], alike[best])
    return scored(features, a, b, distances(features, a, b), *found)


def lies_on_black(features: Features, found: Measures) -> np.ndarray:
    """Tell which pairs were laid on each other with one of them on black."""
    return np.maximum(found.reference, found.turned) >= len(features)


def unmoved(warp: np.ndarray) -> np.ndarray:
    """Tell which warps onto turned pictures lay one plainly on the other, frame on frame."""
    return np.abs(warp - np.array(IDENTITY)).max(axis=1) < ELSEWHERE


def _quality(scores: np.ndarray) -> np.ndarray:
    return np.where(scores[:, 3] > 0, scores[:, 1] + scores[:, 0], -99.0)


def _best(pair: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Give the best of each pair's tries, the first of equals; every pair from 0 on has some."""
    order = np.lexsort((np.arange(len(quality)), -np.round(quality, 9), pair))
    first = np.ones(len(order), bool)
    first[1:] = pair[order[1:]] != pair[order[:-1]]
    return order[first]


def _finalists(tries: Tries, warps: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Give the best try of each pair, then the best of those that lie elsewhere and are nearly as good."""
    best = _best(tries.pair, quality)
    onward = np.where(tries.swapped[:, None], reversed_warps(warps), warps)
    elsewhere = np.abs(onward - onward[best][tries.pair]).max(axis=1) > ELSEWHERE
    others = np.flatnonzero(elsewhere & (quality >= quality[best][tries.pair] - NEARLY))
    if not len(others):
        return best
    _, pair = np.unique(tries.pair[others], return_inverse=True)
    return np.concatenate([best, others[_best(pair, quality[others])]])


def _align_coarse(features: Features, tries: Tries) -> tuple[np.ndarray, np.ndarray]:
    unique, place = np.unique(np.concatenate([tries.reference, tries.other]), return_inverse=True)
    prepared = prepare_coarse(np.ascontiguousarray(features.lumas[unique]))
    warps = tries.warp.copy()
    return warps, align_coarse(prepared, place[: len(warps)], place[len(warps) :], warps)


def _align_fine(features: Features, reference, other, starts, warps) -> tuple[np.ndarray, np.ndarray]:
    unique, place = np.unique(np.concatenate([reference, other]), return_inverse=True)
    prepared = prepare_fine(np.ascontiguousarray(features.lumas[unique]))
    return warps, align_fine(prepared, place[: len(warps)], place[len(warps) :], starts, warps)


def rescored(
    features: Features, found: Measures, chosen: np.ndarray, warps: np.ndarray, scores: np.ndarray
) -> Measures:
    """Give the chosen pairs as measured by other warps and scores, of the same pictures in the same turns."""
    columns = {name: values[chosen] for name, values in found.distances.items()}
    reference, turned, symmetry = (getattr(found, name)[chosen] for name in ("reference", "turned", "symmetry"))
    ways = (reference, turned, symmetry, warps, scores, found.alike[chosen])
    return scored(features, found.a[chosen], found.b[chosen], columns, *ways)


def replaced(found: Measures, rows: np.ndarray, other: Measures, which: np.ndarray) -> Measures:
    """Give measures with some rows taken from those of `other` that `which` names; distances stay."""
    columns = {}
    for name in Measures.__dataclass_fields__:
        columns[name] = values = getattr(found, name)
        if name != "distances":
            columns[name] = values.copy()
            columns[name][rows] = getattr(other, name)[which]
    return Measures(**columns)


def _shape(features: Features, reference, other, symmetry, warp) -> tuple[np.ndarray, np.ndarray]:
    """Give the stretch and the shear of warps onto turned pictures, see Measures."""
    sides = np.log(features.width / features.height)
    turned_aspect = np.where(symmetry % 2 == 1, -sides[other], sides[other])
    wider = np.log(np.maximum(np.abs(warp[:, 0]), 1e-6) / np.maximum(np.abs(warp[:, 4]), 1e-6))
    return wider + turned_aspect - sides[reference], np.maximum(np.abs(warp[:, 1]), np.abs(warp[:, 3]))


def scored(features: Features, a, b, columns, reference, other, symmetry, warp, score, alike) -> Measures:
    """Make measures of pairs from the way in which each lies, see Measures, and its scores (pairs, SCORES)."""
    determinant = np.abs(warp[:, 0] * warp[:, 4] - warp[:, 1] * warp[:, 3])
    covered = score[:, 3]
    sides = np.log(features.width / features.height)
    sides_min = np.minimum(features.width, features.height)
    turned_aspect = np.where(symmetry % 2 == 1, -sides[other], sides[other])
    # The warp maps square to square: in true pixels a turn is antisymmetric, whatever the aspect.
    side = np.exp((sides[reference] + turned_aspect) / 2)
    across, down = warp[:, 1] * side, warp[:, 3] / side
    size = np.maximum(np.sqrt(determinant), 1e-6)
    stretch, shear = _shape(features, reference, other, symmetry, warp)
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
        stretch=stretch,
        rounding=1 / np.minimum(sides_min[reference], sides_min[other]),
        shear=shear,
        angle=np.abs(across - down) / 2 / size,
        slant=np.abs(across + down) / 2 / size,
        aspect=np.abs(np.expm1(turned_aspect - sides[reference])),
        alike=alike,
    )
