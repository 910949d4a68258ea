"""Which of two is kept: 254 clusters of an original and a copy that looks better by some number, through a whole run.

    python -m benchmarks.better [--corpora FOLDER] [--clusters 254] [--policy NAME] [--seed N]

Originals are photographs of the corpora, saved as a camera saves them, two thirds with its EXIF. Copies are enlarged,
dithered, written over, saved again without loss, blurred. A cluster counts where the run found the two
to be one picture; it is right where the original is what the plan keeps for the copy.
"""

from __future__ import annotations

import argparse
import io
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.dataset as ds
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.quality_corpus import corpora_folder, paths_of
from demo.archive import encode, exif

How = Image.Resampling
SMALLEST = 280
POLICIES = {
    "acting": """version: 1
name: acting
keep_roles: []
tiers:
  same-picture: {action: quarantine, verification: {rules: [picture-digest]}}
  near-certain: {action: quarantine, verification: {min_correlation: 0.9, max_residual: 0.5}}
  probable: {action: quarantine, verification: {min_correlation: 0.9, max_residual: 0.5}}
review: {min_bytes_freed: 0, compare: true}
""",
}
"""Policies beside the ready ones: this one lets go whatever full detail confirms, so that every pair is compared."""


def scaled(picture: Image.Image, scale: float, how: How = How.BICUBIC) -> Image.Image:
    """Scale a picture."""
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), how)


