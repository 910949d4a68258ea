"""The rules by which a measured pair is one picture, as tables: docs/matching.md and `why` show these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.match.align import IDENTITY
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.kinds import CROPPED_BELOW, STRETCHED_ABOVE, in_frame
from mirrorfold.transforms.match.measure import SQUEEZED, Measures
from mirrorfold.transforms.match.second import moved

SAME_PICTURE, NEAR_CERTAIN, PROBABLE, NEAR_MISS = "same-picture", "near-certain", "probable", "near-miss"
NO_LIMIT = {"residual": 9.0, "slant": 1.0}
"""Values of a Fit that every pair stays below."""
CANDIDATE = "candidate"
"""What a pair is called that no rule takes."""

TIER_OF = {
    "picture-digest": SAME_PICTURE,
    "rule-a": NEAR_CERTAIN,
    "aligned": PROBABLE,
    "aligned-256": PROBABLE,
    "marked": PROBABLE,
    "withheld": PROBABLE,
}
"""Tier by rule, the strongest rule first: a pair has the first that takes it."""


@dataclass(frozen=True)
class Fit:
    """How well two aligned lumas must fit. Correlations and shares at least, residual and deformation at most.

    Attributes:
      stretch, shear: a copy is scaled and cut, never deformed: another frame of a burst is.
      slant: what a skewed scan may be sheared beyond its turn; the others are held by `shear`.
    """

    correlation: float
    highpass: float
    agreement: float
    residual: float
    stretch: float
    shear: float
    area: float
    slant: float = 1.0

    def tests(self, found: Measures) -> list[tuple[str, np.ndarray, float | np.ndarray, bool]]:
        """Give what is asked of pairs: (name of the limit, what each measured, the limit, whether it is the most)."""
        return [
            ("correlation", found.correlation, self.correlation, False),
            ("highpass", found.highpass, self.highpass, False),
            ("agreement", found.agreement, self.agreement, False),
            ("residual", found.residual, self.residual, True),
            ("stretch", np.abs(found.stretch), self.stretch + found.rounding, True),
            ("shear", found.shear, self.shear, True),
            ("slant", found.slant, self.slant, True),
            ("area", found.crop_area, self.area, False),
        ]

    def passes(self, found: Measures) -> np.ndarray:
        """Tell which pairs fit."""
        tests = [value <= limit if most else value >= limit for _, value, limit, most in self.tests(found)]
        return np.logical_and.reduce(tests)


@dataclass(frozen=True)
class Limits:
    """Thresholds of the rules, from photographs, scans, bursts and translated screenshots (docs/matching.md).

    Attributes:
      document_tone, detail_tone: for copies whose brightness differs by more than `tone`. Clipped whites spoil the
        correlation; the same print in the same place with other words would pass without that difference.
      structure: share of the blocks in which a faint page must show something: a blank one's border is no evidence.
      covered: residual from which something was laid over a picture: frames of a burst differ by .63 at most.
      miss, document_miss: what is a near miss, and which of documents are measured again; of the others crops are.
      tint, tone: levels by which the colours and the brightness of a sure copy may differ. Recompressing and resizing
        shift either by 2 at most; a colour-corrected frame is a variant that a curator keeps.
    """

    phash256: int = 32
    dhash256: int = 26
    aspect: float = 0.02
    tint: int = 4
    tone: int = 8
    structure: float = 0.3
    covered: float = 0.9
    near: Fit = Fit(0.985, 0.97, 0.97, 0.12, 0.015, 0.012, 0.97)
    photo: Fit = Fit(0.97, 0.972, 0.8, 0.6, 0.015, 0.012, 0.93)
    crop: Fit = Fit(0.97, 0.87, 0.8, 0.6, 0.015, 0.012, 0.5)
    exact_crop: Fit = Fit(0.97, 0.78, 0.85, 0.6, 0.006, 0.006, 0.5)
    marked: Fit = Fit(0.85, 0.75, 0.78, 9.0, 0.015, 0.006, 0.985)
    marked_crop: Fit = Fit(0.96, 0.85, 0.85, 1.5, 0.006, 0.006, 0.5)
    document: Fit = Fit(0.95, 0.95, 0.9, 0.3, 0.015, 0.012, 0.97)
    document_crop: Fit = Fit(0.95, 0.72, 0.75, 1.0, 0.01, 0.002, 0.5)
    document_tone: Fit = Fit(0.7, 0.95, 0.95, 9.0, 0.005, 0.003, 0.985)
    skewed: Fit = Fit(0.98, 0.93, 0.85, 0.6, 0.01, 0.045, 0.95, 0.003)
    turned: Fit = Fit(0.985, 0.93, 0.85, 0.6, 0.004, 0.2, 0.7, 0.0015)
    overlaid: Fit = Fit(0.5, 0.7, 0.82, 9.0, 0.015, 0.006, 0.985)
    framed: Fit = Fit(0.93, 0.62, 0.58, 9.0, 0.01, 0.003, 0.2)
    stretched: Fit = Fit(0.97, 0.93, 0.9, 0.6, SQUEEZED, 0.006, 0.97, 0.006)
    detail: Fit = Fit(0.95, 0.9, 0.85, 9.0, 0.008, 0.004, 0.5)
    detail_crop: Fit = Fit(0.9, 0.75, 0.8, 9.0, 0.006, 0.002, 0.5)
    detail_tone: Fit = Fit(0.7, 0.93, 0.87, 9.0, 0.006, 0.003, 0.985)
    miss: Fit = Fit(0.85, 0.6, 0.6, 9.0, 0.1, 0.1, 0.4)
    document_miss: Fit = Fit(0.95, 0.85, 0.9, 9.0, 0.1, 0.1, 0.4)


@dataclass(frozen=True)
class Pairs:
    """Measured pairs, and what further conditions of the rules ask of them."""

    features: Features
    found: Measures
    limits: Limits
    toned: np.ndarray


DEFAULTS = Limits()
PHOTOGRAPHS, DOCUMENTS = "photographs", "documents"
Condition = Callable[[Pairs], np.ndarray]


def _part_of_a_photograph(pairs: Pairs) -> np.ndarray:
    return pairs.found.crop_area < pairs.limits.photo.area


def _part_of_a_page(pairs: Pairs) -> np.ndarray:
    return pairs.found.crop_area < CROPPED_BELOW


def _toned(pairs: Pairs) -> np.ndarray:
    return pairs.toned


def _turned(pairs: Pairs) -> np.ndarray:
    # The frame that a turned copy shares with its original is smaller than either; that is no crop.
    return pairs.found.shear > pairs.limits.photo.shear


def _frame_on_frame(pairs: Pairs) -> np.ndarray:
    return ~moved(pairs.found) & (np.abs(pairs.found.stretch) > STRETCHED_ABOVE)


def _in_a_frame(pairs: Pairs) -> np.ndarray:
    return in_frame(pairs.features, pairs.found)


def _as_it_lies(pairs: Pairs) -> np.ndarray:
    return (pairs.found.warp == np.array(IDENTITY)).all(axis=1)


@dataclass(frozen=True)
class Way:
    """One way in which two pictures may be one.

    Attributes:
      name: of its Fit among the Limits; words: what it is, for people.
      of: PHOTOGRAPHS, DOCUMENTS or both; a pair with one document is judged as documents.
      only: what else it asks, and in words.
    """

    name: str
    words: str
    of: tuple[str, ...]
    only: Condition | None = None
    asks: str = ""

    def takes(self, pairs: Pairs) -> np.ndarray:
        """Tell which pairs fit this way, whatever sort of picture they are."""
        fits = getattr(pairs.limits, self.name).passes(pairs.found)
        return fits & self.only(pairs) if self.only else fits


FITS = (
    Way("photo", "the same photograph", (PHOTOGRAPHS,)),
    Way("crop", "a crop", (PHOTOGRAPHS,), _part_of_a_photograph, "below .93 of the area"),
    Way("exact_crop", "a crop, laid exactly", (PHOTOGRAPHS,), _part_of_a_photograph, "below .93 of the area"),
    Way("document", "the same page", (DOCUMENTS,)),
    Way("document_crop", "a page, cut", (DOCUMENTS,), _part_of_a_page, "below .97 of the area"),
    Way("document_tone", "a page, lighter or darker", (DOCUMENTS,), _toned, "more than 8 levels"),
    Way("skewed", "turned by a degree or so", (PHOTOGRAPHS, DOCUMENTS), _turned, "shear above .012"),
    Way("turned", "turned by some degrees", (PHOTOGRAPHS,), _turned, "shear above .012"),
    Way("framed", "in a frame", (PHOTOGRAPHS,), _in_a_frame, "fills what is left of the other without plain edges"),
    Way("stretched", "squeezed or widened", (PHOTOGRAPHS,), _frame_on_frame, "frame on frame, stretch above .03"),
)
"""Rule `aligned`: what a pair shows lies on each other. A faint page proves nothing, whatever fits."""
MARKS = (
    Way("marked", "with a caption or mark", (PHOTOGRAPHS,)),
    Way("marked_crop", "a crop with a mark or cut-off whites", (PHOTOGRAPHS,)),
    # Words or corners over a picture that lies as it is spoil a few of its blocks; another picture most of them.
    Way("overlaid", "with something laid over", (PHOTOGRAPHS,), _as_it_lies, "scored as it lies, residual .9 at least"),
)
"""Rule `marked`: a picture with something over it."""
CLOSER = (
    Way("detail", "the same page at 256 pixels", (DOCUMENTS,)),
    Way("detail_crop", "a page, cut, at 256 pixels", (DOCUMENTS,), _part_of_a_page, "below .97 of the area"),
    Way("detail_tone", "a page, lighter or darker, at 256 pixels", (DOCUMENTS,), _toned, "more than 8 levels"),
)
"""Rule `aligned-256`: a document that fits no other way, read again."""


def taken(ways: tuple[Way, ...], pairs: Pairs, of: str) -> np.ndarray:
    """Tell which pairs of one sort of picture fit one way at least."""
    return np.logical_or.reduce([way.takes(pairs) for way in ways if of in way.of])


def surely(found: Measures, limits: Limits) -> np.ndarray:
    """Tell which photographs rule A takes: the hashes, and a fit with nothing left over."""
    return (
        (found.symmetry == 0)
        & (found.distances["d_phash256"] <= limits.phash256)
        & (found.distances["d_dhash256"] <= limits.dhash256)
        & (found.aspect <= limits.aspect)
        & limits.near.passes(found)
    )


COLUMNS = {
    "correlation": "correlation", "highpass": "high-pass", "agreement": "agreement", "residual": "residual",
    "stretch": "stretch", "shear": "shear", "slant": "slant", "area": "area",
}  # fmt: skip
"""Heading by limit of a Fit, as docs/matching.md shows them."""


def as_markdown(limits: Limits = DEFAULTS) -> str:
    """Write the ways as the table of docs/matching.md."""
    rows = [("way", "of", "rule", *COLUMNS.values(), "only if")]
    rows.append(("---",) * len(rows[0]))
    for rule, ways in (("aligned", FITS), ("marked", MARKS), ("aligned-256", CLOSER)):
        for way in ways:
            fit = getattr(limits, way.name)
            said = [_number(name, getattr(fit, name)) for name in COLUMNS]
            rows.append((f"{way.words} (`{way.name}`)", " and ".join(way.of), f"`{rule}`", *said, way.asks or "-"))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _number(name: str, limit: float) -> str:
    return "-" if NO_LIMIT.get(name) == limit else f"{limit:g}".removeprefix("0")
