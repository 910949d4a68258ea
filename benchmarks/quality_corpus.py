"""Files to measure match quality on: distinct pictures from a folder of corpora, and copies of twelve kinds."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}
SMALLEST = 250
PLAIN = 12.0
"""Standard deviation of luma below which a tile shows too little to be called a picture."""

CLASSES = {
    "photo": ("clothing", "dogcat"),
    "document": ("tapuscorpus", "lectaurep", "testaments"),
    "screenshot": ("handbook",),
    "burst": ("potatoes",),
}


@dataclass(frozen=True)
class File:
    """One file: its bytes, the distinct picture it shows and that one's class, the kind of copy, its source."""

    data: bytes
    picture: int
    group: str
    kind: str
    source: str


def corpora_folder(given: str | None) -> Path | None:
    """Find the corpora: the argument, MIRRORFOLD_CORPORA, or ../shared/corpora; None where there are none."""
    folder = Path(given or os.environ.get("MIRRORFOLD_CORPORA") or Path(__file__).parents[2] / "shared" / "corpora")
    return folder if folder.is_dir() else None


def paths_of(folder: Path, group: str) -> list[Path]:
    """List a class's files, each distinct content once."""
    seen: dict[str, Path] = {}
    for name in CLASSES[group]:
        for path in sorted((folder / name).rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                seen.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return list(seen.values())


def pictures(folder: Path, group: str, whole: float, tiles: tuple[int, int]) -> Iterator[tuple[Image.Image, str]]:
    """Give distinct pictures and their sources: a share of the files whole, of the others tiles (rows, columns)."""
    paths = paths_of(folder, group)
    chosen = set(random.Random(7).sample(range(len(paths)), round(whole * len(paths))))
    for number, path in enumerate(paths):
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        if min(picture.size) < SMALLEST:
            continue
        if number in chosen:
            picture.thumbnail((1600, 1600))
            yield picture, str(path.relative_to(folder))
            continue
        width, height = picture.width // tiles[1], picture.height // tiles[0]
        for row in range(tiles[0]):
            for column in range(tiles[1]):
                tile = picture.crop((column * width, row * height, (column + 1) * width, (row + 1) * height))
                if np.asarray(tile.convert("L").resize((64, 64))).std() > PLAIN:
                    yield tile, str(path.relative_to(folder))


def encode(picture: Image.Image, quality: int = 88, **options) -> bytes:
    """Write a picture as JPEG bytes."""
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=quality, **options)
    return sink.getvalue()


def crop(picture: Image.Image, share: float, chance: random.Random) -> Image.Image:
    """Cut a share off each side's length, at a random place."""
    width, height = round(picture.width * (1 - share)), round(picture.height * (1 - share))
    left, top = chance.randint(0, picture.width - width), chance.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def watermark(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Lay half-transparent words over the middle or a corner."""
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    size = max(10, picture.width // 12)
    place = chance.choice([(0.3, 0.45), (0.55, 0.85), (0.05, 0.05)])
    ImageDraw.Draw(layer).text(
        (picture.width * place[0], picture.height * place[1]), "© archive", fill=(255, 255, 255, 150), font_size=size
    )
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def brightened(picture: Image.Image, factor: float) -> Image.Image:
    """Multiply all levels; bright ones are cut off."""
    return Image.eval(picture, lambda level: min(255, int(level * factor)))


def with_comment(data: bytes) -> bytes:
    """Put a comment segment into JPEG bytes: other metadata, the same coded picture."""
    text = b"edited in the catalogue"
    return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]


def exif_turned(picture: Image.Image) -> bytes:
    """Store the picture turned, with the orientation that shows it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture.rotate(90, expand=True), 90, exif=exif)


def resized(picture: Image.Image, longest: float) -> Image.Image:
    """Scale a picture so that its longer side is that long."""
    scale = longest / max(picture.size)
    return picture.resize((max(8, round(picture.width * scale)), max(8, round(picture.height * scale))), Image.LANCZOS)


COPIES = {
    "exact": lambda p, data, r: data,
    "recompress": lambda p, data, r: encode(p, r.randint(35, 75)),
    "resize": lambda p, data, r: encode(resized(p, max(p.size) * r.uniform(0.4, 0.9))),
    "thumbnail": lambda p, data, r: encode(resized(p, min(128, max(p.size) * 0.6)), 80),
    "metadata": lambda p, data, r: with_comment(data),
    "brightness": lambda p, data, r: encode(brightened(p, r.choice((0.75, 1.25)))),
    "crop 5 %": lambda p, data, r: encode(crop(p, 0.05, r)),
    "crop 15 %": lambda p, data, r: encode(crop(p, 0.15, r)),
    "watermark": lambda p, data, r: encode(watermark(p, r)),
    "grey": lambda p, data, r: encode(p.convert("L")),
    "rotation": lambda p, data, r: encode(p.transpose(r.choice([2, 3, 4]))),
    "EXIF rotation": lambda p, data, r: exif_turned(p),
}
"""The twelve kinds of copy: a picture, its file and a source of chance to other bytes."""


def make_distinct(folder: Path, group: str, files: int, tiles: tuple[int, int]) -> list[bytes]:
    """Make distinct files of one class out of tiles alone."""
    return [encode(picture) for picture, _ in itertools.islice(pictures(folder, group, 0.0, tiles), files)]


def fresh_pictures(folder: Path) -> list[tuple[Image.Image, str, str]]:
    """Give (picture, class, source) of pictures on which no threshold was ever set, as far as they are there."""
    lines = (Path(__file__).parent / "fresh_pictures.txt").read_text().splitlines()
    found = []
    for group, source in (line.split(" ", 1) for line in lines if not line.startswith("#")):
        if (folder / source).exists():
            with Image.open(folder / source) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
            picture.thumbnail((1600, 1600))
            found.append((picture, group, source))
    return found


def make_fresh(folder: Path) -> list[File]:
    """Make files of every fresh picture and its twelve copies."""
    made = []
    for number, (picture, group, source) in enumerate(fresh_pictures(folder)):
        data = encode(picture)
        made.append(File(data, number, group, "original", source))
        for kind, make in COPIES.items():
            made.append(File(make(picture, data, random.Random(f"{source} {kind}")), number, group, kind, source))
    return made


def make_files(folder: Path, files: int, copies: int) -> list[File]:
    """Make distinct files, then copies of the whole pictures among them, the kinds in turn.

    The other distinct files are tiles, each a 25th of a picture: no copy of it, but like its neighbours.
    """
    chance = random.Random(11)
    found = [
        (picture, group, source)
        for group in ("photo", "document")
        for picture, source in pictures(folder, group, 1.0, (1, 1))
    ]
    chance.shuffle(found)
    found = found[: (files - copies) // 2]
    wholes = len(found)
    tiles = itertools.islice(pictures(folder, "photo", 0.0, (5, 5)), max(0, files - copies - wholes))
    found += [(picture, "tile", source) for picture, source in tiles]
    made = [
        File(encode(picture), number, group, "original", source)
        for number, (picture, group, source) in enumerate(found)
    ]
    for number in range(copies):
        source, kind = number % wholes, list(COPIES)[number % len(COPIES)]
        picture, group, name = found[source]
        made.append(File(COPIES[kind](picture, made[source].data, random.Random(number)), source, group, kind, name))
    return made
