"""JPEGs of about 200 KB that look like photographs, because they are cut from photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from demo.archive import encode, photographs

TARGET_BYTES = 200_000
SIZE = (1600, 1200)


def write_jpegs(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Write `count` JPEGs of 1600x1200 and about 200 KB that show different pictures into a folder.

    Each blends two photographs, turned and cut at random, under a light of its own: the structure and the noise are
    those of photographs, and no two are variants of each other.
    """
    rng = np.random.default_rng(seed)
    pictures = [picture.resize((1800, 1500)) for _, picture in photographs()]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        one, other = rng.choice(len(pictures), 2, replace=False)
        picture = Image.blend(_cut(pictures[one], rng), _cut(pictures[other], rng), float(rng.uniform(0.35, 0.65)))
        path = folder / f"{number:05d}.jpg"
        path.write_bytes(_near_target(_relit(picture, rng)))
        paths.append(path)
    return paths


def _cut(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    turned = picture.transpose(Image.Transpose(int(rng.integers(0, 7))))
    scale = float(rng.uniform(0.5, 1.0))
    width, height = turned.width * scale, turned.height * scale
    left, top = rng.uniform(0, turned.width - width), rng.uniform(0, turned.height - height)
    return turned.resize(SIZE, Image.Resampling.BICUBIC, (left, top, left + width, top + height))


def _relit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    light = Image.fromarray(rng.uniform(40, 255, (6, 8)).astype(np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    return ImageChops.multiply(picture, light.convert("RGB"))


def _near_target(picture) -> bytes:
    best = b""
    for quality in (40, 55, 65, 75, 82, 88, 92):
        data = encode(picture, "JPEG", quality=quality)
        if not best or abs(len(data) - TARGET_BYTES) < abs(len(best) - TARGET_BYTES):
            best = data
    return best
