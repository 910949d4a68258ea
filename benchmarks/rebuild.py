"""Try to rebuild pictures from what a pack carries of them: which fields show what the picture shows.

    python -m benchmarks.rebuild [--corpora FOLDER] [--sheet FILE.png]

Somebody who gets a pack knows how every field is made, and has photographs of his own. He learns, by ridge regression
over those, what a picture looks like by the bits of its fields, and applies it to photographs that he never saw. That
is a weak attack, so what it rebuilds is a floor: a larger model does better. Each answer is held against true
thumbnails: it shows as much as one of N x N pixels does. `named` is how often the rebuilt picture is nearest to its own
original among all that were held out.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from benchmarks.quality_corpus import corpora_folder, paths_of
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.signatures import withheld_search

SIDE, SEED, HELD_OUT, VIEWS = 64, 23, 150, 6
PENALTIES = (100.0, 3_000.0, 100_000.0)
THUMBNAILS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
FIELDS: dict[str, tuple[str, ...]] = {
    "phash64": ("phash64",),
    "dihedral64": ("dihedral64",),
    "windows64": ("windows64",),
    "phash256": ("phash256",),
    "dhash256": ("dhash256",),
    "pdq256": ("pdq256",),
    "colour": ("colour",),
    "search": ("search",),
    "all that --hashes-only leaves": (
        "phash64", "dihedral64", "windows64", "phash256", "dhash256", "pdq256", "search",
    ),
    "content_id": ("content_id",),
    "picture_digest": ("picture_digest",),
}  # fmt: skip
"""What is tried, by the columns of `contents` that it takes."""


def views(path: Path, count: int, chance: random.Random) -> Iterator[Image.Image]:
    """Give a photograph, and parts of it, some mirrored: what somebody makes of few photographs to learn from."""
    with Image.open(path) as opened:
        whole = ImageOps.exif_transpose(opened).convert("RGB")
    whole.thumbnail((512, 512))
    yield whole
    for _ in range(count - 1):
        share = chance.uniform(0.5, 1)
        width, height = round(whole.width * share), round(whole.height * share)
        left, top = chance.randint(0, whole.width - width), chance.randint(0, whole.height - height)
        part = whole.crop((left, top, left + width, top + height))
        yield ImageOps.mirror(part) if chance.random() < 0.5 else part


def fingerprints(pictures: Iterator[Image.Image]) -> pa.Table:
    """Give rows of `contents`, with `search` as a pack has it."""
    found = {}
    for number, picture in enumerate(pictures):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=92)
        found[f"{number:064d}"] = Content(number, decode(data.getvalue(), FingerprintOptions(), None))
    rows = content_rows(found)
    rows = rows.set_column(rows.schema.get_field_index("search"), "search", withheld_search(rows))
    # The digest that a pack has is of the file's bytes: any will do here that differ as those do.
    names = [f"{random.Random(name).getrandbits(256):064x}" for name in rows.column("content_id").to_pylist()]
    return rows.set_column(0, "content_id", pa.array(names))


def features(rows: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """Give the columns as numbers around 0, float32 (rows, n): bits of hashes, levels of colours."""
    parts = [np.ones((rows.num_rows, 1), np.float32)]
    for name in names:
        values = rows.column(name).to_pylist()
        if name == "colour":
            parts.append(np.array([list(value) for value in values], np.float32) / 128 - 1)
            continue
        octets = [_octets(value) for value in values]
        parts.append(np.unpackbits(np.stack(octets), axis=1).astype(np.float32) * 2 - 1)
    return np.concatenate(parts, axis=1)


def _octets(value: object) -> np.ndarray:
    if isinstance(value, str):
        value = bytes.fromhex(value)
    if isinstance(value, bytes):
        return np.frombuffer(value, np.uint8)
    return np.atleast_1d(np.array(value, ">u8")).view(np.uint8)


def learn(known: np.ndarray, lumas: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit lumas to features by ridge regression; a fifth that is put aside chooses the penalty."""
    chosen, best = PENALTIES[0], -1.0
    aside = len(known) // 5
    for penalty in PENALTIES:
        seen = _fit(known[aside:], lumas[aside:], penalty)(known[:aside])
        if (score := float(np.median(correlations(seen, lumas[:aside])))) > best:
            chosen, best = penalty, score
    return _fit(known, lumas, chosen)


