"""Samples of any kind to the eight bits that the canonical picture is made of: the one place that decides how.

In this order: what the file says of its samples (photometric interpretation, sample format, least and largest value,
value for no data), then the range that its numbers plainly fill, then their robust range. The same holds for a whole
and for a reduced read, as percentiles hardly move when a picture is reduced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

WHITE_IS_ZERO = 0
FULL_SHARE = 16
"""A picture fills a range if its light parts reach a 16th of it, and lie that far from the dark ones, or in the upper
half as paper does: then at least 16 of 256 levels are used, or it is meant to be nearly white."""

_SAMPLED = 1 << 18
"""Samples that percentiles are taken of: a regular grid over the picture."""
_LOW, _HIGH = 0.1, 99.9
_NARROWER = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_FOURTEEN = 16383.0
"""White of 14 bits in 16, as sensors give them: taken for it where their upper half is used and nothing above."""
_NOMINAL_FLOATS = ((1.0, 16), (255.0, 4), (65535.0, 2))
"""Whites of floats, and the part of each that the light parts must reach."""
_OVERSHOOT = 1.6
"""Floats are taken for parts of 1 (of 255, of 65535) up to this much above it: light that was clipped by nobody."""


@dataclass(frozen=True)
class Meaning:
    """What a file says of its samples.

    Attributes:
      bits: of each sample as declared; 0 takes the array's own.
      inverted: the least number is the lightest, as in TIFF's WhiteIsZero.
      linear: numbers are amounts of light, as in OpenEXR; shown through sRGB's curve.
      low, high: the stated range; None where nothing is stated.
      nodata: the number that stands for no picture at all.
      associated: colours are multiplied with their opacity, as in OpenEXR and TIFF's ExtraSamples 1.
    """

    bits: int = 0
    inverted: bool = False
    linear: bool = False
    low: float | None = None
    high: float | None = None
    nodata: float | None = None
    associated: bool = False


PLAIN = Meaning()


def to_bytes(pixels: np.ndarray, meaning: Meaning = PLAIN) -> np.ndarray:
    """Bring samples of any number type to uint8, of the same shape."""
    if pixels.dtype.kind == "c":
        pixels = np.abs(pixels)  # how much, whatever the phase
    if meaning.inverted and _counts_down(pixels, meaning):
        return to_bytes(_full(pixels, meaning) - pixels, replace(meaning, inverted=False))
    if pixels.dtype == np.bool_:
        shown = pixels.astype(np.uint8) * np.uint8(255)
    elif pixels.dtype == np.uint8 and meaning.bits in (0, 8):
        shown = pixels
    elif _fills(pixels, meaning):
        shown = (pixels >> 8).astype(np.uint8)  # the high byte: what every converter gives
    else:
        low, high = value_range(pixels, meaning)
        shown = _scale(pixels, low, high, meaning.linear)
    return 255 - shown if meaning.inverted else shown


def _fills(pixels: np.ndarray, meaning: Meaning) -> bool:
    if pixels.dtype != np.uint16 or meaning.bits not in (0, 16):
        return False
    return value_range(pixels, meaning) == (0.0, 65535.0)


def _full(pixels: np.ndarray, meaning: Meaning) -> np.generic:
    return pixels.dtype.type(2 ** (meaning.bits or 8 * pixels.dtype.itemsize) - 1)


def _counts_down(pixels: np.ndarray, meaning: Meaning) -> bool:
    """Tell whether inverted numbers are few bits' worth counted down from the type's largest, which is black."""
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize == 1 or meaning.high is not None or not pixels.size:
        return False
    return _robust(_grid(pixels))[0] > float(_full(pixels, meaning)) / 2


def value_range(pixels: np.ndarray, meaning: Meaning) -> tuple[float, float]:
    """Give the numbers that are shown as black and as white."""
    if meaning.low is not None and meaning.high is not None and meaning.low < meaning.high:
        return meaning.low, meaning.high
    found = _grid(pixels)
    found = found[np.isfinite(found)] if found.dtype.kind == "f" else found
    if meaning.nodata is not None:
        found = found[found != meaning.nodata]
    if pixels.dtype.kind in "if":
        found = _without_marker(found)
    if not found.size:
        return 0.0, 1.0
    low, high = _robust(found)
    nominal = _nominal(pixels.dtype, meaning.bits, float(found.max()), low, high)
    if nominal is not None:
        return 0.0, nominal
    if low == high:
        low, high = float(found.min()), float(found.max())
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _nominal(dtype: np.dtype, bits: int, most: float, low: float, high: float) -> float | None:
    """Give the white of a range that these numbers plainly fill from zero on; None for measurements of another kind."""
    if dtype.kind == "u":
        full = float(2 ** (bits or 8 * dtype.itemsize) - 1)
        narrower = tuple(top for top in _NARROWER if top < full)
        of_fourteen = full == 65535.0 and most <= _FOURTEEN < 2 * high
        tops = narrower if of_fourteen else (full, *narrower)
        return next((top for top in tops if _is_filled(low, high, top)), None)
    if dtype.kind == "f" and low > -0.5 * (_OVERSHOOT - 1):
        return next((top for top, share in _NOMINAL_FLOATS if top / share < high <= top * _OVERSHOOT), None)
    return None


def _is_filled(low: float, high: float, top: float) -> bool:
    share = top / FULL_SHARE
    return share < high <= top and (high - low > share or high > top / 2)


def _grid(pixels: np.ndarray) -> np.ndarray:
    """Give some of the samples, spread evenly over rows and columns."""
    step = max(1, int((pixels.shape[0] * pixels.shape[1] / _SAMPLED) ** 0.5)) if pixels.ndim > 1 else 1
    return pixels[::step, ::step].ravel() if pixels.ndim > 1 else pixels.ravel()


def _robust(found: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(found, (_LOW, _HIGH), method="nearest")
    return float(low), float(high)


def _without_marker(found: np.ndarray) -> np.ndarray:
    """Leave out a least or largest number that lies further off than the others lie apart: it marks missing data."""
    for extreme in (np.min, np.max):
        if found.size < 2:
            break
        marker = extreme(found)
        others = found[found != marker]
        if others.size and abs(float(marker) - float(others.mean())) > 2.0 * max(1e-9, float(np.ptp(others))):
            found = others
    return found


@cache
def _curve() -> np.ndarray:
    light = np.arange(4096) / 4095.0
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.floor(255.0 * shown + 0.5).astype(np.uint8)


def _scale(pixels: np.ndarray, low: float, high: float, linear: bool) -> np.ndarray:
    top = 4095.0 if linear else 255.0
    kind = np.float32 if pixels.dtype.itemsize <= 2 or pixels.dtype == np.float32 else np.float64
    values: np.ndarray = np.subtract(pixels, kind(low), dtype=kind)
    np.multiply(values, kind(top / (high - low)), out=values)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=top, neginf=0.0)
    np.clip(values, 0.0, top, out=values)
    return _curve()[values.astype(np.uint16)] if linear else values.astype(np.uint8)


def used_bits(pixels: np.ndarray) -> int:
    """Tell how many bits of each sample say something: 8 for 8 bits spread over 16, 12 for 12 bits in 16, and so on.

    Floats use all of theirs.
    """
    if pixels.dtype.kind in "fc":
        return 8 * pixels.dtype.itemsize
    if pixels.dtype == np.bool_:
        return 1
    if pixels.dtype.itemsize == 1:
        return 8
    found = _grid(pixels)
    if not found.size:
        return 8 * pixels.dtype.itemsize
    if pixels.dtype == np.uint16:
        for bits in (8, 10, 12, 14):
            kept = found >> (16 - bits)
            if np.array_equal(found, kept << (16 - bits)) or np.array_equal(found, _spread(kept, bits)):
                return bits
    needed = (int(found.max()) - min(0, int(found.min()))).bit_length()
    return next(bits for bits in (8, 10, 12, 14, 16, 24, 32, 64) if needed <= bits)


def _spread(values: np.ndarray, bits: int) -> np.ndarray:
    """Widen to 16 bits as converters do: by repeating the high bits in the low ones."""
    return (values << (16 - bits)) | (values >> (2 * bits - 16))
