"""Signatures with the marginals of real photographs and scans: what `bench_match` searches.

A picture's DCT coefficients are a mixture of an archetype and its own; bits are coefficients above their median, so
that half of them are set, as in a real pHash. Photographs have many archetypes, scans few and strong ones. The weights
are set so that the density of false neighbours is that of 5,615 real photographs (7e-8 of pairs within 6 bits) and 951
document scans (3e-4). Copies are planted with small changes, and blank pages with none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 100_000
SCANS, BLANK, COPIES = 0.05, 0.02, 0.1
PHOTO_ARCHETYPES, SCAN_ARCHETYPES = 4_000, 60
PHOTO_WEIGHT, SCAN_WEIGHT = 0.75, 0.89
COPY_NOISE = 0.06


class Signatures(NamedTuple):
    """phash64, uint64 (rows,); phash256, uint64 (rows, 4)."""

    small: np.ndarray
    large: np.ndarray


def generate(rows: int, seed: int = 5) -> Iterator[Signatures]:
    """Give blocks of signatures, `rows` in all; the same seed gives the same signatures."""
    random = np.random.default_rng(seed)
    decay = 1 / (1 + np.add.outer(np.arange(16), np.arange(16)))
    photos = random.standard_normal((PHOTO_ARCHETYPES, 16, 16), dtype=np.float32)
    scans = random.standard_normal((SCAN_ARCHETYPES, 16, 16), dtype=np.float32)
    made = 0
    while made < rows:
        count = min(BLOCK, rows - made)
        yield _block(random, count, photos, scans, decay.astype(np.float32))
        made += count


def _block(random, count: int, photos: np.ndarray, scans: np.ndarray, decay: np.ndarray) -> Signatures:
    own = random.standard_normal((count, 16, 16), dtype=np.float32)
    scan = random.random(count) < SCANS
    # Popular archetypes are much more popular than others, as subjects are.
    popular = (random.random(count) ** 2 * len(photos)).astype(int)
    base = np.where(scan[:, None, None], scans[random.integers(0, len(scans), count)], photos[popular])
    weight = np.where(scan, SCAN_WEIGHT, PHOTO_WEIGHT).astype(np.float32)[:, None, None]
    found = weight * base + np.sqrt(1 - weight * weight) * own
    copied = np.flatnonzero(random.random(count) < COPIES)
    noise = random.standard_normal((len(copied), 16, 16), dtype=np.float32)
    found[copied] = found[random.integers(0, count, len(copied))] + COPY_NOISE * noise
    found *= decay
    found[:, 0, 0] = 9
    found[random.random(count) < BLANK] = decay * 0 + np.float32(1)
    return Signatures(_bits(found[:, :8, :8].reshape(count, 64))[:, 0], _bits(found.reshape(count, 256)))


def _bits(values: np.ndarray) -> np.ndarray:
    middle = values.shape[1] // 2
    parted = np.partition(values, (middle - 1, middle), axis=1)
    bits = values > ((parted[:, middle - 1] + parted[:, middle]) / 2)[:, None]
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(len(values), -1)
