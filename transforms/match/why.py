"""Why two pictures are, or aren't, one: how near the search's signatures lie, and what each rule measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.match.agreement import STEP, agreement
from mirrorfold.transforms.match.features import Features, colour_shift
from mirrorfold.transforms.match.measure import Measures, measure
from mirrorfold.transforms.match.moments import captured_apart, captured_in_burst
from mirrorfold.transforms.match.probes import WINDOWS
from mirrorfold.transforms.match.rules import DOCUMENTS, FITS, MARKS, PHOTOGRAPHS, Fit, Limits
from mirrorfold.transforms.match.signatures import BLACK_KIND, DIHEDRAL_KINDS, TRIMMED_KIND, WINDOW_KINDS
from mirrorfold.transforms.match.verify import Verifier, same_pages, same_picture

MEASURES = {
    "correlation": "correlation",
    "highpass": "likeness of fine structure",
    "agreement": "agreement of light and dark",
    "residual": "largest difference that is left",
    "stretch": "stretch",
    "shear": "shear",
    "slant": "slant",
    "area": "share that both show",
}
"""What a Fit limits, in words."""
SURELY, MISS = "the same picture, surely", "a near miss"


def _rules(of: str, first: dict[str, str], last: dict[str, str]) -> dict[str, str]:
    return first | {way.name: way.words for way in FITS + MARKS if of in way.of} | last


PHOTO_RULES = _rules(PHOTOGRAPHS, {"near": SURELY}, {"miss": MISS})
DOCUMENT_RULES = _rules(DOCUMENTS, {}, {"document_miss": MISS})
"""Words by rule, as they are tried and shown."""
TURNED = (
    "rotated 90°",
    "rotated 180°",
    "rotated 270°",
    "mirrored",
    "mirrored, rotated 90°",
    "flipped",
    "mirrored, rotated 270°",
)


@dataclass(frozen=True)
class Meeting:
    """How near the whole of one picture comes to a signature of the other.

    Attributes:
      whole: 'A' or 'B', whose whole it is; signature: of the other, in words.
      bits: of 64 in which the hashes differ; agreement: of the checks, in percent; needed: least agreement.
      found: whether the search takes the pair by it.
    """

    whole: str
    signature: str
    bits: int
    agreement: int
    needed: int
    found: bool


@dataclass(frozen=True)
class Measured:
    """One measure against a rule's limit."""

    measure: str
    value: float
    limit: float
    at_most: bool
    passed: bool


@dataclass(frozen=True)
class Tried:
    """A rule and its tests: it fits where all of them pass."""

    rule: str
    words: str
    measured: tuple[Measured, ...]

    @property
    def fits(self) -> bool:
        return all(one.passed for one in self.measured)


@dataclass(frozen=True)
class Reasons:
    """Why a pair is what it is.

    Attributes:
      result: the row of `verify.RESULT`; what verification says, whether or not the search found the pair.
      meetings: the nearest signatures of each sort; rules: as docs/matching.md has them; remarks: what else decides.
    """

    result: dict
    meetings: tuple[Meeting, ...]
    rules: tuple[Tried, ...]
    remarks: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Tell whether the search of a run makes the pair a candidate."""
        return any(meeting.found for meeting in self.meetings)


def explain_pair(verifier: Verifier, contents: pa.Table) -> Reasons:
    """Explain a pair, given as two rows of `features.COLUMNS` with different content ids."""
    features = verifier.features(contents)
    pairs = np.array([[0, 1]])
    (result,) = verifier.verify(features, pairs, wide=True).to_pylist()
    found = measure(features, pairs[:, 0], pairs[:, 1], verifier.rule, wide=True)
    document = bool(features.document.any())
    rules = DOCUMENT_RULES if document else PHOTO_RULES
    tried = tuple(
        Tried(name, words, measured_against(getattr(verifier.limits, name), found, 0)) for name, words in rules.items()
    )
    return Reasons(result, _meetings(features, verifier), tried, tuple(_remarks(features, found, verifier.limits)))


def measured_against(fit: Fit, found: Measures, k: int) -> tuple[Measured, ...]:
    """Give what `Fit.passes` asks of the k-th pair, measure by measure."""
    measured = []
    for name, values, limit, most in fit.tests(found):
        value, limit = float(values[k]), float(np.broadcast_to(limit, values.shape)[k])
        measured.append(Measured(MEASURES[name], value, limit, most, value <= limit if most else value >= limit))
    return tuple(measured)


def _meetings(features: Features, verifier: Verifier) -> tuple[Meeting, ...]:
    groups = [[0]]
    if features.hashes.shape[1] > 1:
        groups += [list(WINDOW_KINDS), list(DIHEDRAL_KINDS)]
        groups += [[BLACK_KIND]] if (features.on_black >= 0).any() else []
    meetings = []
    for group in groups:
        ways = [(0, 1)] if group == [0] else [(0, 1), (1, 0)]
        seen = [_meeting(features, verifier, *way, kind) for way in ways for kind in group]
        meetings.append(min(seen, key=lambda meeting: (not meeting.found, meeting.bits, -meeting.agreement)))
    return tuple(meetings)


def _meeting(features: Features, verifier: Verifier, i: int, j: int, kind: int) -> Meeting:
    bits = int(np.bitwise_count(features.hashes[i, 0] ^ features.hashes[j, kind]))
    agreed = agreement(features.checks[i, 0], features.checks[j, kind])
    needed = verifier.rule.check_limit + STEP * bits
    low = bool(features.low[i] or features.low[j])
    near = bits <= verifier.rule.radius and agreed >= needed and not low
    return Meeting("AB"[i], _signature(kind), bits, agreed, needed, near)


def _signature(kind: int) -> str:
    if kind == 0:
        return "whole"
    if kind in DIHEDRAL_KINDS:
        return TURNED[kind - DIHEDRAL_KINDS.start]
    if kind == BLACK_KIND:
        return "the picture on black"
    if kind == TRIMMED_KIND:
        return "what is left without plain edges"
    top, left, share = WINDOWS[kind - 1]
    down, across = ("top", "middle", "bottom")[_third(top, share)], ("left", "centre", "right")[_third(left, share)]
    return f"{share:.0%} of each side at {down} {across}"


def _third(start: float, share: float) -> int:
    return round(2 * start / (1 - share))


def _remarks(features: Features, found: Measures, limits: Limits) -> list[str]:
    pair = (np.array([0]), np.array([1]))
    tint, tone = (int(values[0]) for values in colour_shift(features, *pair))
    captured = features.captured[0], features.captured[1]
    unseen = not features.seen.all()
    told = [
        (bool(same_picture(features, *pair)[0]), "the coded picture is the same, byte for byte"),
        (bool(features.low.any()), "one is blank or nearly so: only the same coded picture counts"),
        (unseen, "the thumbnail of one was left at home: nothing can be laid on it"),
        (not unseen and not found.alike[0], "already unlike at 32 pixels: the finer measures weren't taken"),
        (bool(features.document.any()), "one is a page of text or line art: the rules for pages apply"),
        (features.parts[0] != features.parts[1], "what lies behind the pictures differs (video, gain map ...)"),
        (not same_pages(features, 0, 1), "the pages differ, or their number"),
        (captured_in_burst(*captured), "taken within seconds of each other: another frame"),
        (captured_apart(*captured), f"they state different capture times: {captured[0]} and {captured[1]}"),
        (tint > limits.tint, f"colours differ by {tint} levels; {limits.tint} at most in a sure copy"),
        (tone > limits.tone, f"brightness differs by {tone} levels; {limits.tone} at most in a sure copy"),
    ]
    return [words for applies, words in told if applies]
