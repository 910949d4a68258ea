"""Search pictures that show little, by their PDQ quality: how many copies are found, and how many others joined.

    python -m benchmarks.faint [--tiles N] [--side PIXELS]

Tiles of photographs, each beside a copy at 0.6 of its sides and JPEG quality 60; all of one band are searched together,
and every picture counts as one that may be searched. `wrong` are joins of two different tiles.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from PIL import Image

from benchmarks.real_tiles import photographs, tiles
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.in_process import candidate_edges, verified_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

BANDS = (0, 15, 25, 30, 35, 40, 45, 50, 60)


def coded(picture: Image.Image, quality: int) -> tuple[str, Content]:
    """Give a picture's JPEG as a content, under its digest."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    content = Content(len(data.getvalue()), decode(data.getvalue(), FingerprintOptions(), None))
    return hashlib.sha256(data.getvalue()).hexdigest(), content


def joins(rows: pa.Table) -> Iterable[tuple[str, str]]:
    """Search and verify among rows, whatever they show."""
    at = rows.schema.get_field_index("low_information")
    rows = rows.set_column(at, rows.schema.field(at), pa.array(np.zeros(rows.num_rows, bool)))
    verifier = Verifier(Rule(8, CHECK_LIMIT))
    found, _ = verified_edges(rows, candidate_edges(rows, verifier), verifier)
    return zip(found.column("content_a").to_pylist(), found.column("content_b").to_pylist(), strict=True)


def main() -> None:
    """Print a line for each band."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiles", type=int, default=14_000)
    parser.add_argument("--side", type=int, default=100)
    options = parser.parse_args()
    pictures = [t.convert("RGB") for t in itertools.islice(tiles(photographs([]), options.side), options.tiles)]
    named: dict[str, Image.Image] = {}
    made: dict[str, Content] = {}
    for picture in pictures:
        name, content = coded(picture, 90)
        made[name], named[name] = content, picture
    rows = content_rows(made)
    quality, paper = rows.column("pdq_quality").to_numpy(), rows.column("document").to_numpy()
    for low, high in itertools.pairwise(BANDS):
        band = rows.filter(pa.array((quality >= low) & (quality < high) & ~paper))
        source: dict[str, str] = {}
        copies: dict[str, Content] = {}
        for name in band.column("content_id").to_pylist():
            side = options.side * 6 // 10
            copy, content = coded(named[name].resize((side, side), Image.LANCZOS), 60)
            copies[copy], source[copy] = content, name
        pairs = [(source.get(a, a), source.get(b, b)) for a, b in joins(pa.concat_tables([band, content_rows(copies)]))]
        right = sum(a == b for a, b in pairs)
        found = f"{right} of {len(source)} copies found, {len(pairs) - right} wrong"
        print(f"quality {low:2} to {high - 1:2}: {found}", flush=True)


if __name__ == "__main__":
    main()
