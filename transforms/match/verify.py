"""Tiers: what a measured pair is, under rules whose cost in false pairs is known (docs/matching.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import DISTANCES, WARP
from mirrorfold.transforms.match.candidates import candidates
from mirrorfold.transforms.match.detail import has_detail, measure_detail, worth_detail
from mirrorfold.transforms.match.features import Features, colour_shift, make_features, otherwise_clear
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.kinds import LOOKS, describe, in_frame, kind_of
from mirrorfold.transforms.match.measure import Measures, measure, replaced
from mirrorfold.transforms.match.moments import captured_apart, captured_in_burst
from mirrorfold.transforms.match.rules import (
    CANDIDATE,
    CLOSER,
    DEFAULTS,
    DOCUMENTS,
    FITS,
    MARKS,
    PHOTOGRAPHS,
    PROBABLE,
    TIER_OF,
    Limits,
    Pairs,
    surely,
    taken,
)
from mirrorfold.transforms.match.second import as_it_lies, both_ways, measure_again, moved
from mirrorfold.transforms.match.tries import reversed_warps, stored

PAGE_RADIUS = 6
LIES_AS_IT_IS = 16
"""Bits of phash64 up to which a photograph that fits no rule is scored as it lies: burnt-in bars mislead alignment."""
CHECK_LIMIT = 50
"""Percent of agreement that a candidate's checks need: see docs/matching.md for what it keeps and drops."""

RESULT = pa.schema(
    [
        ("a", pa.int64()),
        ("b", pa.int64()),
        ("tier", pa.string()),
        ("joins", pa.bool_()),
        ("near_miss", pa.bool_()),
        ("kind", pa.string()),
        ("kind_text", pa.string()),
        *[(field.name, field.type) for field in DISTANCES],
        ("correlation", pa.float32()),
        ("residual", pa.float32()),
        ("highpass", pa.float32()),
        ("crop_area", pa.float32()),
        ("aspect", pa.float32()),
        ("warp", WARP),
        ("rule", pa.string()),
        ("capture_conflict", pa.bool_()),
        ("undecided", pa.bool_()),
    ]
)
"""A verified pair of rows: its tier, whether it may hold a cluster together, what it was judged by, and whether reading
both again could settle it."""
EDGE_RESULT = RESULT.append(pa.field("pair", pa.int64()))

SCORES = ("correlation", "residual", "highpass", "crop_area", "aspect")


