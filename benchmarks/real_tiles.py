"""Tiles of photographs, cut without overlap, and altered copies of some: rows of `contents` by the project's own code.

A tile is nobody's copy, but it looks like others as pictures of an archive do: walls, skies, cloth. Photographs come
from folders that are given, from the corpora (../shared/corpora), or from the wheels of scikit-image and scikit-learn.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageOps

from benchmarks.quality_corpus import brightened, corpora_folder, crop, encode, resized, watermark
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.signatures import sign
from mirrorfold.transforms.fingerprint.version import ALGORITHM

SUFFIXES = {".jpg", ".jpeg", ".png"}
PHOTOGRAPHS = ("clothing", "dogcat")
"""Folders of the corpora that hold photographs."""
SIDES = (150, 130, 110, 90, 75, 60, 48)
"""Sides of tiles in pixels: the largest that gives enough of them is taken."""
COPY_EVERY = 10
"""Of so many files one is a copy of the one before it."""
BLOCK = 2_000
MIXED_OF = 100_000
"""Rows of which mixtures are made."""
SEED = 5

TRUTH = pa.schema([("picture", pa.int64()), ("kind", pa.string())])
"""What a row shows, beside the columns of `contents`: equal for a tile and its copies."""


def _area(share: float) -> Callable[[Image.Image, random.Random], Image.Image]:
    return lambda picture, chance: crop(picture, 1 - share**0.5, chance)


def _framed(picture: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.expand(picture, round(0.05 * min(picture.size)), "white")


def _captioned(picture: Image.Image, _: random.Random) -> Image.Image:
    height = max(8, round(0.08 * picture.height))
    found = ImageOps.expand(picture, (0, 0, 0, height), "white")
    ImageDraw.Draw(found).text((4, picture.height), "1904, archive", fill="black", font_size=max(6, height - 3))
    return found


def _skewed(picture: Image.Image, _: random.Random) -> Image.Image:
    return picture.rotate(3, Image.BICUBIC, fillcolor="white")


VARIANTS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "half size": lambda p, _: resized(p, max(p.size) / 2),
    "thumbnail": lambda p, _: resized(p, 100),
    "grey": lambda p, _: p.convert("L"),
    "brighter": lambda p, _: brightened(p, 1.25),
    "mirrored": lambda p, _: ImageOps.mirror(p),
    "quarter turn": lambda p, _: p.transpose(Image.ROTATE_90),
    "squeezed to 85 %": lambda p, _: p.resize((round(p.width * 0.85), p.height), Image.LANCZOS),
    "watermark": watermark,
    "frame of 5 %": _framed,
    "caption of 8 %": _captioned,
    "turned by 3 degrees": _skewed,
    "crop to 85 %": _area(0.85),
    "crop to 80 %": _area(0.80),
    "crop to 70 %": _area(0.70),
    "crop to 60 %": _area(0.60),
    "crop to 50 %": _area(0.50),
}
"""Sixteen kinds of copy; crops by share of the area, at a random place."""


@dataclass(frozen=True)
class Photograph:
    """A file and its size in pixels as stored."""

    path: Path
    width: int
    height: int


def photographs(folders: list[str]) -> list[Photograph]:
    """List the photographs of folders, each content once, in an order that doesn't follow the folders'."""
    found: dict[str, Path] = {}
    for folder in [Path(name) for name in folders] or default_folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    sized = []
    for _, path in sorted(found.items()):
        with Image.open(path) as picture:
            sized.append(Photograph(path, *picture.size))
    return sized


def default_folders() -> list[Path]:
    """Give the corpora's photographs, or those that two packages bring."""
    corpora = corpora_folder(None)
    there = [corpora / name for name in PHOTOGRAPHS if (corpora / name).is_dir()] if corpora else []
    if there:
        return there
    import skimage
    import sklearn.datasets

    return [Path(skimage.__file__).parent / "data", Path(sklearn.datasets.__file__).parent / "images"]


def side_for(photos: list[Photograph], tiles: int) -> int:
    """Give the largest side that yields so many tiles, else the smallest."""
    return next((side for side in SIDES if _cells(photos, side) >= tiles), SIDES[-1])


