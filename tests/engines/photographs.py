"""A few thousand real photographs, out of the dozens that scikit-image and scikit-learn ship."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageEnhance

from demo.archive import photographs

SIDE = 400


def variants(count: int) -> Iterator[tuple[str, bytes]]:
    """Make so many (key, JPEG): crops of real photographs that differ, each with an exact and a resized twin."""
    bases = [picture for _, picture in photographs()]
    random = np.random.default_rng(7)
    for number in range(0, count, 3):
        picture = _crop(bases[(number // 3) % len(bases)], random)
        original = _encode(picture, 90)
        smaller = _encode(picture.resize((picture.width // 2, picture.height // 2)), 80)
        files = (original, original, smaller)
        for twin, data in enumerate(files[: count - number]):
            yield f"{number // 300:03d}/{number:05d}-{twin}.jpg", data


def _crop(base: Image.Image, random: np.random.Generator) -> Image.Image:
    share = random.uniform(0.35, 0.9)
    width, height = int(base.width * share), int(base.height * share)
    left, top = int(random.uniform(0, base.width - width)), int(random.uniform(0, base.height - height))
    crop = base.convert("RGB").crop((left, top, left + width, top + height))
    crop.thumbnail((SIDE, SIDE))
    return ImageEnhance.Brightness(crop).enhance(random.uniform(0.8, 1.2))


def _encode(picture: Image.Image, quality: int) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=quality)
    return sink.getvalue()
