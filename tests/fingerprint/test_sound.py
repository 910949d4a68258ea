"""Sound files are read whatever stands beside their picture; corrupt is what a second decoder can't read either."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.canonical import canonical_grey
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint.apart import Here
from tests.fingerprint.test_apart import png_of
from tests.fingerprint.worlds import encode, photo

OPTIONS = FingerprintOptions()
PHOTO = photo(size=(420, 300))
PIXELS = np.asarray(PHOTO)


def taken(data: bytes) -> Picture:
    """Decode as a worker does, with this process for its sandbox."""
    return decode(data, OPTIONS, Here())


def code_of(data: bytes) -> str:
    try:
        return taken(data).media_type
    except DecodeError as error:
        return error.code


def with_chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A PNG with a chunk more behind its header."""
    data = encode(PHOTO, "PNG")
    crc = zlib.crc32(kind + body) if crc is None else crc
    return data[:33] + len(body).to_bytes(4, "big") + kind + body + crc.to_bytes(4, "big") + data[33:]


NOISE = np.random.default_rng(1).bytes(3 << 20)
"""Three megabytes that don't pack."""


def apple_png(mode: str) -> bytes:
    """A PNG as Xcode packs it: no zlib header, blue first, colours multiplied with their opacity."""
    samples = PIXELS[:, :, ::-1]
    if mode == "RGBA":
        samples = np.dstack([samples, np.full(samples.shape[:2], 255, np.uint8)])
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    packer = zlib.compressobj(wbits=-15)
    head = struct.pack(">IIBBBBB", 420, 300, 8, 6 if mode == "RGBA" else 2, 0, 0, 0)
    body = packer.compress(rows) + packer.flush()
    return png_of((b"CgBI", b"\x50\0\x20\2"), (b"IHDR", head), (b"IDAT", body), (b"IEND", b""))


def with_height_behind() -> bytes:
    """A JPEG whose height follows its scan, in a DNL marker."""
    data = encode(PHOTO, "JPEG", quality=90)
    frame = data.index(b"\xff\xc0")
    height = data[frame + 5 : frame + 7]
    return data[: frame + 5] + b"\0\0" + data[frame + 7 : -2] + b"\xff\xdc\0\4" + height + data[-2:]


def psd(bits: int, large: bool = False) -> bytes:
    """A flattened Photoshop file of so many bits per sample."""
    kinds = {8: ">u1", 16: ">u2", 32: ">f4"}
    samples = PIXELS if bits == 8 else PIXELS / 255.0 if bits == 32 else PIXELS.astype(np.uint16) * 257
    head = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, 3, 300, 420, bits, 3)
    empty = b"\0" * 4
    planes = np.moveaxis(samples, 2, 0).astype(kinds[bits]).tobytes()
    return head + empty + empty + (b"\0" * 8 if large else empty) + b"\0\0" + planes


JPEG = encode(PHOTO, "JPEG", quality=90)
SOUND = {
    "PNG with a text of 3 MB": lambda: with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3 << 20))),
    "PNG with an ICC profile of 3 MB": lambda: with_chunk(b"iCCP", b"big\0\0" + zlib.compress(NOISE)),
    "PNG with a wrong sum in a text": lambda: with_chunk(b"tEXt", b"Comment\0hello", crc=1),
    "PNG with a wrong sum in eXIf": lambda: with_chunk(b"eXIf", b"II*\0\x08\0\0\0", crc=7),
    "PNG with a broken profile": lambda: with_chunk(b"iCCP", b"bad\0\0notzlib"),
    "PNG of Apple's": lambda: apple_png("RGB"),
    "PNG of Apple's with opacity": lambda: apple_png("RGBA"),
    "JPEG whose height follows": with_height_behind,
    "JPEG with two starts": lambda: b"\xff\xd8" + JPEG,
    "JPEG behind a byte order mark": lambda: b"\xef\xbb\xbf" + JPEG,
    "JPEG behind mail headers": lambda: b"Content-Type: image/jpeg\r\n\r\n" + JPEG,
    "JPEG with bytes behind its start": lambda: JPEG[:2] + bytes(range(255)) + JPEG[2:],
    "JPEG-LS": lambda: imagecodecs.jpegls_encode(PIXELS),
    "PSD of 8 bits": lambda: psd(8),
    "PSD of 16 bits": lambda: psd(16),
    "PSD of 32 bits": lambda: psd(32),
    "PSB": lambda: psd(8, large=True),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_files_are_read(name):
    picture = taken(SOUND[name]())
    assert (picture.width, picture.height) == (420, 300)
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    expected = np.frombuffer(canonical_grey(PHOTO), np.uint8).astype(int)
    assert np.abs(luma - expected).mean() < (25 if "32" in name else 4)
    assert np.corrcoef(luma, expected)[0, 1] > 0.97