@dataclass(frozen=True)
class Verifier:
    """Everything a stage needs to search and verify among the contents of one component.

    It crosses from match to cluster as a value, so that neither stage imports the other.
    """

    rule: Rule
    crops: bool = True
    limits: Limits = DEFAULTS

    def features(self, contents: pa.Table, probes: bool = True) -> Features:
        """Make features of contents, in their order; without probes, candidates can be verified and not searched."""
        return make_features(contents, self.crops, probes)

    def candidates(self, features: Features, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Give candidate pairs between rows and others, int64 (pairs, 2), smaller row first."""
        return candidates(features, rows, others, self.rule)

    def verify(
        self, features: Features, pairs: np.ndarray, wide: bool = False, ways: np.ndarray | None = None
    ) -> pa.Table:
        """Judge pairs, int64 (pairs, 2); a row of RESULT each, in the same order.

        What a pair comes to depends neither on the others nor on their block.

        Args:
          ways: int64 (pairs, 4), how the search found each, see `edges.EDGES`; without them the hashes are asked.
          wide: the pair belongs to one family: try every turn of one on the other, whatever the hashes say.
        """
        if not len(pairs):
            return RESULT.empty_table()
        found = measure(features, pairs[:, 0], pairs[:, 1], self.rule, wide, ways)
        return judge_twice(features, found, self.limits)

    def verify_edges(
        self, features: Features, pairs: np.ndarray, wide: bool = False, ways: np.ndarray | None = None
    ) -> pa.Table:
        """Judge pairs as `verify` does; give the rows that join, nearly do, or could be settled by reading again.

        Few of the pairs that meet by chance are among them: the others cost no more than a look at 32 pixels.

        Returns:
          RESULT, in the order of the pairs, and `pair`, int64: which of them it is.
        """
        if not len(pairs):
            return EDGE_RESULT.empty_table()
        found = measure(features, pairs[:, 0], pairs[:, 1], self.rule, wide, ways)
        blind = ~(features.seen[found.a] & features.seen[found.b])
        worth = np.flatnonzero(found.alike | blind | same_picture(features, found.a, found.b))
        judged = judge_twice(features, found.take(worth), self.limits).append_column(
            EDGE_RESULT.field("pair"), pa.array(worth)
        )
        joins, near_miss, undecided = (judged.column(name) for name in ("joins", "near_miss", "undecided"))
        return judged.filter(pc.or_(pc.or_(joins, near_miss), undecided))


def judge_twice(features: Features, found: Measures, limits: Limits) -> pa.Table:
    """Judge measured pairs, and once more, measured with more care, those that narrowly fit no rule.

    They are few, so that the care costs little; what a pair comes to depends on no other.
    """
    judged = judge(features, found, limits)
    unfit = judged.column("rule").to_numpy() == CANDIDATE
    near_miss = unfit & judged.column("near_miss").to_numpy()
    # Of the frames of a burst some lie within the limits one way: a photograph that is no crop has no second chance.
    document = features.document[found.a] | features.document[found.b]
    narrow = np.where(document, limits.document_miss.passes(found), limits.miss.passes(found) & moved(found))
    whole = unfit & ~document & (found.distances["d_phash64"] <= LIES_AS_IT_IS)
    chances = []
    # Frames of a burst lie as they are too: what moved there changes less than what was laid over a copy.
    for chosen, again, least in ((near_miss & narrow, measure_again, 0.0), (whole, as_it_lies, limits.covered)):
        rows = np.flatnonzero(chosen)
        for part in again(features, found, rows) if len(rows) else ():
            kept = part.residual >= least
            chances.append((rows[kept], judge(features, part.take(kept), limits)))
    taken = np.arange(len(judged))
    for place, (rows, other) in enumerate(chances):
        fits = (other.column("rule").to_numpy() != CANDIDATE) & (taken[rows] == rows)
        taken[rows[fits]] = len(judged) + sum(len(rows) for rows, _ in chances[:place]) + np.flatnonzero(fits)
    return pa.concat_tables([judged, *(other for _, other in chances)]).take(taken).combine_chunks()


def judge(features: Features, found: Measures, limits: Limits) -> pa.Table:
    """Give each measured pair its tier, kind and rule.

    Where a luma was withheld nothing can be aligned: such a pair is probable and joins nothing, unless the coded
    pictures' digests are equal.
    """
    a, b = found.a, found.b
    times = [(features.captured[i], features.captured[j]) for i, j in zip(a, b, strict=True)]
    conflict = np.array([captured_apart(*pair) for pair in times], dtype=bool)
    frames = np.array([captured_in_burst(*pair) for pair in times], dtype=bool)
    parts = np.array([features.parts[i] == features.parts[j] for i, j in zip(a, b, strict=True)], dtype=bool)
    pages = np.array([same_pages(features, i, j) for i, j in zip(a, b, strict=True)], dtype=bool)
    document = features.document[a] | features.document[b]
    low = features.low[a] | features.low[b]
    same = same_picture(features, a, b) & parts
    found = _stricter(features, found, document & limits.document.passes(found))
    tint, tone = colour_shift(features, a, b)
    tinted, toned = tint > limits.tint, tone > limits.tone
    # A copy laid on a ground has lost what a curator may want: transparency.
    clear = otherwise_clear(features, a, b, limits.tone)
    measured = Pairs(features, found, limits, toned)
    faint = (features.faint[a] | features.faint[b]) & (found.structure < limits.structure)
    fits = np.where(document, taken(FITS, measured, DOCUMENTS), taken(FITS, measured, PHOTOGRAPHS)) & ~faint
    marked = taken(MARKS, measured, PHOTOGRAPHS) & ~document
    blind = ~(features.seen[a] & features.seen[b])
    open_ = document & ~(fits | marked) & pages & ~low & ~blind
    found, settled = _settle(measured, open_ & has_detail(features, found))
    aligned = (fits | marked | settled) & pages & ~low & ~blind
    near = aligned & surely(found, limits) & ~document & ~conflict & ~tinted & ~toned & ~clear & parts
    burst = frames & ~same
    undecided = open_ & ~settled & ~same & ~burst & worth_detail(features, found)
    joins = same | near | (aligned & ~burst)
    miss = ~joins & (limits.miss.passes(found) | aligned | blind) & ~low
    held = {"picture-digest": same, "rule-a": near, "aligned": aligned & fits, "aligned-256": settled,
            "marked": aligned, "withheld": blind}  # fmt: skip
    tier = np.select([held[name] for name in TIER_OF], list(TIER_OF.values()), PROBABLE)
    rule = np.select([held[name] for name in TIER_OF], list(TIER_OF), CANDIDATE)
    # Darkening shrinks the chroma as well: what changed more names the kind.
    greyed = tinted & (features.grey[a] != features.grey[b])
    looks = np.select([clear, greyed, tinted & (tint >= tone), tinted | toned], LOOKS, "")
    inside = in_frame(features, found)
    states = zip(same.tolist(), burst.tolist(), aligned.tolist(), looks.tolist(), inside.tolist(), strict=True)
    kinds = [kind_of(features, found, k, *state) for k, state in enumerate(states)]
    columns = [
        a, b, tier, joins, miss, kinds,
        [describe(features, found, k, kinds[k]) for k in range(len(a))],
        *(found.distances[field.name] for field in DISTANCES),
        *(_scores(getattr(found, name), blind & (name != "aspect")) for name in SCORES),
        _warps(features, found, blind | ~found.alike), rule, conflict, undecided,
    ]  # fmt: skip
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, RESULT, strict=True)]
    return pa.table(arrays, schema=RESULT)


def same_picture(features: Features, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tell which pairs of rows are the same coded picture."""
    known = (features.digests[a] == features.digests[b]) & (features.digests[a] != 0)
    return known & (features.frames[a] == features.frames[b])


def _stricter(features: Features, found: Measures, which: np.ndarray) -> Measures:
    """Hold against some pairs the worse of both ways round: what is missing in the reference shows in one alone."""
    chosen = np.flatnonzero(which)
    residual, agreement = found.residual.copy(), found.agreement.copy()
    residual[chosen], agreement[chosen] = both_ways(features, found, chosen)
    return replace(found, residual=residual, agreement=agreement)


def _settle(pairs: Pairs, open_: np.ndarray) -> tuple[Measures, np.ndarray]:
    """Compare open pairs at 256 pixels; give the measures, with those of the pairs that fit there, and which do."""
    found, settled = pairs.found, np.zeros(len(open_), dtype=bool)
    chosen = np.flatnonzero(open_)
    if len(chosen):
        finer = measure_detail(pairs.features, found, chosen)
        good = taken(CLOSER, replace(pairs, found=finer, toned=pairs.toned[chosen]), DOCUMENTS)
        settled[chosen[good]] = True
        found = replaced(found, chosen[good], finer, good)
    return found, settled


def _scores(values: np.ndarray, unknown: np.ndarray) -> pa.Array:
    # Four digits say all there is, and hide the last bits in which two CPUs may differ.
    return pa.array(np.round(values, 4).astype(np.float32), mask=unknown)


def _warps(features: Features, found: Measures, unknown: np.ndarray) -> pa.Array:
    """Give how the first of each pair lies on the second, both as they are stored."""
    onto = stored(found.warp, found.symmetry)
    first = (found.reference == found.a) | (found.reference == features.on_black[found.a])
    values = np.round(np.where(first[:, None], onto, reversed_warps(onto)), 4) + 0.0
    offsets = np.arange(0, 6 * len(values) + 1, 6, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, values.astype(np.float32).ravel(), type=WARP, mask=pa.array(unknown))


def same_pages(features: Features, i: int, j: int) -> bool:
    """Tell whether two contents have the same pages, as far as they were hashed: never one page against several."""
    if features.frames[i] != features.frames[j]:
        return False
    if features.frames[i] == 1:
        return True
    mine, other = features.pages[i], features.pages[j]
    complete = len(mine) == len(other) == features.frames[i] - 1
    return complete and all((x ^ y).bit_count() <= PAGE_RADIUS for x, y in zip(mine, other, strict=True))
