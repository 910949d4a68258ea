"""Tiers: what a measured pair is, under rules whose cost in false pairs is known (docs/matching.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.pairs import DISTANCES
from mirrorfold.transforms.match.candidates import candidates, candidates_within
from mirrorfold.transforms.match.features import Features, distances, make_features
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.kinds import describe, kind_of
from mirrorfold.transforms.match.measure import Measures, measure

SAME_PICTURE, NEAR_CERTAIN, PROBABLE, NEAR_MISS = "same-picture", "near-certain", "probable", "near-miss"
PAGE_RADIUS = 6
CHECK_LIMIT = 40
"""Bits of the 128-bit check in which a candidate may differ: see docs/matching.md for what it keeps and drops."""

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
        ("rule", pa.string()),
        ("capture_conflict", pa.bool_()),
    ]
)
"""A verified pair of rows: its tier, whether it may hold a cluster together, and what it was judged by."""


SCORES = ("correlation", "residual", "highpass", "crop_area", "aspect")


@dataclass(frozen=True)
class Limits:
    """Thresholds of the rules. Defaults: measured on photographs and scans, see docs/matching.md."""

    rule_a_phash256: int = 32
    rule_a_dhash256: int = 26
    rule_a_correlation: float = 0.972
    near_aspect: float = 0.02
    near_residual: float = 0.15
    near_area: float = 0.94
    aligned_correlation: float = 0.97
    aligned_highpass: float = 0.85
    aligned_residual: float = 0.4
    max_stretch: float = 0.06
    max_shear: float = 0.06
    min_area: float = 0.5
    document_highpass: float = 0.93
    document_phash256: int = 40
    miss_correlation: float = 0.9


@dataclass(frozen=True)
class Verifier:
    """Everything a stage needs to search and verify among the contents of one component.

    It crosses from match to cluster as a value, so that neither stage imports the other.
    """

    rule: Rule
    crops: bool = True
    limits: Limits = Limits()

    def features(self, contents: pa.Table) -> Features:
        """Make features of contents, in their order."""
        return make_features(contents, self.crops)

    def candidates(self, features: Features, rows, others, labels=None) -> np.ndarray:
        """Give candidate pairs between rows and others, int64 (pairs, 2), smaller row first."""
        return candidates(features, rows, others, self.rule, labels)

    def candidates_within(self, features: Features, bounds: np.ndarray) -> np.ndarray:
        """Give all candidate pairs within groups of consecutive rows; `bounds` holds the starts and the end."""
        return candidates_within(features, bounds, self.rule)

    def nearness(self, features: Features, pairs: np.ndarray) -> np.ndarray:
        """Give one number of bits by which pairs are ranked before they are verified, int64; 0 is the nearest."""
        found = distances(features, pairs[:, 0], pairs[:, 1])
        return sum(found[column.name].astype(np.int64) for column in DISTANCES)

    def verify(self, features: Features, pairs: np.ndarray) -> pa.Table:
        """Judge pairs, int64 (pairs, 2); a row of RESULT each, in the same order."""
        if not len(pairs):
            return RESULT.empty_table()
        return judge(features, measure(features, pairs[:, 0], pairs[:, 1], self.rule), self.limits)


def judge(features: Features, found: Measures, limits: Limits) -> pa.Table:
    """Give each measured pair its tier, kind and rule."""
    a, b = found.a, found.b
    conflict = np.array([captured_apart(features.captured[i], features.captured[j]) for i, j in zip(a, b, strict=True)])
    pages = np.array([same_pages(features, i, j) for i, j in zip(a, b, strict=True)])
    document = features.document[a] | features.document[b]
    low = features.low[a] | features.low[b]
    same = (
        (features.digests[a] == features.digests[b])
        & (features.digests[a] != 0)
        & (features.frames[a] == features.frames[b])
    )
    aligned = _aligned(found, limits, document) & pages & ~low
    near = aligned & _near_certain(found, limits) & ~document & ~conflict
    burst = conflict & ~same
    joins = same | near | (aligned & ~burst)
    miss = ~joins & (found.correlation >= limits.miss_correlation) & ~low
    tier = np.where(same, SAME_PICTURE, np.where(near, NEAR_CERTAIN, PROBABLE))
    rule = np.where(same, "picture-digest", np.where(near, "rule-a", np.where(aligned, "aligned", "candidate")))
    kinds = [kind_of(features, found, k, bool(same[k]), bool(burst[k]), bool(aligned[k])) for k in range(len(a))]
    columns = [
        a, b, tier, joins, miss, kinds,
        [describe(features, found, k, kinds[k]) for k in range(len(a))],
        *(found.distances[field.name] for field in DISTANCES),
        *(_rounded(getattr(found, name)) for name in SCORES),
        rule, conflict,
    ]  # fmt: skip
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, RESULT, strict=True)]
    return pa.table(arrays, schema=RESULT)


def _rounded(values: np.ndarray) -> np.ndarray:
    # Four digits say all there is, and hide the last bits in which two CPUs may differ.
    return np.round(values, 4).astype(np.float32)


def _aligned(found: Measures, limits: Limits, document: np.ndarray) -> np.ndarray:
    """Tell which pairs pass the alignment check."""
    fits = (
        (found.correlation >= limits.aligned_correlation)
        & (found.highpass >= limits.aligned_highpass)
        & (found.residual <= limits.aligned_residual)
        & (np.abs(found.stretch) <= limits.max_stretch)
        & (found.shear <= limits.max_shear)
        & (found.crop_area >= limits.min_area)
    )
    close = (found.highpass >= limits.document_highpass) & (found.distances["d_phash256"] <= limits.document_phash256)
    return fits & (~document | close)


def _near_certain(found: Measures, limits: Limits) -> np.ndarray:
    return (
        (found.symmetry == 0)
        & (found.distances["d_phash256"] <= limits.rule_a_phash256)
        & (found.distances["d_dhash256"] <= limits.rule_a_dhash256)
        & (found.correlation >= limits.rule_a_correlation)
        & (found.aspect <= limits.near_aspect)
        & (found.residual <= limits.near_residual)
        & (found.crop_area >= limits.near_area)
    )


def captured_apart(one: str | None, other: str | None) -> bool:
    """Tell whether two capture times contradict each other, as far as both state one.

    A clock without an offset is compared with one that has it by local time only; sub-seconds count where both have
    them.
    """
    if not one or not other or one == other:
        return False
    a, b = _clock(one), _clock(other)
    digits = min(len(a), len(b))
    return a[:digits] != b[:digits]


def _clock(text: str) -> str:
    """Cut the offset off an ISO 8601 time."""
    date, _, time = text.partition("T")
    for sign in "+-Z":
        time = time.partition(sign)[0]
    return f"{date}T{time}"


def same_pages(features: Features, i: int, j: int) -> bool:
    """Tell whether two contents have the same pages, as far as they were hashed: never one page against several."""
    if features.frames[i] != features.frames[j]:
        return False
    if features.frames[i] == 1:
        return True
    mine, other = features.pages[i], features.pages[j]
    complete = len(mine) == len(other) == features.frames[i] - 1
    return complete and all((x ^ y).bit_count() <= PAGE_RADIUS for x, y in zip(mine, other, strict=True))
