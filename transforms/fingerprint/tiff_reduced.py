"""Whether a reduced image shows what its page shows: a stale one must not stand for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint.pillow_codec import CODEC_ERRORS
from mirrorfold.transforms.fingerprint.tiff_arrays import open_page
from mirrorfold.transforms.fingerprint.tiff_pages import Level

COMPARED = 9
"""Tiles or strips of the page that are decoded and compared, spread evenly over it."""
LEAST = 4
"""A page of fewer is decoded whole: it can't be compared by its parts."""
ALIKE = 0.95
"""Correlation of cells' means from which the two show the same."""
_LEVELS = 3.0


class Part(NamedTuple):
    """A tile or strip within the page: its samples as they are, (H, W, samples), and its left and top."""

    samples: np.ndarray
    left: int
    top: int


def looks_like(small: Image.Image, parts: list[Part], full: Level) -> bool:
    """Compare some parts of the page with a reduced image of it."""
    if len(parts) < LEAST:
        return False
    grey = small.convert("L") if small.mode != "LAB" else small.getchannel(0)
    across, down = grey.width / full.width, grey.height / full.height
    theirs, ours = [], []
    for samples, left, top in parts:
        pixels = np.ascontiguousarray(samples[..., :3].astype(np.float32).mean(axis=-1))
        height, width = pixels.shape
        cells = (4, 4) if height * 4 >= width else (8, 1)
        box = (left * across, top * down, (left + width) * across, (top + height) * down)
        theirs.append(_means(Image.fromarray(pixels), cells))
        ours.append(_means(grey.convert("F"), cells, box))
    return same_means(np.concatenate(theirs), np.concatenate(ours))


def same_means(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two rows of means are those of one picture; two blank ones are."""
    if second.std() < _LEVELS:  # nothing in it: so must be the page
        return bool(first.std() <= _LEVELS * max(1.0, float(np.abs(first).max()) / 255))
    if first.std() == 0:
        return False
    return bool(abs(np.corrcoef(first, second)[0, 1]) >= ALIKE)


def _means(image: Image.Image, cells: tuple[int, int], box: tuple[float, float, float, float] | None = None):
    return np.asarray(image.resize(cells, Image.Resampling.BOX, box), np.float64).ravel()


def parts_of(data: bytes, full: Level) -> list[Part]:
    """Decode some tiles or strips of the page, the first directory of `data`; none where they can't be decoded."""
    try:
        return _decoded(data, full)
    except CODEC_ERRORS:
        return []


def _decoded(data: bytes, full: Level) -> list[Part]:
    page = open_page(data)
    count = len(page.dataoffsets)
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        count //= page.samplesperpixel
    chosen = sorted({int((n + 0.5) * count / COMPARED) for n in range(COMPARED)}) if count > COMPARED else range(count)
    found = []
    for index in chosen:
        start, size = page.dataoffsets[index], page.databytecounts[index]
        if not size:
            continue
        pixels, place, _ = page.decode(data[start : start + size], index, jpegtables=page.jpegtables)
        if pixels is None:
            continue
        top, left = int(place[2]), int(place[3])
        part = pixels[0, : full.height - top, : full.width - left]
        if part.size:
            found.append(Part(part, left, top))
    return found