def _fit(known: np.ndarray, lumas: np.ndarray, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
    mean = lumas.mean(axis=0)
    wide = known.shape[1] > len(known)  # then by its dual form, which is the smaller one
    inner = known @ known.T if wide else known.T @ known
    inner[np.diag_indices_from(inner)] += penalty
    left = np.linalg.solve(inner, lumas - mean if wide else known.T @ (lumas - mean))
    weights = known.T @ left if wide else left
    return lambda asked: asked @ weights + mean


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Give Pearson's correlation of each row with the same row of the other; 0 where one is flat."""
    one, other = (rows - rows.mean(axis=1, keepdims=True) for rows in (one, other))
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(axis=1) / np.where(norms > 0, norms, np.inf)


def named(rebuilt: np.ndarray, true: np.ndarray) -> float:
    """Give the share of rebuilt pictures whose own original correlates most with them, of all originals."""
    one, other = (rows - rows.mean(axis=1, keepdims=True) for rows in (rebuilt, true))
    other = other / np.maximum(np.linalg.norm(other, axis=1, keepdims=True), 1e-9)
    return float(((one @ other.T).argmax(axis=1) == np.arange(len(one))).mean())


def thumbnail(lumas: np.ndarray, side: int) -> np.ndarray:
    """Give what a true thumbnail of `side` pixels shows of lumas."""
    found = []
    for row in lumas:
        small = Image.fromarray(row.reshape(SIDE, SIDE).astype(np.uint8)).resize((side, side), Image.BOX)
        found.append(np.asarray(small.resize((SIDE, SIDE), Image.BICUBIC), np.float32).ravel())
    return np.stack(found)


def luma_of(rows: pa.Table) -> np.ndarray:
    """Give the lumas, float32 (rows, 4096)."""
    return (
        np.frombuffer(b"".join(rows.column("luma").to_pylist()), np.uint8).reshape(-1, SIDE * SIDE).astype(np.float32)
    )


def main() -> None:
    """Print what each field shows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpora", help="folder of corpora; default $MIRRORFOLD_CORPORA or ../shared/corpora")
    parser.add_argument("--sheet", help="write a sheet of originals and what was rebuilt of them")
    options = parser.parse_args()
    folder = corpora_folder(options.corpora)
    if folder is None:
        parser.error("there are no corpora: name their folder with --corpora")
    chance = random.Random(SEED)
    paths = paths_of(folder, "photo")
    chance.shuffle(paths)
    mine = fingerprints(view for path in paths[HELD_OUT:] for view in views(path, VIEWS, chance))
    asked = fingerprints(view for path in paths[:HELD_OUT] for view in views(path, 1, chance))
    known, true = luma_of(mine), luma_of(asked)
    scale = [(side, float(np.median(correlations(thumbnail(true, side), true)))) for side in THUMBNAILS]
    print(f"{len(paths) - HELD_OUT} photographs to learn from ({mine.num_rows} views), {HELD_OUT} held out")
    print("a thumbnail of N x N correlates by: " + ", ".join(f"{side}: {value:.3f}" for side, value in scale))
    print(f"{'field':32} {'bits':>6} {'correlation':>12} {'as telling as':>14} {'named':>6}")
    tell("luma", 8 * SIDE * SIDE, true, true, scale)
    sheet = [true]
    for name, columns in FIELDS.items():
        seen = features(asked, columns)
        rebuilt = learn(features(mine, columns), known)(seen)
        tell(name, (192 if name == "colour" else seen.shape[1] - 1), rebuilt, true, scale)
        sheet.append(rebuilt)
    if options.sheet:
        tiles = [np.hstack([row[n].reshape(SIDE, SIDE) for n in range(12)]) for row in sheet]
        Image.fromarray(np.vstack(tiles).clip(0, 255).astype(np.uint8)).save(options.sheet)


def tell(name: str, bits: int, rebuilt: np.ndarray, true: np.ndarray, scale: list[tuple[int, float]]) -> None:
    """Print a line."""
    found = float(np.median(correlations(rebuilt, true)))
    side = max((side for side, value in scale if value <= found), default=1)
    print(f"{name:32} {bits:6} {found:12.3f} {f'{side} x {side}':>14} {named(rebuilt, true):6.0%}")


if __name__ == "__main__":
    main()
