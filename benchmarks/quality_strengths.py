"""Copies at other strengths than the twelve kinds', to see where recall falls off: each laid beside its original."""

from __future__ import annotations

import hashlib
import io
import random
from collections import defaultdict

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw
from quality_corpus import brightened, crop, encode, resized
from rich.console import Console
from rich.table import Table

from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.verify import Verifier


def marked(picture: Image.Image, chance: random.Random, size: float, opacity: int) -> Image.Image:
    """Lay words over the picture, as high as a share of its width."""
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    place = chance.choice([(0.3, 0.45), (0.55, 0.85), (0.05, 0.05)])
    ImageDraw.Draw(layer).text(
        (picture.width * place[0], picture.height * place[1]),
        "© archive",
        fill=(255, 255, 255, opacity),
        font_size=max(10, int(picture.width * size)),
    )
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def centred(picture: Image.Image, share: float) -> Image.Image:
    """Cut a share off each side's length, evenly."""
    width, height = round(picture.width * (1 - share)), round(picture.height * (1 - share))
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def edge_cut(picture: Image.Image, share: float, chance: random.Random) -> Image.Image:
    """Cut a share off one edge alone."""
    width, height = picture.size
    across, down = round(width * share), round(height * share)
    boxes = (
        (across, 0, width, height),
        (0, down, width, height),
        (0, 0, width - across, height),
        (0, 0, width, height - down),
    )
    return picture.crop(chance.choice(boxes))


def tiled_marks(picture: Image.Image) -> Image.Image:
    """Lay faint words over all of the picture, as agencies do."""
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw, size = ImageDraw.Draw(layer), max(10, picture.width // 24)
    for top in range(0, picture.height, 6 * size):
        for left in range((top // size % 12) * size // 2, picture.width, 12 * size):
            draw.text((left, top), "© archive", fill=(255, 255, 255, 110), font_size=size)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    """Write a picture in another format, without what the first file said beside it (transparency, for one)."""
    sink, picture = io.BytesIO(), picture.copy()
    picture.info = {}
    picture.save(sink, kind, **options)
    return sink.getvalue()


def toned(picture: Image.Image, gamma: float) -> Image.Image:
    """Apply a gamma to all levels."""
    return Image.eval(picture, lambda level: int(255 * (level / 255) ** gamma))


def _strengths():
    yield "PNG", lambda p, r: saved(p, "PNG", compress_level=1)
    yield "WebP quality 60", lambda p, r: saved(p, "WEBP", quality=60, method=0)
    for quality in (10, 20, 30):
        yield f"JPEG quality {quality}", lambda p, r, q=quality: encode(p, q)
    yield "resize to 25 %", lambda p, r: encode(resized(p, max(p.size) * 0.25))
    yield "thumbnail, 100 pixels", lambda p, r: encode(resized(p, 100), 80)
    for factor in (0.6, 0.7, 1.25, 1.3, 1.5):
        yield f"brightness x {factor}", lambda p, r, f=factor: encode(brightened(p, f))
    for gamma in (0.67, 1.5):
        yield f"gamma {gamma}", lambda p, r, g=gamma: encode(toned(p, g))
    for share in (0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2):
        yield f"crop {100 * share:.0f} %", lambda p, r, s=share: encode(crop(p, s, r))
    for share in (0.05, 0.15):
        yield f"centred crop {100 * share:.0f} %", lambda p, r, s=share: encode(centred(p, s))
    yield "crop 5 % of each edge", lambda p, r: encode(centred(p, 0.1))
    for share in (0.05, 0.15):
        yield f"crop {100 * share:.0f} % of one edge", lambda p, r, s=share: encode(edge_cut(p, s, r))
    yield "marks, tiled", lambda p, r: encode(tiled_marks(p))
    for size, opacity in ((0.04, 150), (0.08, 255), (0.16, 150)):
        name = f"mark, {100 * size:.0f} % high{', opaque' if opacity == 255 else ''}"
        yield name, lambda p, r, s=size, o=opacity: encode(marked(p, r, s, o))
    for angle in (0.5, 1.0):
        yield f"skew {angle}°", lambda p, r, a=angle: encode(p.rotate(a, Image.Resampling.BICUBIC))


STRENGTHS = dict(_strengths())


def held_out(source: str) -> bool:
    """Tell which half of the sources no threshold is to be set on, by a digest of the name."""
    return bool(hashlib.sha256(source.encode()).digest()[0] % 2)


def copies_of(picture: Image.Image, source: str) -> dict[str, bytes]:
    """Make every strength's copy of one picture."""
    return {name: make(picture, random.Random(f"{source} {name}")) for name, make in STRENGTHS.items()}


def share_found(features: Features, verifier: Verifier, pairs: np.ndarray) -> np.ndarray:
    """Tell which pairs, each an original and its copy, are candidates that join."""
    found = np.zeros(len(pairs), dtype=bool)
    for place, (a, b) in enumerate(np.sort(pairs, axis=1).tolist()):
        found[place] = len(verifier.candidates(features, np.array([a]), np.array([b]))) > 0
    found[found] = verifier.verify(features, np.sort(pairs[found], axis=1)).column("joins").to_numpy()
    return found


def print_strengths(rows: list[tuple[str, str, bool]], contents: pa.Table, pairs, verifier, console: Console) -> None:
    """Print the share of pairs found by strength and class, of the first | second half of the sources.

    Args:
      rows: (strength, class, held out) of each pair; pairs: row numbers of `contents`, int64 (pairs, 2).
    """
    found = share_found(verifier.features(contents), verifier, pairs)
    tally: dict[tuple, list[int]] = defaultdict(lambda: [0, 0])
    for (name, group, held), hit in zip(rows, found.tolist(), strict=True):
        tally[name, group, held][0] += hit
        tally[name, group, held][1] += 1
    groups = sorted({group for _, group, _ in rows})
    title = "Other strengths: share that is a candidate of its original and joins it (first | second half)"
    table = Table(title=title, title_justify="left")
    table.add_column("copy")
    for group in groups:
        table.add_column(group, justify="right")
    for name in STRENGTHS:
        table.add_row(
            name, *(" | ".join(_share(tally[name, group, held]) for held in (False, True)) for group in groups)
        )
    console.print(table)


def _share(counts: list[int]) -> str:
    return f"{counts[0] / counts[1]:.3f}" if counts[1] else "-"