@pytest.mark.parametrize(
    ("width", "height"), [(575, 1465), (429, 822), (1077, 729), (768, 509), (345, 352), (1212, 845)]
)
def test_jpeg_2000_of_any_sides_is_read(width, height):
    image = photo("coffee.png", (width, height))
    picture = taken(encode(image, "JPEG2000", quality_mode="rates", quality_layers=[8]))
    assert (picture.width, picture.height) == (width, height)
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    assert np.abs(luma - np.frombuffer(canonical_grey(image), np.uint8)).mean() < 4


def test_what_stands_beside_a_jpeg_changes_no_digest():
    plain = taken(JPEG)
    for name in ("JPEG with two starts", "JPEG behind a byte order mark"):
        assert taken(SOUND[name]()).digest == plain.digest


def spoilt(kind: str, **options) -> bytes:
    """A file whose picture is overwritten half-way."""
    data = bytearray(encode(PHOTO, kind, **options))
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xff" * 400
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG2000", "ICO"])
def test_what_neither_decoder_reads_is_corrupt_or_cut(kind):
    data = spoilt(kind) if kind == "PNG" else encode(PHOTO.resize((256, 192)), kind)[:-3000] + bytes(3000)
    assert code_of(data) in ("corrupt", "truncated", f"image/{'jp2' if kind == 'JPEG2000' else 'x-icon'}")


@pytest.mark.parametrize("kind", ["TGA", "PPM", "PCX", "SGI", "DDS"])
def test_files_that_end_early_are_never_taken_for_whole(kind):
    data = encode(PHOTO, kind)
    assert code_of(data[: int(len(data) * 0.6)]) in ("truncated", "corrupt", "unverified", "not-an-image")


def test_damage_that_no_second_decoder_confirms_is_unverified():
    data = encode(PHOTO, "PCX")
    assert code_of(data[: int(len(data) * 0.6)]) == "unverified"


def bmp(bits: int, compression: int) -> bytes:
    """A BMP that declares this depth and compression."""
    head = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 64 * 4, 0, 0, 54) + head + bytes(64 * 4)


def test_what_is_missing_is_named():
    with pytest.raises(DecodeError) as caught:
        taken(bmp(30, 0))
    assert caught.value.code == "unsupported"
    assert "depth" in caught.value.message


FORMATS = {
    "SGI": ("image/x-sgi", lambda: encode(PHOTO, "SGI")),
    "PCX": ("image/x-pcx", lambda: encode(PHOTO, "PCX")),
    "DDS": ("image/vnd-ms.dds", lambda: encode(PHOTO, "DDS")),
    "QOI": ("image/qoi", lambda: imagecodecs.qoi_encode(PIXELS)),
    "ICNS": ("image/icns", lambda: encode(PHOTO.resize((256, 256)), "ICNS")),
    "JPEG XR": ("image/jxr", lambda: imagecodecs.jpegxr_encode(PIXELS, level=0.95)),
    "Radiance HDR": ("image/vnd.radiance", lambda: imagecodecs.rgbe_encode(linear(), header=True)),
    "PFM": ("image/x-portable-anymap", lambda: b"PF\n420 300\n-1.0\n" + (PIXELS[::-1] / 255).astype("<f4").tobytes()),
    "PAM": (
        "image/x-portable-arbitrarymap",
        lambda: b"P7\nWIDTH 420\nHEIGHT 300\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + PIXELS.tobytes(),
    ),
    "PGM of 16 bits": (
        "image/x-portable-anymap",
        lambda: b"P5 420 300 65535\n" + (np.asarray(PHOTO.convert("L")).astype(">u2") * 257).tobytes(),
    ),
    "OpenEXR": ("image/x-exr", lambda: by_oiio("exr", linear().astype(np.float16))),
    "DPX": ("image/x-dpx", lambda: by_oiio("dpx", PIXELS.astype(np.uint16) * 257)),
    "FITS": ("image/fits", lambda: by_oiio("fits", np.asarray(PHOTO.convert("L")).astype(np.float32)[:, :, None])),
}


