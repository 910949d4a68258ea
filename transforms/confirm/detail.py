"""Tell which of two copies promises more detail than it has: a blow-up beside what it was made of, a blurred frame.

Pixels don't say it. Of two pictures that lie over each other, two things do. A larger one that shows nothing beyond
what the smaller one holds is its blow-up, whatever it was enlarged by. And of two of one size, one is a blurred copy
where its finest detail follows from the other's by a filter, and the other's doesn't follow from its own: a sharpened
copy follows both ways, and noise, dots and the marks of an encoder neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from mirrorfold.transforms.confirm.place import Place
from mirrorfold.transforms.confirm.register import WHOLE, Box, blur, cut

WINDOW = 1_024
"""Pixels of the side of what is looked at: the part that has most detail of a larger picture."""
SMALLEST = 48
"""Pixels of the shorter side below which nothing is told."""
ENLARGED = 1.15
"""Times the smaller one's width from which the larger one's finest detail lies beyond the smaller one's."""
BEYOND, BEYOND_DITHER = 0.04, 0.25
"""Energy beyond the smaller one, as a share of that in its finest octave, up to which it is a blow-up: photographs have
.1 to 1.6, soft ones .06 to .4, blow-ups .001 to .02; and of a palette's, which adds dither."""
CODED, MOST_CODED = 1.6, 0.4
"""The same for a JPEG, whose quantisation adds to it: times what its tables add to a blow-up by that filter (blow-ups
.8 to 1.4, soft photographs 2.1 to 25), and the share."""
ROUNDED, LOST = 0.8, 4.0
"""Of one that is larger by less than that: squared levels of rounding, and of another decoder of the JPEG, up to which
it is the smaller one, resized; and times as much that the way there and back loses where there is detail to tell by."""
PATTERN = 6.0
"""Energy beyond, as the same share, that no photograph has: dots of a print or of a dither."""
SHARPER = 1.15
"""Times the blurred one's second octave that the other has of what both show: 1.2 to 2.8. A coarsely coded copy, whose
block edges pass for detail, has less of it than the original, .3 to 1."""
GAPS, LESS, FOLLOWS = (0.08, 0.1), 0.87, 0.3
"""Of two of one size, in the finest octave or the next: by how much better the blurred one follows (a sharpened one
does by .01, of soft pictures by .09), its detail's share of the other's, and how well."""
EDGE = 4
MOST_WRITTEN, RINGS = 0.15, 6
"""Share of the picture up to which a place that differs is left out, and pixels around it that it rings into."""
FLOOR = 0.05
"""Squared levels that rounding to whole ones adds."""
ENLARGERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


class Side(NamedTuple):
    """One picture: its luma, mode L; the 64 luma steps in zigzag order, () or None where there are none."""

    luma: Image.Image
    steps: tuple[int, ...] | None
    few_levels: bool = False
    """Of few colours, a palette's or two: what it has of fine detail is dither."""


def softer(large: Side, small: Side, box: Box, written: Place | None = None) -> tuple[bool, bool]:
    """Tell of the larger and of the smaller picture whether it has less detail than its pixels promise.

    Args:
      large, small: upright; large has at least as many pixels.
      box: the part of the large one that the small one shows (`register.lay_over`).
      written: a place, in pixels of the small one, where the two differ: words over one of them are no detail of its.
    """
    if min(small.luma.size) < SMALLEST:
        return False, False
    if written is not None and is_words(written, small.luma.size):
        large, small = _without(large, small, box, written)
    if large.luma.width >= ENLARGED * small.luma.width:
        return _is_enlarged(large, small, box), False
    a, b = _windows(large.luma, small.luma, box)
    enlarged = large.luma.size != small.luma.size and _is_resampled(large, small, box)
    return enlarged or (_is_blurred(a, b) and not small.few_levels), large.luma.size == small.luma.size and (
        _is_blurred(b, a) and not large.few_levels
    )


def is_words(place: Place | None, size: tuple[int, int]) -> bool:
    """Tell whether a place where two pictures of this size differ is small enough for words over one of them."""
    return place is not None and place.w * place.h <= MOST_WRITTEN * size[0] * size[1]


