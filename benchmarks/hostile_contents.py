"""Corpora that break what is quadratic in disguise: rows of `contents` with synthetic features, all alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.fingerprint.signatures import sign

BLOCK = 5_000


def _picture(random: np.random.Generator) -> np.ndarray:
    """Make a luma of a few smooth shapes, uint8 (64, 64)."""
    coarse = random.random((9, 9))
    grid = np.linspace(0, 7.999, 64)
    low, share = grid.astype(int), grid % 1
    across = coarse[:, low] * (1 - share) + coarse[:, low + 1] * share
    return (across[low] * (1 - share)[:, None] + across[low + 1] * share[:, None]) * 200 + 25


def copies(numbers: np.ndarray) -> pa.Table:
    """Files of one coded picture, with other metadata each."""
    luma = np.clip(_picture(np.random.default_rng(1)), 0, 255).astype(np.uint8)
    return _rows(numbers, "copy", np.repeat(luma[None], len(numbers), axis=0), digest="one")


def blanks(numbers: np.ndarray) -> pa.Table:
    """Blank pages: paper, and the noise of a scanner."""
    noise = np.random.default_rng(int(numbers[0])).integers(-2, 3, (len(numbers), 64, 64))
    return _rows(numbers, "blank", (245 + noise).astype(np.uint8), document=True)


def forms(numbers: np.ndarray) -> pa.Table:
    """One printed form, each with other words in its eight fields."""
    random = np.random.default_rng(int(numbers[0]))
    page = np.full((64, 64), 240.0)
    page[4:9, 8:56] = 90  # its head
    page[12:60:6, 4:60] = 120  # its lines
    page[12:60, 4:60:28] = 100
    lumas = np.repeat(page[None], len(numbers), axis=0)
    fields = np.zeros((64, 64), bool)
    for top in range(14, 60, 6):
        fields[top : top + 2, 34:56] = True
    lumas[:, fields] -= random.integers(0, 140, (len(numbers), int(fields.sum())))
    return _rows(numbers, "form", np.clip(lumas + random.normal(0, 1, lumas.shape), 0, 255).astype(np.uint8), True)


def variants(numbers: np.ndarray) -> pa.Table:
    """One picture, each time coded, brightened and sharpened anew."""
    random = np.random.default_rng(int(numbers[0]))
    picture = _picture(np.random.default_rng(1))[None]
    lumas = picture * random.uniform(0.9, 1.1, (len(numbers), 1, 1)) + random.normal(0, 3, (len(numbers), 64, 64))
    return _rows(numbers, "variant", np.clip(lumas, 0, 255).astype(np.uint8))


CORPORA: dict[str, Callable[[np.ndarray], pa.Table]] = {
    "one picture in many copies": copies,
    "blank pages only": blanks,
    "one form filled in": forms,
    "one picture in variants": variants,
}


def blocks(name: str, rows: int) -> Iterator[pa.Table]:
    """Give the rows of a corpus."""
    for start in range(0, rows, BLOCK):
        yield CORPORA[name](np.arange(start, min(start + BLOCK, rows)))


def _rows(
    numbers: np.ndarray, kind: str, lumas: np.ndarray, document: bool = False, digest: str | None = None
) -> pa.Table:
    found = sign(lumas)
    rows = len(numbers)
    names = [hashlib.sha256(f"{kind} {number}".encode()).hexdigest() for number in numbers.tolist()]
    return synthetic.filled(
        CONTENTS.schema,
        rows,
        content_id=names,
        size=200_000 + numbers,
        media_type=["image/jpeg"] * rows,
        width=np.full(rows, 1200),
        height=np.full(rows, 1600),
        frames=np.ones(rows),
        algorithm=["synthetic"] * rows,
        phash64=found.phash64,
        **{key: [value.tobytes() for value in getattr(found, key)] for key in ("phash256", "dhash256", "pdq256")},
        pdq_quality=found.pdq_quality,
        windows64=list(found.windows64),
        dihedral64=list(found.dihedral64),
        luma=[luma.tobytes() for luma in lumas],
        colour=[bytes([128] * 24)] * rows,
        low_information=found.pdq_quality < 50,
        document=np.full(rows, document),
        picture_digest=[digest or name for name in names],
        orientation=np.ones(rows),
        mode=["RGB"] * rows,
        bit_depth=np.full(rows, 8),
    )
