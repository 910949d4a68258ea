"""Near duplicates, as an interval: fingerprints of a small sample, drawn by hash of the file's stem.

Of two pictures a uniform sample sees both with the square of its share. Mirrors and derivatives mostly keep the name
(`x/0042.tif`, `y/0042_web.jpg`), so files of one stem are drawn together, and their near duplicates are seen with the
share itself. Those under different names still cost the square: their part of the interval is wide, and says so.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
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
    """

    contents: Interval
    same_stem: Interval
    across: Interval
    bytes: Interval
    sampled: int
    found: int
    chance: float
    tiers: dict[str, int]


def estimate(
    clusters: Iterable[Sequence[tuple[str, str, int]]],
    sampled: int,
    chance: float,
    contents: float,
    tiers: Counter[str],
) -> Near:
    """Estimate the near duplicates of the whole from a sample's clusters.

    Args:
      clusters: of each cluster the distinct contents in the sample, as (content_id, stem, bytes), its master first.
      sampled: distinct contents fingerprinted.
      chance: the share of stems drawn.
      contents: distinct contents in the archive, the most there can be.
      tiers: near duplicates found by tier.
    """
    within: Counter[str] = Counter()
    pairs: list[int] = []
    spare = spare_bytes = 0
    for members in clusters:
        stems = Counter(name for _, name, _ in members)
        for name, count in stems.items():
            within[name] += count - 1
        pairs.append(len(stems) * (len(stems) - 1) // 2)
        spare += len(members) - 1
        spare_bytes += sum(size for _, _, size in members[1:])
    same = _capped(weighted_count(np.array([n for n in within.values() if n], dtype=float), chance), contents)
    across = _capped(weighted_count(np.array([n for n in pairs if n], dtype=float), chance**2), contents)
    both = _capped(add(same, across), contents)
    return Near(
        both, same, across, both.times(spare_bytes / spare if spare else 0), sampled, spare, chance, dict(tiers)
    )


def _capped(found: Interval, most: float) -> Interval:
    return Interval(min(found.low, most), min(found.mid, most), min(found.high, most), found.confidence)
