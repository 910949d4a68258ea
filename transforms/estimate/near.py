"""Near duplicates, as an interval: fingerprints of a small sample, drawn by hash of the file's stem.

Of two pictures a uniform sample sees both with the square of its share. Mirrors and derivatives mostly keep the name
(`x/0042.tif`, `y/0042_web.jpg`), so files of one stem are drawn together, and their near duplicates are seen with the
share itself. Those under different names still cost the square: their part of the interval is wide, and says so.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mirrorfold.transforms.estimate.interval import Interval, add, weighted_count

_SUFFIX = re.compile(r"[-_. ](?:\d{2,5}x\d{2,5}|\(?\d\)?|web|thumb(?:nail)?|small|large|copy|scaled|preview|@2x)$")


def stem(key: str) -> str:
    """Give a file's name without folders, extension, and the endings that derivatives are given."""
    name = key.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    shorter = _SUFFIX.sub("", name)
    return shorter or name


def drawn(keys: Sequence[str], chance: float) -> np.ndarray:
    """Choose objects by the hash of their stem: a mask of shape (keys,), the same everywhere and always."""
    hashes = np.fromiter((zlib.crc32(stem(key).encode()) for key in keys), np.uint32, len(keys))
    return hashes < chance * 2**32


@dataclass(frozen=True)
class Near:
    """Near duplicates of the whole archive.

    Attributes:
      contents: contents that show another's picture, beyond the first of each.
      same_stem: those under one stem.
      across: pairs under different stems; among three pictures that are one there are three pairs, not two.
      bytes: bytes of `contents`.
      sampled, found: distinct pictures fingerprinted, and near duplicates among them.
      chance: the share of stems that was drawn.
      tiers: near duplicates found by tier.
      pair_bytes: bytes of both files of a pair, on average; small, large: megapixels of the two.
    """

    contents: Interval
    same_stem: Interval
    across: Interval
    bytes: Interval
    sampled: int
    found: int
    chance: float
    tiers: dict[str, int]
    pair_bytes: float = 0.0
    small: float = 0.0
    large: float = 0.0


@dataclass(frozen=True)
class Whole:
    """What is known of the whole archive: distinct contents, and their bytes, which no estimate may exceed."""

    contents: float
    bytes: float

    @property
    def mean(self) -> float:
        """Bytes of a content on average."""
        return self.bytes / max(self.contents, 1)


def estimate(
    clusters: Iterable[Sequence[tuple[str, str, int]]],
    sampled: int,
    chance: float,
    whole: Whole,
    tiers: Counter[str],
    pixels: Mapping[str, float],
) -> Near:
    """Estimate the near duplicates of the whole from a sample's clusters.

    Args:
      clusters: of each cluster the distinct contents in the sample, as (content_id, stem, bytes), its master first.
      sampled: distinct contents fingerprinted.
      chance: the share of stems drawn.
      tiers: near duplicates found by tier.
      pixels: megapixels by content.
    """
    clusters = list(clusters)
    within: dict[str, list[int]] = defaultdict(list)
    across: list[tuple[int, float]] = []
    found = 0
    for members in clusters:
        stems: dict[str, list[int]] = defaultdict(list)
        for _, name, size in members:
            stems[name].append(size)
        for name, sizes in stems.items():
            within[name] += sizes[1:]
        spare = [size for _, _, size in members[1:]]
        found += len(spare)
        if len(stems) > 1:
            pairs = len(stems) * (len(stems) - 1) // 2
            across.append((pairs, pairs * sum(spare) / len(spare)))
    same = [(len(sizes), sum(sizes)) for sizes in within.values() if sizes]
    counts = [_total(same, 0, 1, chance), _total(across, 0, 1, chance**2)]
    volumes = [_total(same, 1, whole.mean, chance), _total(across, 1, whole.mean, chance**2)]
    return Near(
        contents=_capped(add(*counts), whole.contents),
        same_stem=_capped(counts[0], whole.contents),
        across=_capped(counts[1], whole.contents),
        bytes=_capped(add(*volumes), whole.bytes),
        sampled=sampled,
        found=found,
        chance=chance,
        tiers=dict(tiers),
        **_typical(clusters, pixels, whole),
    )


def _typical(
    clusters: Iterable[Sequence[tuple[str, str, int]]], pixels: Mapping[str, float], whole: Whole
) -> dict[str, float]:
    """Average the pairs of masters and others; where the sample shows none, two contents like any."""
    mean = sum(pixels.values()) / max(len(pixels), 1)
    pairs = [
        (first[2] + other[2], *sorted((pixels[first[0]], pixels[other[0]])))
        for first, *others in clusters
        for other in others
    ] or [(2 * whole.mean, mean, mean)]
    sums = [sum(column) / len(pairs) for column in zip(*pairs, strict=True)]
    return dict(zip(("pair_bytes", "small", "large"), sums, strict=True))


def _total(seen: list[tuple], which: int, unit: float, chance: float) -> Interval:
    """Estimate a total from what was seen, in units of about one near duplicate: what was never seen counts as some."""
    amounts = np.array([found[which] for found in seen], dtype=float)
    return weighted_count(amounts / max(unit, 1), chance).times(max(unit, 1))


def _capped(found: Interval, most: float) -> Interval:
    return Interval(min(found.low, most), min(found.mid, most), min(found.high, most), found.confidence)