def _cells(photos: list[Photograph], side: int) -> int:
    return sum((photo.width // side) * (photo.height // side) for photo in photos)


def tiles(photos: list[Photograph], side: int) -> Iterator[Image.Image]:
    """Give all tiles in a random order that a shorter run shares; files that can't be read give none."""
    places = [
        (number, left, top)
        for number, photo in enumerate(photos)
        for top in range(0, photo.height - side + 1, side)
        for left in range(0, photo.width - side + 1, side)
    ]
    random.Random(SEED).shuffle(places)
    for start in range(0, len(places), 20_000):
        part = places[start : start + 20_000]
        cut: dict[tuple, Image.Image] = {}
        for number in sorted({number for number, _, _ in part}):
            picture = _opened(photos[number].path)
            for place in (place for place in part if place[0] == number and picture):
                _, left, top = place
                cut[place] = picture.crop((left, top, left + side, top + side))
        yield from (cut[place] for place in part if place in cut)


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except OSError:
        return None


def files(pictures: Iterator[Image.Image], every: int = COPY_EVERY) -> Iterator[tuple[int, str, bytes]]:
    """Give (picture, kind, bytes): each picture, and after every so many a copy of the last, the kinds in turn."""
    kinds = list(VARIANTS)
    for number, picture in enumerate(pictures):
        yield number, "original", encode(picture)
        if number % (every - 1) == every - 2:
            kind = kinds[number // (every - 1) % len(kinds)]
            yield number, kind, encode(VARIANTS[kind](picture, random.Random(number)))


def variants(photos: list[Photograph], count: int) -> Iterator[tuple[int, str, bytes]]:
    """Give (picture, kind, bytes) of whole photographs of at most 800 pixels, each with all variants."""
    large = [photo for photo in photos if min(photo.width, photo.height) >= 250][:count]
    for number, photo in enumerate(large):
        picture = _opened(photo.path)
        if picture is not None:
            picture.thumbnail((800, 800))
            yield number, "original", encode(picture)
            for kind, make in VARIANTS.items():
                yield number, kind, encode(make(picture, random.Random(number)))


@dataclass
class Signed:
    """Rows of `contents` with TRUTH, and the CPU seconds that decoding and hashing took."""

    rows: pa.Table
    seconds: float


def sign_files(found: list[tuple[int, str, bytes]]) -> Signed:
    """Decode and hash files as a run does; a content that was there before is left out."""
    options, contents, truth = FingerprintOptions(), {}, {}
    before = time.process_time()
    for picture, kind, data in found:
        name = hashlib.sha256(data).hexdigest()
        if name not in contents:
            contents[name], truth[name] = Content(len(data), decode(data, options, None)), (picture, kind)
    rows = content_rows(contents)
    seconds = time.process_time() - before
    # In the order of the files, so that the first of many are what a smaller run would have made.
    place = {name: at for at, name in enumerate(contents)}
    rows = rows.take(pa.array(np.argsort([place[name] for name in rows.column("content_id").to_pylist()])))
    for at, field in enumerate(TRUTH):
        rows = rows.append_column(field, pa.array([values[at] for values in truth.values()], field.type))
    return Signed(rows, seconds)


def keep_blocks(folder: Path, found: Iterator[tuple[int, str, bytes]], wanted: int) -> list[Path]:
    """Sign files in blocks and keep them in a folder: as many as hold `wanted` rows, or all there are.

    Blocks that are there already, of a run before this one, aren't made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = sorted(folder.glob("*.parquet"))
    if sum(pq.read_metadata(path).num_rows for path in kept) >= wanted:
        return kept
    rows, paths = 0, []
    while rows < wanted:
        part = list(itertools.islice(found, BLOCK))
        if not part:
            break
        path = folder / f"{len(paths):05d}.parquet"
        if not path.exists():
            signed = sign_files(part)
            note = {b"seconds": str(signed.seconds).encode()}
            pq.write_table(signed.rows.replace_schema_metadata(note), path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
        rows += pq.read_metadata(path).num_rows
        paths.append(path)
    return paths


def fingerprint_ms(paths: list[Path]) -> float:
    """Give the CPU milliseconds that fingerprinting one of the blocks' files took."""
    kept = [pq.read_schema(path).metadata for path in paths]
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    return sum(float(note[b"seconds"]) for note in kept) / max(1, rows) * 1e3


def key_of(photos: list[Photograph], *rest) -> str:
    """Name what blocks are made from, so that kept ones are never taken for others."""
    text = repr([(photo.path.name, photo.width, photo.height) for photo in photos] + [ALGORITHM, SEED, *rest])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_rows(paths: list[Path], most: int) -> Iterator[pa.Table]:
    """Read blocks up to a number of rows."""
    left = most
    for path in paths:
        if left <= 0:
            return
        rows = pq.read_table(path).replace_schema_metadata(None).slice(0, left)
        left -= len(rows)
        yield rows


def mixtures(real: pa.Table, count: int, seed: int) -> pa.Table:
    """Make rows that are half-and-half mixtures of two real rows each: they look real where real ones have run out."""
    chance = np.random.default_rng(seed)
    lumas = np.frombuffer(b"".join(real.column("luma").to_pylist()), np.uint8).reshape(-1, 64, 64)
    one, other = chance.integers(0, len(real), (2, count))
    mixed = ((lumas[one].astype(np.uint16) + lumas[other] + 1) // 2).astype(np.uint8)
    found = sign(mixed)
    columns: dict[str, list | np.ndarray] = {
        "content_id": [hashlib.sha256(f"mixture {seed} {row}".encode()).hexdigest() for row in range(count)],
        "phash64": found.phash64,
        "pdq_quality": found.pdq_quality,
        **{name: [value.tobytes() for value in getattr(found, name)] for name in ("phash256", "dhash256", "pdq256")},
        **{name: list(getattr(found, name)) for name in ("windows64", "dihedral64")},
        "luma": [luma.tobytes() for luma in mixed],
        "low_information": found.pdq_quality < 50,
        "picture": np.arange(count) + seed * 10**9,
        "kind": ["mixture"] * count,
    }
    columns["picture_digest"] = columns["content_id"]
    rows = real.take(pa.array(one))
    for name, values in columns.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))
    return rows


def filled(paths: list[Path], size: int) -> Iterator[pa.Table]:
    """Give rows of blocks, and mixtures of the first of them where they don't suffice."""
    left, first = size, []
    for rows in read_rows(paths, size):
        left -= len(rows)
        if sum(map(len, first)) < MIXED_OF:
            first.append(rows)
        yield rows
    for seed in range(-(-left // BLOCK)):
        yield mixtures(pa.concat_tables(first), min(BLOCK, left - seed * BLOCK), seed)


def contents_of(rows: pa.Table) -> pa.Table:
    """Leave out what the rows show."""
    return rows.select(CONTENTS.schema.names).cast(CONTENTS.schema)
