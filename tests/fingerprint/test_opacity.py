"""What opacity means in each format: multiplied into the colours or not, a saved selection, or nothing at all."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFilter

from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint.test_odd import taken
from tests.fingerprint.test_sound import by_oiio
from tests.fingerprint.worlds import encode
from tests.match.test_transparency import cut_out


def soft() -> Image.Image:
    """Give a photograph that fades out far and wide: wrong edges show in its middle."""
    image = cut_out()
    image.putalpha(image.getchannel("A").filter(ImageFilter.GaussianBlur(40)))
    return image


SOFT = soft()
SAMPLES = np.asarray(SOFT).astype(np.float64)
MULTIPLIED = SAMPLES * np.dstack([SAMPLES[:, :, 3:] / 255] * 3 + [np.ones(SAMPLES.shape[:2])])


def tiff(samples: np.ndarray, bits: int, meant: str) -> bytes:
    sink = io.BytesIO()
    scaled = np.rint(samples * (257 if bits == 16 else 1)).astype(np.uint16 if bits == 16 else np.uint8)
    tifffile.imwrite(sink, scaled, photometric="rgb", extrasamples=[meant])
    return sink.getvalue()


def exr() -> bytes:
    """OpenEXR of amounts of light, multiplied with opacity as that format has them."""
    shown = SAMPLES[:, :, :3] / 255
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    alpha = SAMPLES[:, :, 3:] / 255
    return by_oiio("exr", np.dstack([light * alpha, alpha]).astype(np.float32), SOFT.size)


def psd(bits: int, layers: int | None, block: bytes = b"") -> bytes:
    """A flattened Photoshop file of four channels; `layers` as its layers' section counts them, None for none."""
    samples = np.rint(SAMPLES * (257 if bits == 16 else 1)).astype(f">u{bits // 8}")
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 4, SOFT.height, SOFT.width, bits, 3)
    info = b"" if layers is None else struct.pack(">h", layers) + bytes(2)
    section = struct.pack(">I", len(info)) + info + bytes(4) + block if layers is not None or block else b""
    planes = np.moveaxis(samples, 2, 0).tobytes()
    return head + bytes(4) + bytes(4) + struct.pack(">I", len(section)) + section + b"\0\0" + planes


def luma(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.luma, np.uint8).astype(int)


CLEAR = luma(taken(encode(SOFT, "PNG")))
OPAQUE = luma(taken(encode(SOFT.convert("RGB"), "PNG")))
MERGED = b"8BIMMt16" + bytes(4)
FILES = {
    "PNG, 16 bit": (lambda: imagecodecs.png_encode((SAMPLES * 257).astype(np.uint16)), CLEAR),
    "TIFF, multiplied": (lambda: tiff(MULTIPLIED, 8, "assocalpha"), CLEAR),
    "TIFF, multiplied, 16 bit": (lambda: tiff(MULTIPLIED, 16, "assocalpha"), CLEAR),
    "TIFF, apart": (lambda: tiff(SAMPLES, 8, "unassalpha"), CLEAR),
    "TIFF, apart, 16 bit": (lambda: tiff(SAMPLES, 16, "unassalpha"), CLEAR),
    "TIFF, of no meaning": (lambda: tiff(SAMPLES, 8, "unspecified"), OPAQUE),
    "TIFF, of no meaning, 16 bit": (lambda: tiff(SAMPLES, 16, "unspecified"), OPAQUE),
    "OpenEXR": (exr, CLEAR),
    "PSD, merged opacity": (lambda: psd(8, -1), CLEAR),
    "PSD, a selection": (lambda: psd(8, None), OPAQUE),
    "PSD, a selection beside layers": (lambda: psd(8, 2), OPAQUE),
    "PSD, merged opacity by its block": (lambda: psd(8, None, MERGED), CLEAR),
    # OpenImageIO gives three channels of these, so that its opacity isn't seen.
    "PSD, 16 bit, merged opacity": (lambda: psd(16, None, MERGED), OPAQUE),
    "PSD, 16 bit, a selection": (lambda: psd(16, None), OPAQUE),
    **{kind: (lambda kind=kind: encode(SOFT, kind), CLEAR) for kind in ("TGA", "SGI", "DDS", "JPEG2000")},
    "WebP": (lambda: encode(SOFT, "WEBP", lossless=True, exact=True), CLEAR),
    "AVIF": (lambda: encode(SOFT, "AVIF", quality=95), CLEAR),
    "JPEG XL": (lambda: imagecodecs.jpegxl_encode(np.asarray(SOFT), lossless=True), CLEAR),
}


@pytest.mark.parametrize("name", FILES)
def test_opacity_is_what_the_format_says(name: str) -> None:
    make, expected = FILES[name]
    picture = taken(make())
    assert np.abs(luma(picture) - expected).mean() < 1.5
    assert bool(picture.on_black) == (expected is CLEAR)