def _twice(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    larger = scaled(picture, 2, chance.choice((How.NEAREST, How.BILINEAR, How.BICUBIC, How.LANCZOS)))
    return _saved(larger, chance)


def _blow_up(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    coarse = scaled(picture, 1 / 3, How.LANCZOS)
    return encode(scaled(coarse, chance.uniform(3.3, 5)), "JPEG", quality=92), "jpg"


def _saved(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    if chance.random() < 0.3:
        return encode(picture, "PNG", compress_level=1), "png"
    return encode(picture, "JPEG", quality=chance.choice((80, 88, 95))), "jpg"


def _captioned(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    copy = picture.copy()
    font = ImageFont.load_default(max(14, picture.height // 18))
    ImageDraw.Draw(copy).text(
        (10, picture.height - picture.height // 9), "Harbour, 1957", fill=(255, 255, 255), font=font
    )
    return encode(copy, "PNG", compress_level=1) if chance.random() < 0.5 else encode(copy, "JPEG", quality=97), "bin"


def _screenshot(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    return encode(scaled(picture, chance.choice((1, 1.05, 0.97)), How.BILINEAR), "PNG", compress_level=1), "png"


def _coarse(picture: Image.Image, chance: random.Random) -> tuple[bytes, str]:
    coarse = Image.open(io.BytesIO(encode(picture, "JPEG", quality=12))).convert("RGB")
    kind = chance.choice(("TIFF", "PNG", "JPEG2000"))
    return encode(coarse, kind), "bin"


COPIES: dict[str, tuple[int, Callable[[Image.Image, random.Random], tuple[bytes, str]]]] = {
    "twice the pixels": (48, _twice),
    "blown up from a third": (16, _blow_up),
    "JPEG 2000 made from the JPEG": (28, lambda p, c: (encode(p, "JPEG2000"), "jp2")),
    "JPEG 2000 cut to a rate": (
        12,
        lambda p, c: (encode(p, "JPEG2000", quality_mode="rates", quality_layers=[c.choice((8, 15, 25))]), "jp2"),
    ),
    "halftone": (10, lambda p, c: (encode(p.convert("1"), "PNG"), "png")),
    "halftone of twice the pixels": (12, lambda p, c: (encode(scaled(p, 2).convert("1").convert("L"), "PNG"), "png")),
    "GIF of 96 colours": (20, lambda p, c: (encode(p.quantize(96), "GIF"), "gif")),
    "palette PNG": (20, lambda p, c: (encode(p.quantize(256), "PNG"), "png")),
    "captioned": (16, _captioned),
    "screenshot": (16, _screenshot),
    "from a JPEG of quality 12": (16, _coarse),
    "saved again at quality 98": (14, lambda p, c: (encode(p, "JPEG", quality=98, subsampling=0), "jpg")),
    "blurred": (
        14,
        lambda p, c: (encode(p.filter(ImageFilter.GaussianBlur(c.uniform(1, 2))), "JPEG", quality=97), "jpg"),
    ),
    "WebP without loss": (12, lambda p, c: (encode(p, "WEBP", lossless=True), "webp")),
}
"""By kind of copy: how many of 254, and what makes it of the decoded original."""


def clusters(folder: Path, count: int, seed: int) -> list[tuple[str, bytes, bytes, str]]:
    """Make clusters: (kind, original, copy, the copy's suffix)."""
    chance = random.Random(seed)
    paths = paths_of(folder, "photo")
    chance.shuffle(paths)
    kinds = [kind for kind, (many, _) in COPIES.items() for _ in range(many)]
    chance.shuffle(kinds)
    made = []
    for path in paths:
        picture = Image.open(path).convert("RGB")
        if min(picture.size) < SMALLEST or len(made) == min(count, len(kinds)):
            continue
        more = {"exif": exif(len(made))} if chance.random() < 2 / 3 else {}
        original = encode(picture, "JPEG", quality=chance.choice((88, 90, 92, 95)), **more)
        kind = kinds[len(made)]
        decoded = Image.open(io.BytesIO(original)).convert("RGB")
        made.append((kind, original, *COPIES[kind][1](decoded, chance)))
    return made


def kept(made: list[tuple[str, bytes, bytes, str]], policy: str, work: Path) -> dict[int, str]:
    """Run over the clusters; by number: `original`, `copy`, or `apart` where the run didn't join the two."""
    for number, (_, original, copy, suffix) in enumerate(made):
        name = f"IMG_{number:04d}"  # a camera's: bare numbers are pages of a book, which go as a whole or not at all
        for place, data in ((f"a/{name}.{suffix}", copy), (f"z/{name}.jpg", original)):
            (work / "in" / place).parent.mkdir(parents=True, exist_ok=True)
            (work / "in" / place).write_bytes(data)
    asked = work / "policy.yaml"
    if policy in POLICIES:
        asked.write_text(POLICIES[policy])
    command = [
        str(Path(sys.executable).parent / "mirrorfold"),
        "run",
        f"x={work / 'in'}",
        "--output",
        str(work / "out"),
    ]
    subprocess.run(
        [*command, "--policy", str(asked) if policy in POLICIES else policy], check=True, capture_output=True
    )
    rows = ds.dataset(work / "out" / "decisions").to_table(
        columns=["uri", "kept_uri", "cluster_id", "content_id", "action", "kind"]
    )
    found, groups = {}, {row["uri"]: row for row in rows.to_pylist()}
    named = {uri.split("/in/")[1].split(".")[0]: row for uri, row in groups.items()}
    for number in range(len(made)):
        copy, original = (named[f"{place}/IMG_{number:04d}"] for place in "az")
        if original["cluster_id"] is None or original["cluster_id"] != copy["cluster_id"]:
            found[number] = "apart"
        elif original["kept_uri"] or copy["kept_uri"]:
            found[number] = "copy" if original["kept_uri"] else "original"
        else:
            found[number] = "original" if original["cluster_id"] == original["content_id"] else "copy"
    return found


def main() -> None:
    """Print by kind how often the original is what is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora")
    parser.add_argument("--clusters", type=int, default=254)
    parser.add_argument("--policy", default="acting", help="one of the ready policies, or `acting`")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    folder = corpora_folder(asked.corpora)
    if folder is None:
        print("skipped: no corpora (give --corpora or set MIRRORFOLD_CORPORA)")
        return
    made = clusters(folder, asked.clusters, asked.seed)
    with tempfile.TemporaryDirectory() as work:
        found = kept(made, asked.policy, Path(work))
    tally = Counter((made[number][0], said) for number, said in found.items())
    for kind in COPIES:
        right, wrong, apart = (tally[kind, said] for said in ("original", "copy", "apart"))
        print(f"{kind}: {right} of {right + wrong}" + (f", {apart} not found to be one" if apart else ""))
    whole = Counter(found.values())
    print(f"the original is kept in {whole['original']} of {whole['original'] + whole['copy']}; {whole['apart']} apart")


if __name__ == "__main__":
    main()
