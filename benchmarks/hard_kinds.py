"""Twenty-two kinds of copies that archives hold, each at three strengths: what `quality_hard.py` makes of a picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from quality_strengths import marked, tiled_marks

Make = Callable[[Image.Image, float, np.random.Generator], Image.Image]
WHITE, BLACK = (255, 255, 255), (8, 8, 8)


def squeezed(picture: Image.Image, share: float, _) -> Image.Image:
    """Scale the width alone."""
    return picture.resize((round(picture.width * share), picture.height), Image.Resampling.LANCZOS)


def framed(picture: Image.Image, share: float, chance: np.random.Generator) -> Image.Image:
    """Lay a white or black frame around, as wide as a share of the longer side."""
    return ImageOps.expand(picture, round(max(picture.size) * share), WHITE if chance.random() < 0.5 else BLACK)


def letterboxed(picture: Image.Image, share: float, _) -> Image.Image:
    """Add black bars above and below, of a share of the height each."""
    bar = round(picture.height * share)
    return ImageOps.expand(picture, (0, bar), BLACK)


def polaroid(picture: Image.Image, share: float, _) -> Image.Image:
    """Lay a white frame around, four times as wide below."""
    edge = round(picture.width * share)
    return ImageOps.expand(picture, (edge, edge, edge, 4 * edge), (246, 244, 238))


def squared(picture: Image.Image, share: float, _) -> Image.Image:
    """Pad to a square, or to a share of the way to it."""
    across, down = picture.size
    side = max(across, down)
    width, height = (round(length + share * (side - length)) for length in (across, down))
    canvas = Image.new("RGB", (width, height), WHITE)
    canvas.paste(picture, ((width - across) // 2, (height - down) // 2))
    return canvas


def rounded(picture: Image.Image, share: float, _) -> Image.Image:
    """Round the corners off, transparent, with a radius of a share of the shorter side."""
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *picture.size), round(min(picture.size) * share), 255)
    picture = picture.copy()
    picture.putalpha(mask)
    return picture


def cut(picture: Image.Image, share: float, chance: np.random.Generator) -> Image.Image:
    """Keep a share of the area, somewhere."""
    width, height = (round(length * math.sqrt(share)) for length in picture.size)
    left, top = chance.integers(0, picture.width - width + 1), chance.integers(0, picture.height - height + 1)
    return picture.crop((int(left), int(top), int(left) + width, int(top) + height))


def turned(picture: Image.Image, degrees: float, _) -> Image.Image:
    """Turn and keep the largest upright part."""
    angle = math.radians(degrees)
    big = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=False)
    width, height = picture.size
    ratio = max(width, height) / min(width, height)
    share = 1 / (math.cos(angle) + ratio * math.sin(angle))
    across, down = round(width * share), round(height * share)
    left, top = (width - across) // 2, (height - down) // 2
    return big.crop((left, top, left + across, top + down))


def turned_on_white(picture: Image.Image, degrees: float, _) -> Image.Image:
    """Turn on a white ground that shows in the corners."""
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)


def in_page(picture: Image.Image, share: float, chance: np.random.Generator) -> Image.Image:
    """Print on a page with lines of text around; the picture takes a share of the area."""
    width, height = (round(length / math.sqrt(share)) for length in picture.size)
    page = Image.new("RGB", (width, height), (250, 249, 246))
    draw = ImageDraw.Draw(page)
    for top in range(10, height, max(12, height // 40)):
        draw.text((12, top), "the quick brown fox jumps over the lazy dog " * 4, fill=(40, 40, 40), font_size=9)
    left, top = chance.integers(0, width - picture.width + 1), chance.integers(0, height - picture.height + 1)
    page.paste(picture, (int(left), int(top)))
    return page


def screenshot(picture: Image.Image, share: float, _) -> Image.Image:
    """Show in a window: a title bar, a dark frame, and a share of the height below."""
    bar, edge = round(picture.height * share / 2), round(picture.width * share / 4)
    canvas = ImageOps.expand(picture, (edge, bar, edge, bar), (38, 40, 46))
    ImageDraw.Draw(canvas).rectangle((0, 0, canvas.width, bar // 2), fill=(220, 222, 226))
    return canvas


def collage(picture: Image.Image, share: float, _) -> Image.Image:
    """Put beside another picture (the same, blurred and upside down), which takes the rest of the width."""
    other = ImageOps.flip(picture).filter(ImageFilter.GaussianBlur(picture.width / 30))
    width = round(picture.width / share)
    canvas = Image.new("RGB", (width, picture.height))
    canvas.paste(picture, (0, 0))
    canvas.paste(other.resize((width - picture.width, picture.height)), (picture.width, 0))
    return canvas


def captioned(picture: Image.Image, share: float, _) -> Image.Image:
    """Burn a bar with words over the lowest share of the height."""
    picture = picture.copy()
    draw, top = ImageDraw.Draw(picture), round(picture.height * (1 - share))
    draw.rectangle((0, top, *picture.size), fill=(12, 12, 12))
    size = max(8, round(picture.height * share * 0.6))
    draw.text((10, top + 2), "HARBOUR 1957, Photo: A. Lee", fill=(240, 240, 240), font_size=size)
    return picture


def watermarked(picture: Image.Image, opacity: float, chance: np.random.Generator) -> Image.Image:
    """Lay words over the middle or a corner."""
    import random

    return marked(picture, random.Random(int(chance.integers(1 << 30))), 0.1, round(255 * opacity))


def tiled(picture: Image.Image, share: float, _) -> Image.Image:
    """Lay faint words over all of the picture."""
    return Image.blend(picture, tiled_marks(picture), share)


def negative(picture: Image.Image, share: float, _) -> Image.Image:
    """Invert all levels, and press them together."""
    return Image.eval(ImageOps.invert(picture), lambda level: round(128 + (level - 128) * share))


def duotone(picture: Image.Image, share: float, _) -> Image.Image:
    """Colour from a dark brown to cream, by a share."""
    tinted = ImageOps.colorize(ImageOps.grayscale(picture), (52, 28, 12), (250, 236, 205))
    return Image.blend(picture, tinted, share)


def curved(picture: Image.Image, gamma: float, _) -> Image.Image:
    """Lay a strong curve over all levels."""
    return Image.eval(picture, lambda level: round(255 * (level / 255) ** gamma))


def printed(picture: Image.Image, degrees: float, chance: np.random.Generator) -> Image.Image:
    """Print and scan: a turn, some perspective, paler, noise."""
    width, height = picture.size
    shift = math.tan(math.radians(degrees)) * height
    wander = chance.uniform(-0.5, 0.5, 8) * shift * 0.5
    corners = (0, 0, 0, height, width, height, width, 0)
    lean = (shift, 0, 0, -shift * 0.3, -shift * 0.2, shift * 0.2, 0, shift * 0.5)
    quad = tuple(float(c + m + w) for c, m, w in zip(corners, lean, wander, strict=True))
    warped = picture.transform(picture.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=WHITE)
    paler = np.asarray(warped, np.float32) * 0.82 + 24 + chance.normal(0, 5, (height, width, 1))
    return Image.fromarray(np.clip(paler, 0, 255).astype(np.uint8))


def halftone(picture: Image.Image, cell: float, _) -> Image.Image:
    """Screen to black and white dots, as newsprint does."""
    side = round(cell)
    grey = ImageOps.grayscale(picture)
    small = grey.resize((max(1, grey.width // side), max(1, grey.height // side)), Image.Resampling.BOX)
    level = np.asarray(small.resize(grey.size, Image.Resampling.BILINEAR), np.float32)
    y, x = np.mgrid[: grey.height, : grey.width] * (2 * math.pi / side)
    screen = (np.cos(x + y) + np.cos(x - y)) * 64 + 128
    return Image.fromarray(np.where(level > screen, 255, 0).astype(np.uint8)).convert("RGB")


def blown_up(picture: Image.Image, share: float, _) -> Image.Image:
    """Scale down to a share of the sides, up again, and sharpen."""
    small = picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BICUBIC).filter(ImageFilter.SHARPEN)


KINDS: dict[str, tuple[Make, tuple[float, float, float]]] = {
    "squeezed": (squeezed, (0.92, 0.85, 0.75)),
    "widened": (squeezed, (1.05, 1.1, 1.25)),
    "framed": (framed, (0.04, 0.08, 0.12)),
    "letterboxed": (letterboxed, (0.06, 0.12, 0.2)),
    "polaroid": (polaroid, (0.03, 0.05, 0.08)),
    "squared": (squared, (0.5, 0.8, 1.0)),
    "rounded corners": (rounded, (0.06, 0.12, 0.2)),
    "cut to share of area": (cut, (0.8, 0.6, 0.4)),
    "turned by degrees": (turned, (1, 3, 10)),
    "turned on white": (turned_on_white, (1, 3, 10)),
    "in a page": (in_page, (0.8, 0.6, 0.4)),
    "screenshot": (screenshot, (0.1, 0.2, 0.3)),
    "collage": (collage, (0.8, 0.65, 0.5)),
    "captioned": (captioned, (0.05, 0.08, 0.15)),
    "watermarked": (watermarked, (0.3, 0.6, 0.9)),
    "tiled marks": (tiled, (0.5, 0.75, 1.0)),
    "negative": (negative, (1.0, 0.8, 0.6)),
    "duotone": (duotone, (0.5, 0.8, 1.0)),
    "curve of gamma": (curved, (0.7, 0.5, 2.2)),
    "printed and scanned": (printed, (0.5, 1, 2)),
    "halftone": (halftone, (4, 6, 9)),
    "blown up": (blown_up, (0.5, 0.25, 0.15)),
}
