"""JPEGs of about 200 KB that look like photographs, because they are cut from photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demo.archive import encode, photographs

TARGET_BYTES = 200_000
SIZE = (1200, 900)


def write_jpegs(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Write `count` distinct JPEGs of 1200x900 and about 200 KB into a folder."""
    rng = np.random.default_rng(seed)
    pictures = [picture.resize((1800, 1500)) for _, picture in photographs()]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        left, top = int(rng.integers(0, 600)), int(rng.integers(0, 600))
        cut = picture.crop((left, top, left + SIZE[0], top + SIZE[1]))
        path = folder / f"{number:05d}.jpg"
        path.write_bytes(_near_target(cut))
        paths.append(path)
    return paths


def _near_target(picture) -> bytes:
    best = b""
    for quality in (70, 80, 88, 94, 97):
        data = encode(picture, "JPEG", quality=quality)
        if not best or abs(len(data) - TARGET_BYTES) < abs(len(best) - TARGET_BYTES):
            best = data
    return best
