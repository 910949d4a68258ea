"""Quality on copies of hard kinds: which share joins its original, which is listed, by kind and strength.

    python benchmarks/quality_hard.py [--corpora FOLDER] [--pictures 60] [--kinds squeezed,framed] [--others 3000]

Each picture is copied in each kind at three strengths (hard_kinds.py); all go through the real decoder, search and
verification together with other pictures, tiles that are nobody's copy. A pair of different pictures that joins is
printed, by tier: there is to be none in the sure ones, and one per million in `probable` at most.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from hard_kinds import KINDS
from quality import fingerprint
from quality_corpus import corpora_folder, encode, paths_of, pictures

from mirrorfold.transforms.match.in_process import candidate_edges, verified_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

LONGEST = 900
TILES = {"photo": (5, 5), "document": (10, 10)}


def originals(folder: Path, group: str, count: int) -> list[Image.Image]:
    """Take every n-th picture of a class, in the order of their digests."""
    found = []
    for path in sorted(paths_of(folder, group), key=lambda path: hashlib.sha256(path.read_bytes()).hexdigest()):
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        if min(picture.size) >= 250:
            picture.thumbnail((LONGEST, LONGEST))
            found.append(picture)
        if len(found) == count:
            break
    return found


def coded(picture: Image.Image) -> bytes:
    """Write as JPEG, or as PNG where it has transparency."""
    if picture.mode != "RGBA":
        return encode(picture, 85)
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return sink.getvalue()


def measure(folder: Path, group: str, count: int, kinds: list[str], others: int, console: Console) -> None:
    """Print the table of one class."""
    whole, files = originals(folder, group, count), {}
    for number, picture in enumerate(whole):
        files[encode(picture, 92)] = (number, "original", 0)
        for kind, strength in itertools.product(kinds, range(3)):
            make, strengths = KINDS[kind]
            seed = int.from_bytes(hashlib.sha256(f"{number}|{kind}|{strength}".encode()).digest()[:4], "big")
            copy = make(picture, strengths[strength], np.random.default_rng(seed))
            files.setdefault(coded(copy), (number, kind, strength))
    for number, (tile, _) in enumerate(itertools.islice(pictures(folder, group, 0.0, TILES[group]), others)):
        files.setdefault(encode(tile), (len(whole) + number, "other", 0))
    of = {hashlib.sha256(data).hexdigest(): what for data, what in files.items()}
    contents = fingerprint(list(files))
    verifier = Verifier(Rule(8, CHECK_LIMIT))
    met = candidate_edges(contents, verifier)
    edges, _ = verified_edges(contents, met, verifier)
    joined, listed, false = set(), set(), Counter()
    for row in edges.to_pylist():
        a, b = of[row["content_a"]], of[row["content_b"]]
        if a[0] != b[0]:
            false[row["tier"]] += row["joins"]
        elif "original" in (a[1], b[1]):
            copy = b if a[1] == "original" else a
            listed.add(copy)
            if row["joins"]:
                joined.add(copy)
    table = Table(title=f"{group}: {count} originals, share listed / joined with the original", title_justify="left")
    for name in ("kind", *("strength 1", "2", "3")):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in kinds:
        cells = []
        for strength in range(3):
            made = [what for what in of.values() if what[1:] == (kind, strength)]
            shares = [sum(what in found for what in made) / max(1, len(made)) for found in (listed, joined)]
            cells.append(f"{KINDS[kind][1][strength]:g}: {shares[0]:.2f} / {shares[1]:.2f}")
        table.add_row(kind, *cells)
    console.print(table)
    pairs = len(contents) * (len(contents) - 1) // 2
    console.print(
        f"{len(contents):,} contents, {pairs / 1e6:.1f} million pairs, {len(met):,} candidates; "
        f"false pairs that join: {dict(+false) or 'none'}"
    )


def main() -> None:
    """Measure the classes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--others", type=int, default=3_000)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--classes", default="photo,document")
    given = parser.parse_args()
    folder = corpora_folder(given.corpora)
    if folder is None:
        raise SystemExit("no corpora: say --corpora FOLDER")
    pa.set_cpu_count(1)
    for group in given.classes.split(","):
        measure(folder, group, given.pictures, given.kinds.split(","), given.others, Console(width=110))


if __name__ == "__main__":
    main()
