"""Deep samples show the picture that they hold: neither its negative nor black, whatever their numbers mean."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.samples import Meaning, to_bytes, used_bits
from tests.fingerprint.worlds import encode, inline, photo

LIMITS = Limits(10**8, 4, 1 << 31, isolated=True)
PHOTO = photo("coffee.png", (420, 300))
GREY = np.asarray(PHOTO.convert("L"))
UNIT = GREY / 255.0
RGB = np.asarray(PHOTO)


def tiff(pixels: np.ndarray, **options) -> bytes:
    sink = io.BytesIO()
    options = {"photometric": "rgb" if pixels.ndim == 3 else "minisblack", **options}
    tifffile.imwrite(sink, pixels, **options)
    return sink.getvalue()


def luma(data: bytes, kind: str = "tiff") -> np.ndarray:
    return np.frombuffer(read(kind, data, LIMITS).luma, np.uint8).astype(int)


REFERENCE = np.frombuffer(inline(encode(PHOTO.convert("L"), "PNG")).luma, np.uint8).astype(int)


def with_nodata(value: float, **options) -> bytes:
    pixels = (UNIT * 800 + 200).astype(np.float32)
    pixels[:60] = value
    return tiff(pixels, **options)


def lab16() -> np.ndarray:
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(PHOTO, transform)).astype(np.uint16)
    lab[:, :, 1:] ^= 128  # TIFF's a and b are signed
    return lab << 8


KINDS = {
    "uint16": lambda: tiff((GREY.astype(np.uint16) << 8) + 77),
    "uint16 WhiteIsZero": lambda: tiff(((255 - GREY).astype(np.uint16) << 8) + 77, photometric="miniswhite"),
    "uint8 WhiteIsZero": lambda: tiff(255 - GREY, photometric="miniswhite"),
    "uint16 WhiteIsZero of 12 bits, counted down from the top": lambda: tiff(
        65535 - (UNIT * 4095).astype(np.uint16), photometric="miniswhite"
    ),
    "uint32 WhiteIsZero of 8 bits, counted down from the top": lambda: tiff(
        np.uint32(4294967295) - GREY.astype(np.uint32), photometric="miniswhite"
    ),
    "WhiteIsZero as a plane of its own": lambda: tiff(
        255 - GREY, photometric="miniswhite", extratags=[(284, 3, 1, 2, True)]
    ),
    "14 bits in 16": lambda: tiff((UNIT * 16383).astype(np.uint16)),
    "counts of a thermal camera": lambda: tiff((UNIT * 1900 + 21_000).astype(np.uint16)),
    "int16 with opacity": lambda: tiff(
        np.dstack([(RGB / 255 * 32767), np.full(GREY.shape, 32767)]).astype(np.int16), extrasamples=["assocalpha"]
    ),
    "12 bits in 16": lambda: tiff((UNIT * 4095).astype(np.uint16)),
    "10 bits in 16": lambda: tiff((UNIT * 1023).astype(np.uint16)),
    "8 bits in 16": lambda: tiff(GREY.astype(np.uint16)),
    "uint32": lambda: tiff((UNIT * 4294967295).astype(np.uint32)),
    "uint32 of 16 bits": lambda: tiff((UNIT * 65535).astype(np.uint32)),
    "int16 from 0 to 25,500": lambda: tiff(GREY.astype(np.int16) * 100),
    "int16 around 0": lambda: tiff(GREY.astype(np.int16) * 100 - 12_000),
    "int32": lambda: tiff(GREY.astype(np.int32) * 1000 - 50),
    "float to 1": lambda: tiff(UNIT.astype(np.float32)),
    "float to 1.05": lambda: tiff((UNIT * 1.05).astype(np.float32)),
    "float to 255": lambda: tiff(GREY.astype(np.float32)),
    "float16": lambda: tiff(UNIT.astype(np.float16)),
    "float64 to 65535": lambda: tiff(UNIT * 65535),
    "float of metres": lambda: tiff((UNIT * 800 + 200).astype(np.float32)),
    "stated range": lambda: tiff(
        (UNIT * 20_000 + 5_000).astype(np.uint16),
        extratags=[(280, 3, 1, 5_000, True), (281, 3, 1, 25_000, True)],
    ),
    "complex": lambda: tiff(UNIT.astype(np.complex64) * 1j),
    "16-bit RGB": lambda: tiff(RGB.astype(np.uint16) * 257),
    "16-bit RGB, planes": lambda: tiff(
        np.moveaxis(RGB.astype(np.uint16) * 257, 2, 0), photometric="rgb", planarconfig="separate"
    ),
    "12-bit RGB in 16": lambda: tiff((RGB / 255 * 4095).astype(np.uint16)),
    "float RGB": lambda: tiff((RGB / 255).astype(np.float32)),
    "JPEG 2000 in TIFF": lambda: tiff(RGB, compression="jpeg2000", tile=(128, 128)),
    "JPEG XL in TIFF": lambda: tiff(RGB, compression="jpegxl", tile=(128, 128)),
    "WebP in TIFF": lambda: tiff(RGB, compression="webp", tile=(128, 128)),
    "big-endian uint16": lambda: tiff(GREY.astype(">u2") * 257, byteorder=">"),
    "PNG of 16 bits": None,
    "PNG of 12 bits in 16": None,
    "PNM of 12 bits": None,
}
OTHER = {
    "PNG of 16 bits": ("png", lambda: encode(Image.fromarray(GREY.astype(np.uint16) * 257), "PNG")),
    "PNG of 12 bits in 16": ("png", lambda: encode(Image.fromarray((UNIT * 4095).astype(np.uint16)), "PNG")),
    "PNM of 12 bits": ("pnm", lambda: b"P5 420 300 4095\n" + (UNIT * 4095).astype(">u2").tobytes()),
}


@pytest.mark.parametrize("name", KINDS)
def test_samples_of_every_kind_show_their_picture(name):
    kind, make = OTHER.get(name) or ("tiff", KINDS[name])
    assert np.abs(luma(make(), kind) - REFERENCE).mean() < 6


def test_what_is_meant_to_be_dark_or_white_stays_so():
    grain = np.random.default_rng(5).normal(0, 400, GREY.shape)
    for level in (60_000, 2**15 + 3_000):
        shown = to_bytes((level + grain).clip(0, 65535).astype(np.uint16)).astype(int)
        assert abs(shown.mean() - level / 257) < 2, level
    dark = to_bytes((UNIT * 7_000).astype(np.uint16))
    assert dark.max() == 7_000 >> 8


@pytest.mark.parametrize("nodata", [-9999.0, -32768.0, -3.4028235e38, float("nan"), 1e20])
def test_no_data_flattens_nothing(nodata):
    stated = {"extratags": [(42113, "s", 0, str(nodata), True)]} if nodata == -9999.0 else {}
    found = luma(with_nodata(nodata, **stated)).reshape(64, 64)[16:]
    assert np.abs(found - REFERENCE.reshape(64, 64)[16:]).mean() < 20
    assert found.std() > 30


def test_lab_of_16_bits_is_lab():
    deep = read("tiff", tiff(lab16(), photometric="cielab"), LIMITS)
    plain = read("tiff", tiff((lab16() >> 8).astype(np.uint8), photometric="cielab"), LIMITS)
    assert deep.mode == plain.mode == "LAB"
    assert np.abs(np.frombuffer(deep.cells, np.uint8).astype(int) - np.frombuffer(plain.cells, np.uint8)).max() <= 3


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [
        (GREY.astype(np.uint16) * 257, 8),
        (GREY.astype(np.uint16) << 8, 8),
        (GREY.astype(np.uint16), 8),
        ((UNIT * 4095).astype(np.uint16), 12),
        ((UNIT * 4095).astype(np.uint16) << 4, 12),
        ((UNIT * 16383).astype(np.uint16) | 1, 14),
        ((UNIT * 65535).astype(np.uint16) | 1, 16),
        (UNIT.astype(np.float32), 32),
    ],
    ids=["8 repeated", "8 shifted", "8 low", "12 low", "12 shifted", "14 low", "16", "float"],
)
def test_bits_that_are_used_and_bits_that_are_declared(pixels, bits):
    picture = read("tiff", tiff(pixels), LIMITS)
    assert used_bits(pixels) == picture.bit_depth == bits
    assert picture.declared_depth == 8 * pixels.dtype.itemsize


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.sampled_from(["float32", "float64", "int32"]))
def test_shown_samples_never_turn_over(offset, scale, kind):
    pixels = (np.arange(256) * scale + offset).astype(kind).reshape(16, 16)
    shown = to_bytes(pixels).astype(int)
    assert (np.diff(shown.ravel()) >= 0).all()
    inverted = to_bytes(pixels, Meaning(inverted=True)).astype(int)
    assert (inverted == 255 - shown).all()


def test_whole_and_reduced_reads_map_samples_alike():
    full = (np.asarray(PHOTO.convert("L").resize((1680, 1200))) / 255.0 * 900 - 100).astype(np.float32)
    whole, reduced = to_bytes(full).astype(int), to_bytes(full[::4, ::4]).astype(int)
    assert np.abs(whole[::4, ::4] - reduced).max() <= 3