def linear() -> np.ndarray:
    """The photograph as amounts of light."""
    shown = PIXELS / 255.0
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4).astype(np.float32)


def by_oiio(suffix: str, pixels: np.ndarray, size: tuple[int, int] = (420, 300)) -> bytes:
    """Write through OpenImageIO."""
    import tempfile
    from pathlib import Path

    import OpenImageIO as oiio

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"file.{suffix}"))
        out = oiio.ImageOutput.create(path)
        names = {"float16": "half", "float32": "float"}
        spec = oiio.ImageSpec(*size, pixels.shape[2], names.get(str(pixels.dtype), str(pixels.dtype)))
        assert out.open(path, spec), out.geterror()
        assert out.write_image(np.ascontiguousarray(pixels))
        out.close()
        return Path(path).read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_formats_of_the_trade_are_read(name):
    media_type, make = FORMATS[name]
    picture = taken(make())
    assert picture.media_type == media_type
    image = PHOTO.resize((256, 256)) if name == "ICNS" else PHOTO  # which holds several sizes
    assert (picture.width, picture.height) == image.size or name == "ICNS"
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    assert np.abs(luma - np.frombuffer(canonical_grey(image), np.uint8)).mean() < 6


NAMED = {
    "DICOM": bytes(128) + b"DICM" + bytes(100),
    "XCF": b"gimp xcf v011\0" + bytes(50),
    "PDF": b"%PDF-1.7\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0",
    "EPS": b"\xc5\xd0\xd3\xc6" + bytes(40),
    "SVG": b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>",
    "DjVu": b"AT&TFORM" + bytes(40),
    "ILBM": b"FORM\0\0\0\x20ILBMBMHD" + bytes(40),
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(40),
}


@pytest.mark.parametrize("name", NAMED)
def test_formats_that_no_decoder_reads_are_named(name):
    with pytest.raises(DecodeError, match=name) as caught:
        sniff.sniff(NAMED[name], whole=True)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04" + bytes(30) + JPEG + bytes(5000),
        b"PK\x03\x04" + bytes(30) + JPEG,
        b"some text" + JPEG + bytes(5000),
        bytes(4000) + JPEG,
    ],
    ids=["a cover in a sound file", "a zip", "more behind", "too far in"],
)
def test_a_jpeg_within_something_else_is_no_picture(data):
    assert code_of(data) == "not-an-image"


def test_limits_hold_for_a_second_decoder():
    tiny = Limits(10, 4, 1 << 31, isolated=True)
    with pytest.raises(DecodeError) as caught:
        read("psd", psd(16), tiny)
    assert caught.value.code == "too-many-pixels"


BLACK_FIRST = {
    "WebP": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "APNG": ("PNG", {}),
    "AVIF": ("AVIF", {"quality": 95}),
}


@pytest.mark.parametrize(("kind", "options"), BLACK_FIRST.values(), ids=BLACK_FIRST)
def test_an_animation_that_begins_black_shows_its_first_picture(kind, options):
    frames = [Image.new("RGB", PHOTO.size), PHOTO, PHOTO.rotate(90)]
    picture = taken(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    assert picture.frames == 3
    assert len(picture.pages) == 1
    assert np.abs(luma - np.frombuffer(canonical_grey(PHOTO), np.uint8)).mean() < 4


FLATTENED = [(1, "image/vnd.adobe.photoshop"), (0, "unsupported")]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("flag", "code"), FLATTENED, ids=["flattened", "layers alone"])
def test_a_psd_without_its_flattened_picture_is_not_taken_for_the_notice_in_its_place(bits, flag, code):
    block = b"8BIM\x04\x21\0\0" + (5).to_bytes(4, "big") + b"\0\0\0\1" + bytes([flag]) + b"\0"
    data = psd(bits)
    assert code_of(data[:30] + len(block).to_bytes(4, "big") + block + data[34:]) == code
