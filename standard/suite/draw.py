"""Change pictures by whole numbers alone, so that no build of numpy, and no CPU, gives another pixel.

Pictures are uint8 arrays (H, W, 3) or (H, W). Sums run as float64 products of whole numbers below 2**53: exact in any
order, so that a BLAS may add as it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ONE = 1 << 16


def _weights(given: int, wanted: int) -> tuple[np.ndarray, int]:
    """Give whole-number weights (wanted, given) and their sum: by area to fewer samples, straight lines to more."""
    out = np.zeros((wanted, given))
    if wanted <= given:
        for i in range(wanted):
            for j in range(i * given // wanted, min(given, -(-(i + 1) * given // wanted))):
                out[i, j] = min((i + 1) * given, (j + 1) * wanted) - max(i * given, j * wanted)
        return out, given
    for i in range(wanted):
        place = (2 * i + 1) * given - wanted  # in units of a 2 * wanted th of a sample, from the first one's middle
        low, rest = divmod(place, 2 * wanted)
        out[i, min(max(low, 0), given - 1)] += 2 * wanted - rest
        out[i, min(max(low + 1, 0), given - 1)] += rest
    return out, 2 * wanted


_cached = cache(_weights)


def scaled(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scale to a size."""
    down, of_down = _cached(picture.shape[0], height)
    across, of_across = _cached(picture.shape[1], width)
    planes = picture[..., None] if picture.ndim == 2 else picture
    total = of_down * of_across
    out = [(down @ planes[..., k].astype(np.float64) @ across.T) for k in range(planes.shape[2])]
    whole = (np.stack(out, axis=-1).astype(np.int64) + total // 2) // total
    return whole.astype(np.uint8).reshape(height, width, *picture.shape[2:])


def clipped(values: np.ndarray) -> np.ndarray:
    """Give levels, cut to 0..255."""
    return np.clip(values, 0, 255).astype(np.uint8)


def grey(picture: np.ndarray) -> np.ndarray:
    """Give luma by ITU-R BT.601 in 256ths; uint8 (H, W)."""
    return ((picture.astype(np.int64) @ np.array([77, 150, 29]) + 128) >> 8).astype(np.uint8)


def levels(picture: np.ndarray, gain: int, lift: int) -> np.ndarray:
    """Multiply all levels by gain hundredths around mid-grey, and add."""
    return clipped((picture.astype(np.int64) - 128) * gain // 100 + 128 + lift)


def gamma_table(of: str, to: str) -> np.ndarray:
    """Give the table of levels that turns samples of one gamma into another's; by decimal numbers, so exact."""
    power = Decimal(of) / Decimal(to)
    return np.array([int((Decimal(v) / 255) ** power * 255 + Decimal("0.5")) if v else 0 for v in range(256)], np.uint8)


def warped(picture: np.ndarray, matrix: Sequence[int], ground: int = 255) -> np.ndarray:
    """Sample at x' = a x + b y + c, y' = d x + e y + f, all in 65,536ths, around the middle; bilinear."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.int64)
    a, b, c, d, e, f = matrix
    mid_x, mid_y = (width - 1) * ONE // 2, (height - 1) * ONE // 2
    u = a * x + b * y + c + mid_x - (a * mid_x + b * mid_y) // ONE
    v = d * x + e * y + f + mid_y - (d * mid_x + e * mid_y) // ONE
    inside = (u >= 0) & (v >= 0) & (u < (width - 1) * ONE) & (v < (height - 1) * ONE)
    u, v = np.where(inside, u, 0), np.where(inside, v, 0)
    left, top, p, q = u >> 16, v >> 16, (u & 65535) >> 8, (v & 65535) >> 8
    planes = picture.astype(np.int64).reshape(height, width, -1)
    p, q = p[..., None], q[..., None]
    upper = planes[top, left] * (256 - p) + planes[top, left + 1] * p
    lower = planes[top + 1, left] * (256 - p) + planes[top + 1, left + 1] * p
    out = (upper * (256 - q) + lower * q + 32768) >> 16
    out = np.where(inside[..., None], out, ground)
    return out.astype(np.uint8).reshape(picture.shape)


def turned(picture: np.ndarray, sine: int, cosine: int, ground: int = 255) -> np.ndarray:
    """Turn around the middle by an angle given as sine and cosine in 65,536ths."""
    return warped(picture, (cosine, -sine, 0, sine, cosine, 0), ground)


@cache
def _mask(text: str, scale: int) -> np.ndarray:
    font = ImageFont.load_default_imagefont()  # a bitmap font, stored in Pillow: no rasteriser is asked
    right, bottom = font.getbbox(text)[2:]
    canvas = Image.new("L", (max(1, int(right)), max(1, int(bottom))), 0)
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=font)
    marked = (np.asarray(canvas) > 127).astype(np.int64)
    return np.repeat(np.repeat(marked, scale, axis=0), scale, axis=1)


def write(picture: np.ndarray, at: tuple[int, int], text: str, scale: int, level: int, opacity: int = 256) -> None:
    """Write words into a picture, their upper left corner at (x, y), with an opacity of 256ths."""
    mask = _mask(text, scale)
    x, y = at
    part = picture[y : y + mask.shape[0], x : x + mask.shape[1]]
    share = mask[: part.shape[0], : part.shape[1]] * opacity
    share = share[..., None] if picture.ndim == 3 else share
    part[...] = (part.astype(np.int64) * (256 - share) + level * share + 128) >> 8


def cover(picture: np.ndarray, box: tuple[int, int, int, int], colour: Sequence[int], opacity: int, oval: bool) -> None:
    """Lay a rectangle or an oval of a colour over (x, y, width, height)."""
    x, y, width, height = box
    part = picture[y : y + height, x : x + width]
    j, i = np.mgrid[: part.shape[0], : part.shape[1]].astype(np.int64)
    within = np.ones(part.shape[:2], bool)
    if oval:
        within = ((2 * i + 1 - width) * height) ** 2 + ((2 * j + 1 - height) * width) ** 2 <= (width * height) ** 2
    share = np.where(within, opacity, 0)[..., None]
    part[...] = (part.astype(np.int64) * (256 - share) + np.array(colour, np.int64) * share + 128) >> 8


def coarsened(picture: np.ndarray, box: tuple[int, int, int, int], side: int) -> np.ndarray:
    """Make (x, y, width, height) unreadable by squares of one colour."""
    x, y, width, height = box
    out = picture.copy()
    few = scaled(picture[y : y + height, x : x + width], max(1, width // side), max(1, height // side))
    rows = np.arange(height) * few.shape[0] // height
    out[y : y + height, x : x + width] = few[rows][:, np.arange(width) * few.shape[1] // width]
    return out
