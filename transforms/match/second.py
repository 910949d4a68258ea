"""Measure again, by Gauss-Newton and both ways round, the few pairs that narrowly fit no rule.

The steps of `register.climb` are cheap as their slopes are mostly the reference's; they end within a few thousandths of
the best warp, which the limits of shear and stretch can't always afford. Here slopes are those of the other picture at
the warp itself, after Lucas and Kanade, "An iterative image registration technique" (1981).
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.align import IDENTITY, prepare_fine
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.filters import halves
from mirrorfold.transforms.match.measure import BATCH, Measures, in_order, joined, scored, unmoved
from mirrorfold.transforms.match.register import LONGEST_STEP, MIN_OVERLAP, make_work, solve
from mirrorfold.transforms.match.score import SCORES, compare
from mirrorfold.transforms.match.tries import BACK, reversed_warps, stored, turned

COARSE_STEPS, STEPS, ENOUGH = 12, 8, 0.05
"""Steps at most at 32 and at 64 pixels, and the share of a pixel below which one ends the search."""


def measure_again(features: Features, found: Measures, chosen: np.ndarray) -> tuple[Measures, Measures]:
    """Measure the chosen pairs, row numbers of `found`, both ways round.

    Returns:
      (the measures of the way that fits better, those of the other).
    """
    parts = [_again(features, found, chosen[i : i + BATCH]) for i in range(0, max(1, len(chosen)), BATCH)]
    better, worse = zip(*parts, strict=True)
    return joined(list(better)), joined(list(worse))


def as_it_lies(features: Features, found: Measures, chosen: np.ndarray) -> tuple[Measures]:
    """Measure the chosen pairs as they lie, frame on frame, in the order of their hashes."""
    parts = []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        (one, other), _ = in_order(features, np.stack([found.a[part], found.b[part]]))
        warps = np.tile(np.array(IDENTITY), (len(part), 1))
        scores = _scores(features, one, other, warps, 0, 0)
        columns = {name: values[part] for name, values in found.distances.items()}
        ways = (one, other, np.zeros(len(part), np.int64), warps, scores, found.alike[part])
        parts.append(scored(features, found.a[part], found.b[part], columns, *ways))
    return (joined(parts),)


def moved(found: Measures) -> np.ndarray:
    """Tell which pairs lie elsewhere than plainly on each other: crops."""
    return ~unmoved(found.warp)


def both_ways(features: Features, found: Measures, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the residual and the agreement of the chosen pairs, of the two ways round whichever is worse."""
    residual, agreement = found.residual[chosen], found.agreement[chosen]
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        onto = reversed_warps(stored(found.warp[part], found.symmetry[part]))
        scores = _scores(features, found.turned[part], found.reference[part], onto, 0, 0)
        residual[start : start + BATCH] = np.maximum(residual[start : start + BATCH], scores[:, 2])
        agreement[start : start + BATCH] = np.minimum(agreement[start : start + BATCH], scores[:, 5])
    return residual, agreement


def _again(features: Features, found: Measures, chosen: np.ndarray) -> tuple[Measures, Measures]:
    mine, theirs, turn = found.reference[chosen], found.turned[chosen], found.symmetry[chosen]
    onto = stored(found.warp[chosen], turn)
    warps = np.concatenate([onto, reversed_warps(onto)])
    reference, other = np.concatenate([mine, theirs]), np.concatenate([theirs, mine])
    symmetry = np.concatenate([turn, np.array(BACK)[turn]])
    scores = _scores(features, reference, other, warps, COARSE_STEPS, STEPS)
    quality = np.round(scores[:, 0] + scores[:, 1], 9)
    count = len(chosen)
    swap = quality[count:] > quality[:count]
    columns = {name: values[chosen] for name, values in found.distances.items()}
    both = []
    for which in (swap, ~swap):
        k = np.arange(count) + np.where(which, count, 0)
        ways = (reference[k], other[k], symmetry[k], turned(warps[k], symmetry[k]), scores[k], found.alike[chosen])
        both.append(scored(features, found.a[chosen], found.b[chosen], columns, *ways))
    return both[0], both[1]


def _scores(features: Features, reference, other, warps, coarse_steps: int, steps: int) -> np.ndarray:
    """Improve warps in place, by so many steps at most; give the scores of `score.compare`."""
    unique, place = np.unique(np.concatenate([reference, other]), return_inverse=True)
    lumas = np.ascontiguousarray(features.lumas[unique])
    images, high, *_ = prepare_fine(lumas)
    scores = np.zeros((len(warps), len(SCORES)))
    ways = (place[: len(warps)], place[len(warps) :], warps, scores)
    _refine_all(images, high, halves(lumas), *ways, coarse_steps, steps)
    return scores


@compiled
def _refine_all(images, high, coarse, reference, other, warps, scores, coarse_steps, steps):
    work, before = make_work(images.shape[1]), np.zeros(6)
    for k in range(len(reference)):
        i, j = reference[k], other[k]
        before[:] = warps[k]
        if not (refine(coarse[i], coarse[j], warps[k], coarse_steps) and refine(images[i], images[j], warps[k], steps)):
            warps[k] = before
        compare(images[i], high[i], images[j], high[j], warps[k], scores[k], work)


@compiled
def refine(reference, other, warp, steps):
    """Improve a warp in place, with gain and offset, by at most so many steps; tell whether the pictures overlap."""
    side = reference.shape[0]
    scale = side / 2
    matrix, inverse, vector, row = np.zeros((8, 8)), np.zeros((8, 8)), np.zeros(8), np.zeros(8)
    for _ in range(steps):
        matrix[:], inverse[:], vector[:] = 0, 0, 0
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
        for i in range(8):
            for j in range(i):
                matrix[j, i] = matrix[i, j]
        solve(matrix, inverse)
        largest = 0.0
        for i in range(6):
            total = 0.0
            for j in range(8):
                total += inverse[i, j] * vector[j]
            move = min(LONGEST_STEP, max(-LONGEST_STEP, total))
            warp[i] += move
            largest = max(largest, abs(move))
        if largest < ENOUGH / side:
            break
    return True