def _without(large: Side, small: Side, box: Box, place: Place) -> tuple[Side, Side]:
    """Give both with the same soft ground where a place lies, without an edge around it."""
    mask = Image.new("L", small.luma.size)
    mask.paste(255, (place.x - RINGS, place.y - RINGS, place.x + place.w + RINGS, place.y + place.h + RINGS))
    mask = mask.filter(ImageFilter.GaussianBlur(RINGS / 2))
    ground = small.luma.filter(ImageFilter.GaussianBlur(RINGS))
    plain = Image.composite(ground, small.luma, mask)
    if large.luma.size != small.luma.size or box != WHOLE:
        area = [
            edge / (box[at % 2 + 2] - box[at % 2]) for at, edge in enumerate((-box[0], -box[1], 1 - box[0], 1 - box[1]))
        ]
        back = Box(*area)
        ground, mask = (cut(layer, back, large.luma.size) for layer in (ground, mask))
    return large._replace(luma=Image.composite(ground, large.luma, mask)), small._replace(luma=plain)


def _is_enlarged(large: Side, small: Side, box: Box) -> bool:
    """Tell a blow-up: nothing beyond what the smaller picture, enlarged by any filter, shows; or a pattern of dots."""
    part, area = _part(large.luma, small.luma)
    left, top, right, bottom = map(round, area)
    inner = small.luma.crop((left, top, right, bottom))
    size = inner.size
    finest = float(np.square(_beyond(plane_of(inner), (max(8, size[0] // 2), max(8, size[1] // 2)))).mean()) + FLOOR
    shown = plane_of(part)
    if float(np.square(_beyond(shown, size)).mean()) > PATTERN * finest and not small.few_levels:
        return True
    if box != WHOLE:
        return False  # it was cut, and a tenth of a pixel isn't close enough
    source = _image(plane_of(small.luma))
    made = [*_enlarged(source, part.size, area), _repeated(shown, size)]
    shares = [float(np.square(_beyond(shown - one, size)).mean()) / finest for one in made]
    if min(shares) <= (BEYOND_DITHER if large.few_levels else BEYOND):
        return True
    return any(
        share <= MOST_CODED and share * finest <= CODED * _coding(one, large.steps, size)
        for share, one in zip(shares, made, strict=True)
    )


def _is_resampled(large: Side, small: Side, box: Box) -> bool:
    """Tell a picture that was enlarged by a little: the smaller one, resized, but for what rounding and coding do.

    A smaller copy, enlarged again, isn't its original.
    """
    if box != WHOLE:
        return False
    part, area = _part(large.luma, small.luma)
    shown, source = plane_of(part), _image(plane_of(small.luma))
    left, top, right, bottom = map(round, area)
    inner = plane_of(small.luma.crop((left, top, right, bottom)))
    for how, made in zip(ENLARGERS, _enlarged(source, part.size, area), strict=True):
        coding = float(np.square(quantised(made, large.steps)).mean()) if large.steps else 0.0
        allowed = ROUNDED + CODED * coding
        apart = (shown - made)[EDGE:-EDGE, EDGE:-EDGE]  # what lies beyond a part's edge is left out
        if float(np.square(apart).mean()) > allowed:
            continue
        back = _image(inner).resize(part.size, how).resize(inner.shape[::-1], how)
        if float(np.square(np.asarray(back) - inner).mean()) > LOST * allowed:
            return True
    return False


def _enlarged(
    source: Image.Image, size: tuple[int, int], area: tuple[float, float, float, float]
) -> Iterator[np.ndarray]:
    for how in ENLARGERS:
        yield np.asarray(source.resize(size, how, area))


def _repeated(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Give what repeating pixels would make of its own: the smaller file's may have been coded since."""
    held = _image(plane).resize(size, Image.Resampling.BOX)
    return np.asarray(held.resize(plane.shape[::-1], Image.Resampling.NEAREST))


def _part(large: Image.Image, small: Image.Image) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Choose the part of the large picture that has most detail, and say where it lies in the small one."""
    scale = small.width / large.width, small.height / large.height
    x, y = richest(small, (round(WINDOW * scale[0]), round(WINDOW * scale[1])))
    left, top = round(x / scale[0]), round(y / scale[1])
    right, bottom = min(large.width, left + WINDOW), min(large.height, top + WINDOW)
    area = (left * scale[0], top * scale[1], right * scale[0], bottom * scale[1])
    return large.crop((left, top, right, bottom)), area


def richest(image: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    """Give the upper left corner of the richest of nine windows; nought where the picture is no larger."""
    rooms = [max(0, side - part) for side, part in zip(image.size, size, strict=True)]
    corners = [(rooms[0] * i // 2, rooms[1] * j // 2) for j in range(3) for i in range(3)]

    def detail(corner: tuple[int, int]) -> int:
        pixels = np.asarray(image.crop((*corner, corner[0] + size[0], corner[1] + size[1])), np.int32)
        return int(np.abs(np.diff(pixels, axis=0)).sum() + np.abs(np.diff(pixels, axis=1)).sum())

    return max(dict.fromkeys(corners), key=detail) if any(rooms) else (0, 0)


def _windows(large: Image.Image, small: Image.Image, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Give both at the small one's size, the richest window of them."""
    if large.size != small.size or box != WHOLE:
        area = (box.left * large.width, box.top * large.height, box.right * large.width, box.bottom * large.height)
        area = (max(0, area[0]), max(0, area[1]), min(large.width, area[2]), min(large.height, area[3]))
        large = large.resize(small.size, Image.Resampling.BICUBIC, area)
    x, y = richest(small, (WINDOW, WINDOW))
    corner = (x, y, min(small.width, x + WINDOW), min(small.height, y + WINDOW))
    return plane_of(large.crop(corner)), plane_of(small.crop(corner))


def _is_blurred(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether `a` is a blurred copy of `b`."""
    of_a, of_b = _bands(a), _bands(b)
    if float(np.square(of_b[0]).mean()) < FLOOR or _slope(of_a[1], of_b[1]) < SHARPER:
        return False
    return any(_is_filtered(of_a, of_b, octave, gap) for octave, gap in enumerate(GAPS))


def _is_filtered(of_a: list[np.ndarray], of_b: list[np.ndarray], octave: int, gap: float) -> bool:
    """Tell whether an octave of `a` is a filter's of `b`, and that of `b` none of `a`."""
    energy_a, energy_b = (float(np.square(bands[octave]).mean()) for bands in (of_a, of_b))
    if energy_a > LESS**2 * energy_b:
        return False
    follows = _follows(of_a[octave], of_b)
    return follows >= FOLLOWS and follows - _follows(of_b[octave], of_a) >= gap


def _slope(a: np.ndarray, b: np.ndarray) -> float:
    """Give how much `b` has of what `a` shows, as a multiple of it: what only one of them has counts for nothing."""
    return float((a * b).sum() / max(float(np.square(a).sum()), 1e-6))


def _bands(plane: np.ndarray) -> list[np.ndarray]:
    first = blur(plane)
    second = blur(first, 2)
    return [plane - first, first - second, second - blur(second, 4)]


def _follows(target: np.ndarray, bands: list[np.ndarray]) -> float:
    """Give the share of a band's energy that a filter of the other picture's bands explains."""
    rows = np.stack([band.ravel() for band in bands]).astype(np.float64)
    wanted = target.ravel().astype(np.float64)
    found = np.linalg.solve(rows @ rows.T + 1e-6 * np.eye(len(rows)), rows @ wanted)
    return float(1 - np.square(wanted - found @ rows).sum() / np.square(wanted).sum())


def plane_of(image: Image.Image) -> np.ndarray:
    """Give a picture's levels, float32 (H, W)."""
    return np.asarray(image, dtype=np.float32)


def _image(plane: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(plane, np.float32))


def _beyond(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Give what of a picture one of another size wouldn't hold."""
    whole = _image(plane)
    held = whole.resize(size, Image.Resampling.LANCZOS).resize(whole.size, Image.Resampling.LANCZOS)
    return plane - np.asarray(held)


def _coding(plane: np.ndarray, steps: tuple[int, ...] | None, size: tuple[int, int]) -> float:
    """Give the energy that a JPEG's quantisation would put beyond a picture that holds nothing there."""
    return float(np.square(_beyond(quantised(plane, steps), size)).mean()) if steps else 0.0


def quantised(plane: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """Give what a JPEG's quantisation takes from whole blocks, float32 (H // 8 * 8, W // 8 * 8).

    Args:
      steps: 64, in zigzag order.
    """
    rows, columns = plane.shape[0] // 8 * 8, plane.shape[1] // 8 * 8
    blocks = plane[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2) - 128
    flat = np.zeros(64)
    flat[_ZIGZAG] = steps
    table = flat.reshape(8, 8)
    coefficients = _BASIS @ blocks @ _BASIS.T
    lost = _BASIS.T @ (np.round(coefficients / table) * table - coefficients) @ _BASIS
    return lost.swapaxes(1, 2).reshape(rows, columns).astype(np.float32)


_X = np.arange(8)
_BASIS = np.cos((2 * _X[None, :] + 1) * _X[:, None] * np.pi / 16) * np.where(_X == 0, np.sqrt(0.125), 0.5)[:, None]
_ZIGZAG = [
    8 * v + u
    for v, u in sorted(((v, u) for v in range(8) for u in range(8)), key=lambda p: (sum(p), p[sum(p) % 2 == 0]))
]
"""Row-by-row index of each coefficient in zigzag order."""
