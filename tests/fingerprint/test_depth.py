"""Bits that samples use, beside those declared: of whatever holds more than 8, of whole and of reduced reads."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

from mirrorfold.transforms.fingerprint import read_pillow
from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint.corpora import files
from tests.fingerprint.test_raw import UPRIGHT, camera_raw
from tests.fingerprint.test_sound import psd, taken
from tests.fingerprint.worlds import encode, photo

PHOTO = photo(size=(420, 300))
RGB = np.asarray(PHOTO)
GREY = np.asarray(PHOTO.convert("L"))
FULL = (RGB.astype(np.uint16) << 8) | np.arange(420, dtype=np.uint16)[None, :, None] % 256
SPREAD, TWELVE = RGB.astype(np.uint16) * 257, RGB.astype(np.uint16) * 16


def jp2(pixels: np.ndarray, **options) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2", reversible=True, **options)


def avif(pixels: np.ndarray) -> bytes:
    return imagecodecs.avif_encode(pixels, level=100, speed=10, bitspersample=10)


def ppm(pixels: np.ndarray, top: int) -> bytes:
    height, width = pixels.shape[:2]
    return b"P6\n# made by hand\n%d %d\n%d\n" % (width, height, top) + pixels.astype(">u2").tobytes()


def sgi(pixels: np.ndarray) -> bytes:
    """An uncoded SGI of 16 bits: planes, from the lowest row up."""
    height, width, samples = pixels.shape
    head = struct.pack(">HBBHHHHII4x80sI404x", 474, 0, 2, 3, width, height, samples, 0, 65535, b"", 0)
    return head + np.moveaxis(pixels[::-1], 2, 0).astype(">u2").tobytes()


def pyramid(pixels: np.ndarray) -> bytes:
    """A tiled TIFF with a reduced image of means, which is what is decoded."""
    large = np.asarray(pixels).repeat(4, 0).repeat(4, 1)
    means = sum(large[y::2, x::2].astype(np.uint32) for y in (0, 1) for x in (0, 1)) // 4
    sink = io.BytesIO()
    with tifffile.TiffWriter(sink) as writer:
        writer.write(large, photometric="rgb", tile=(256, 256), metadata=None)
        writer.write(means.astype(pixels.dtype) | 1, photometric="rgb", subfiletype=1, metadata=None)
    return sink.getvalue()


KINDS = {
    "JPEG 2000 of 8 bits": (lambda: jp2(RGB), 8, 8),
    "JPEG 2000 of 16 bits": (lambda: jp2(FULL), 16, 16),
    "JPEG 2000 of 8 bits in 16": (lambda: jp2(SPREAD), 8, 16),
    "JPEG 2000 of 12 bits in 16": (lambda: jp2(TWELVE << 4), 8, 16),
    "JPEG 2000 of 12 bits": (lambda: jp2(TWELVE | 5, bitspersample=12), 12, 12),
    "grey JPEG 2000 of 8 bits in 16": (lambda: jp2(GREY.astype(np.uint16) * 257), 8, 16),
    "grey JPEG 2000 of 16 bits": (lambda: jp2((GREY.astype(np.uint16) << 8) | FULL[:, :, 0] % 256), 16, 16),
    "AVIF of 10 bits": (
        lambda: imagecodecs.avif_encode(TWELVE >> 2 | 1, level=100, speed=10, bitspersample=10),
        10,
        10,
    ),
    "AVIF of 8 bits": (lambda: encode(PHOTO, "AVIF"), 8, 8),
    "PNG of 16 bits": (lambda: imagecodecs.png_encode(FULL), 16, 16),
    "PNG of 8 bits in 16": (lambda: imagecodecs.png_encode(SPREAD), 8, 16),
    "PNG of 4 bits": (lambda: encode(PHOTO.quantize(16), "PNG", bits=4), 4, 4),
    "PPM of 16 bits": (lambda: ppm(FULL, 65535), 16, 16),
    "PPM of 8 bits in 16": (lambda: ppm(SPREAD, 65535), 8, 16),
    "PPM of 12 bits": (lambda: ppm(TWELVE | 5, 4095), 12, 12),
    "SGI of 16 bits": (lambda: sgi(FULL), 16, 16),
    "SGI of 8 bits in 16": (lambda: sgi(SPREAD), 8, 16),
    "PSD of 8 bits in 16": (lambda: psd(16), 8, 16),
    "JPEG XL of 16 bits": (lambda: imagecodecs.jpegxl_encode(FULL, lossless=True), 16, 16),
    "JPEG XL of 8 bits in 16": (lambda: imagecodecs.jpegxl_encode(SPREAD, lossless=True), 8, 16),
    "pyramid of 8 bits in 16": (lambda: pyramid(SPREAD), 8, 16),
    "pyramid of 16 bits": (lambda: pyramid(FULL), 16, 16),
    "pyramid of 8 bits": (lambda: pyramid(RGB), 8, 8),
    "RAW, by its preview": (
        lambda: camera_raw(b"SONY", dng=False, orientation=1, preview=encode(UPRIGHT, "JPEG"), bits=14),
        None,
        14,
    ),
}


def bits(picture: Picture) -> tuple[int | None, int | None]:
    return picture.bit_depth, picture.declared_depth or picture.bit_depth


@pytest.mark.parametrize("name", KINDS)
def test_used_and_declared_bits(name):
    make, used, declared = KINDS[name]
    assert bits(taken(make())) == (used, declared)


DEEP = [name for name, (_, _, declared) in KINDS.items() if declared > 8 and "RAW" not in name]


@pytest.mark.parametrize("name", DEEP)
def test_all_bits_show_the_same_picture(name):
    expected = np.frombuffer(taken(encode(PHOTO, "PNG")).luma, np.uint8).astype(int)
    assert np.abs(np.frombuffer(taken(KINDS[name][0]()).luma, np.uint8).astype(int) - expected).mean() < 3


def test_a_reduced_read_of_jpeg_2000_claims_nothing(monkeypatch):
    data = imagecodecs.jpeg2k_encode(SPREAD.repeat(2, 0).repeat(2, 1), level=0, codecformat="jp2", reversible=True)
    assert bits(taken(data)) == (8, 16)
    monkeypatch.setattr(read_pillow, "DEEP_PIXELS", 1000)
    assert bits(taken(data)) == (None, 16)


@pytest.mark.parametrize(("name", "used"), [("RGB_8", 8), ("L_10", 10), ("RGB_10", 10), ("RGBA_12", 12)])
def test_heic_of_more_bits(name, used):
    (path,) = files("pillow-heif/tests/images/heif", f"{name}__128x128.heif")  # nothing here writes HEIC
    assert bits(taken(path.read_bytes())) == (used, used)
