"""Pairs whose answer is known by construction: honest copies, and pictures changed in one small place."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.rendered_pages import receipt
from demo.archive import encode, photographs
from mirrorfold.transforms.confirm.compare import Shown
from mirrorfold.transforms.fingerprint.jpeg import read_header

Pair = tuple[bytes, bytes]

FLAT = ("color",)
"""Photographs that hold nothing to change: a colour wheel on black."""
FILTERS = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.HAMMING)
SCALES = (1, 1, 1, 0.25, 0.33, 0.5, 0.67, 0.75, 0.9, 1.25, 1.5)
CODECS = ("JPEG", "JPEG", "JPEG", "JPEG", "JPEG", "JPEG", "PNG", "WEBP", "LOSSLESS", "AVIF", "AVIF")


def pictures(seed: int, count: int) -> Iterator[tuple[Image.Image, random.Random]]:
    """Cut pictures of 300 to 900 pixels from photographs, and draw receipts; each comes with its own chance."""
    chance = random.Random(seed)
    known = [picture for name, picture in photographs() if name not in FLAT]
    for _ in range(count):
        if chance.random() < 0.15:
            yield receipt(chance.randrange(9), chance), chance
            continue
        picture = chance.choice(known)
        width = chance.randint(380, min(900, picture.width)) if picture.width > 380 else picture.width
        height = chance.randint(300, min(800, picture.height)) if picture.height > 300 else picture.height
        x, y = chance.randint(0, picture.width - width), chance.randint(0, picture.height - height)
        yield picture.crop((x, y, x + width, y + height)), chance


def original(picture: Image.Image, chance: random.Random) -> bytes:
    """Save a picture as a camera or a scanner would."""
    if chance.random() < 0.2:
        return encode(picture, "PNG", compress_level=1)
    return encode(picture, "JPEG", quality=chance.choice((88, 90, 92, 95, 97)), subsampling=chance.choice((0, 2)))


def honest(picture: Image.Image, chance: random.Random) -> tuple[bytes, bytes, str]:
    """Give an original and an honest copy: recompressed, scaled to 25 % to 150 %, in another format; and its name."""
    first = original(picture, chance)
    source = picture if chance.random() < 0.5 else Image.open(io.BytesIO(first)).convert("RGB")
    scale = chance.choice((*SCALES, chance.uniform(0.25, 1.5)))
    how = chance.choice(FILTERS)
    size = (max(32, round(source.width * scale)), max(32, round(source.height * scale)))
    copy = source.resize(size, how) if size != source.size else source
    codec, quality = chance.choice(CODECS), chance.randint(30, 95)
    options: dict = {
        "JPEG": {"quality": quality, "subsampling": chance.choice((0, 1, 2)), "progressive": chance.random() < 0.3},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": quality},
        "LOSSLESS": {"lossless": True},
        "AVIF": {"quality": quality, "speed": 9},
    }[codec]
    second = encode(copy, "WEBP" if codec == "LOSSLESS" else codec, **options)
    return first, second, f"{codec} {quality} at {scale:.2f} by {how.name}"


def changed(kind: str, picture: Image.Image, chance: random.Random) -> tuple[bytes, bytes, int]:
    """Give two savings of a picture that differ in one place, and the place's size in pixels.

    The size is 1 % of the width to 3 %, and at least 12 pixels; what is blurred is 3 to 7 % of the width.
    """
    least = max(12, round(picture.width * 0.01))
    size = chance.randint(least, 3 * least)
    one, other = CHANGES[kind](picture, size, chance)
    quality, sampling = chance.randint(60, 95), chance.choice((0, 2))
    return original(one, chance), encode(other, "JPEG", quality=quality, subsampling=sampling), size


def _place(
    picture: Image.Image, width: int, height: int, chance: random.Random, contrast: float = 0
) -> tuple[int, int]:
    """Choose a place; with `contrast`, one of twenty that has most of it, or the first with as much."""
    grey, best = np.asarray(picture.convert("L"), float), (-1.0, 0, 0)
    for _ in range(60 if contrast else 1):
        x, y = chance.randrange(max(1, picture.width - width)), chance.randrange(max(1, picture.height - height))
        best = max(best, (float(grey[y : y + height, x : x + width].std()), x, y))
        if best[0] >= contrast:
            break
    return best[1:]


def _figures(count: int, all_new: bool = False) -> Callable:
    def change(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
        font = ImageFont.load_default(size)
        first = [chance.choice("0123456789") for _ in range(count)]
        second = list(first)
        for at in range(count) if all_new else [chance.randrange(count)]:
            second[at] = chance.choice([figure for figure in "0123456789" if figure != first[at]])
        width, height = int(font.getbbox("0" * count)[2]) + 8, size + 6
        x, y = _place(picture, width, height, chance)
        ink, paper = chance.choice((((20, 20, 20), (240, 240, 235)), ((255, 255, 255), (30, 30, 30)), (None, None)))
        if paper is None:
            dark = np.asarray(picture.convert("L").crop((x, y, x + width, y + height))).mean() < 110
            ink = (250, 210, 40) if dark else (10, 10, 60)
        made = []
        for text in (first, second):
            copy = picture.copy()
            draw = ImageDraw.Draw(copy)
            if paper:
                draw.rectangle((x, y, x + width, y + height), fill=paper)
            draw.text((x + 4, y + 2), "".join(text), fill=ink, font=font)
            made.append(copy)
        return made[0], made[1]

    return change


def _paid(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    """Lay a word over it as a pattern whose mean is nought."""
    size = max(size, 24)
    x, y = _place(picture, 3 * size, size, chance, 12)
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).text((x, y), chance.choice(("PAID", "VOID")), fill=255, font=ImageFont.load_default(size))
    rows, columns = np.mgrid[0 : picture.height, 0 : picture.width]
    pattern = np.where((columns // 2 + rows // 2) % 2 == 0, 40.0, -40.0) * np.asarray(mask) / 255
    return picture, Image.fromarray(np.clip(np.asarray(picture) + pattern[..., None], 0, 255).astype(np.uint8))


def _red_green(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    x, y = _place(picture, size, size, chance)
    one, other = picture.copy(), picture.copy()
    for copy, colour in ((one, (200, 60, 60)), (other, (20, 138, 40))):  # of equal luma
        ImageDraw.Draw(copy).rectangle((x, y, x + size - 1, y + size - 1), fill=colour)
    return one, other


def _blurred(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    """Blur what shows something: a name is written where the picture shows nothing that a blur would hide."""
    size = max(size, round(picture.width * chance.uniform(0.03, 0.07)))
    x, y = _place(picture, size, size, chance, 20)
    one, box = picture.copy(), (x, y, x + size, y + size)
    blurred = one.crop(box).filter(ImageFilter.GaussianBlur(max(3, size / 6)))
    if np.std(np.asarray(blurred, float) - np.asarray(one.crop(box))) < 6:
        font = ImageFont.load_default(max(12, size // 2))
        ImageDraw.Draw(one).text((x + 2, y + 2), "Lee", fill=chance.choice(((240,) * 3, (20,) * 3)), font=font)
        blurred = one.crop(box).filter(ImageFilter.GaussianBlur(max(3, size / 6)))
    other = one.copy()
    other.paste(blurred, box)
    return one, other


def _face(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    x, y = _place(picture, size, size, chance, 12)
    left, top = _place(picture, size, size, chance, 12)
    other = picture.copy()
    cut = picture.crop((left, top, left + size, top + size))
    other.paste(cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(180), (x, y))
    return picture, other


def _dot(picture: Image.Image, size: int, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    x, y = _place(picture, 2 * size, size, chance)
    colour, made = chance.choice(((220, 30, 30), (20, 20, 20), (240, 240, 60))), []
    for shift in (0, max(4, size // 2)):
        copy = picture.copy()
        box = (x + shift, y, x + shift + size, y + size)
        ImageDraw.Draw(copy).ellipse(box, fill=colour, outline=(255, 255, 255))
        made.append(copy)
    return made[0], made[1]


CHANGES: dict[str, Callable] = {
    "licence plate": _figures(6),
    "seat number": _figures(3),
    "archive number": _figures(8),
    "date stamp": _figures(10, all_new=True),
    "PAID": _paid,
    "red to green": _red_green,
    "blurred": _blurred,
    "another face": _face,
    "data point": _dot,
}


def shown(data: bytes) -> Shown:
    """Decode a file as the comparison takes it."""
    image = Image.open(io.BytesIO(data))
    steps = None
    if image.format == "JPEG":
        table = read_header(data).luma_table
        steps = table[1] if table else None
    return Shown(image.convert("RGB"), steps, image.mode in ("P", "1"))
