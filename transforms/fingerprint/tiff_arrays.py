"""TIFF images as arrays, through tifffile: deep samples, planes, and codecs that neither Pillow nor libtiff has."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.ifd import Directory
from mirrorfold.transforms.fingerprint.samples import Meaning

if TYPE_CHECKING:
    import tifffile

MIN_SAMPLE, MAX_SAMPLE, S_MIN_SAMPLE, S_MAX_SAMPLE, GDAL_NODATA = 280, 281, 340, 341, 42113
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, RGB, PALETTE, YCBCR, CIELAB, ICCLAB = 0, 2, 3, 6, 8, 9
EXTRA_SAMPLES, UNSPECIFIED, ASSOCIATED = 338, 0, 1


def open_page(data: bytes) -> tifffile.TiffPage:
    """Open the first directory of a TIFF.

    Raises:
      DecodeError: `corrupt` where it has none.
    """
    import tifffile

    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    if not isinstance(page, tifffile.TiffPage):
        raise DecodeError("corrupt", "TIFF: no readable directory")
    return page


def unknown_codec(compression: int) -> DecodeError | None:
    """Give the failure of a compression that nobody has registered; None for others."""
    import tifffile

    if compression in {int(known) for known in tifffile.COMPRESSION}:
        return None
    return DecodeError("unsupported", f"TIFF: compression {compression} has no decoder here")


def decode_array(data: bytes) -> np.ndarray:
    """Decode the first directory: (H, W) or (H, W, samples), in the file's own number type.

    Raises:
      DecodeError: `unsupported` for a codec that isn't here; whatever tifffile raises on hostile bytes.
    """
    page = open_page(data)
    try:
        pixels = page.asarray(maxworkers=1)
    except (ImportError, KeyError) as error:
        raise DecodeError("unsupported", f"TIFF: compression {int(page.compression)} has no decoder here") from error
    return _flat(pixels, page)


def _flat(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Bring the axes to rows, columns, samples; a volume shows its first plane."""
    axes = page.axes
    if len(axes) != pixels.ndim:
        pixels = np.squeeze(pixels)
        axes = axes[-pixels.ndim :]
    for name in [name for name in axes if name not in "YXS"]:
        pixels = pixels.take(0, axes.index(name))
        axes = axes.replace(name, "", 1)
    if "S" in axes:
        pixels = np.moveaxis(pixels, axes.index("S"), -1)
    if pixels.ndim not in (2, 3):
        raise DecodeError("unsupported", f"TIFF: an image of {pixels.ndim} dimensions")
    if page.photometric == PALETTE and page.colormap is not None and pixels.ndim == 2:
        return page.colormap.T[np.minimum(pixels, page.colormap.shape[1] - 1)]
    return pixels


def colours_of(pixels: np.ndarray, directory: Directory) -> np.ndarray:
    """Leave out a sample of which the file says that it means nothing: it is no opacity."""
    colours = 3 if directory.number(PHOTOMETRIC, 1) == RGB else 1
    meant = directory.numbers(EXTRA_SAMPLES)[:1] != (UNSPECIFIED,) or directory.number(PHOTOMETRIC, 1) > RGB
    return pixels if pixels.ndim < 3 or meant or pixels.shape[2] != colours + 1 else pixels[:, :, :colours]


def meaning_of(directory: Directory) -> Meaning:
    """Read what a directory says of its samples."""
    low, high = _stated(directory, S_MIN_SAMPLE, S_MAX_SAMPLE)
    if low is None:
        low, high = _stated(directory, MIN_SAMPLE, MAX_SAMPLE)
    return Meaning(
        bits=_odd_bits(directory),
        inverted=directory.number(PHOTOMETRIC, 1) == WHITE_IS_ZERO,
        low=low,
        high=high,
        nodata=_nodata(directory),
        associated=directory.numbers(EXTRA_SAMPLES)[:1] == (ASSOCIATED,),
    )


def _odd_bits(directory: Directory) -> int:
    bits = directory.number(BITS, 1)
    return bits if bits not in (1, 8, 16, 32, 64) and 1 < bits < 64 else 0


def _stated(directory: Directory, low: int, high: int) -> tuple[float | None, float | None]:
    """Give the stated range, where it is one: many writers state the range of the type, which says nothing."""
    least, most = directory.numbers(low), directory.numbers(high)
    if not most:
        return None, None
    bottom, top = float(min(least)) if least else 0.0, float(max(most))
    full = float(2 ** min(64, max(1, directory.number(BITS, 8))) - 1)
    if not bottom < top or top - bottom >= full / 2 or not np.isfinite([bottom, top]).all():
        return None, None
    return bottom, top


def _nodata(directory: Directory) -> float | None:
    try:
        return float(directory.text(GDAL_NODATA) or "")
    except ValueError:
        return None
