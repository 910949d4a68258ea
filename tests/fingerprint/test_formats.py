"""Every format gives the picture it holds: near the JPEG of the same photograph, with its size, frames and flags."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pi_heif
import pytest
from PIL import Image, ImageDraw

from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.signatures import sign
from tests.fingerprint.worlds import encode, inline, photo

OPTIONS = FingerprintOptions(max_seconds=60)
PHOTO = photo(size=(420, 300))
GREY = PHOTO.convert("L")
DEEP = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257)


@pytest.fixture(scope="module")
def sandbox():
    pool = SandboxPool(1, OPTIONS.sandbox_bytes, OPTIONS.max_seconds)
    yield pool
    pool.close()


def phash(picture: Picture) -> int:
    return int(sign(np.frombuffer(picture.luma, np.uint8).reshape(1, 64, 64)).phash64[0])


REFERENCE = phash(inline(encode(PHOTO, "JPEG", quality=95)))


def tiff_tiles(pixels: np.ndarray, **tags) -> bytes:
    return encode(Image.fromarray(pixels), "TIFF", **tags)


def float_tiff() -> bytes:
    return encode(Image.fromarray(np.asarray(GREY).astype(np.float32) / 255), "TIFF")


def big_endian_deep_tiff() -> bytes:
    return encode(Image.fromarray(np.asarray(GREY).astype(">u2") * np.uint16(257)), "TIFF")


FORMATS = {
    "jpeg": (lambda: encode(PHOTO, "JPEG"), "image/jpeg", "RGB"),
    "jpeg progressive": (lambda: encode(PHOTO, "JPEG", progressive=True), "image/jpeg", "RGB"),
    "jpeg grey": (lambda: encode(GREY, "JPEG"), "image/jpeg", "L"),
    "jpeg cmyk": (lambda: encode(PHOTO.convert("CMYK"), "JPEG", quality=90), "image/jpeg", "CMYK"),
    "jpeg 12 bit": (
        lambda: imagecodecs.jpeg_encode(np.asarray(GREY).astype(np.uint16) << 4, bitspersample=12),
        "image/jpeg",
        "L",
    ),
    "png": (lambda: encode(PHOTO, "PNG"), "image/png", "RGB"),
    "png 16 bit": (lambda: encode(DEEP, "PNG"), "image/png", "I;16"),
    "png palette": (lambda: encode(PHOTO.quantize(128), "PNG"), "image/png", "P"),
    "gif": (lambda: encode(PHOTO.quantize(128), "GIF"), "image/gif", "P"),
    "bmp": (lambda: encode(PHOTO, "BMP"), "image/bmp", "RGB"),
    "webp": (lambda: encode(PHOTO, "WEBP", quality=90), "image/webp", "RGB"),
    "tiff": (lambda: encode(PHOTO, "TIFF"), "image/tiff", "RGB"),
    "tiff lzw": (lambda: encode(PHOTO, "TIFF", compression="tiff_lzw"), "image/tiff", "RGB"),
    "tiff jpeg": (lambda: encode(PHOTO, "TIFF", compression="jpeg"), "image/tiff", None),
    "tiff big": (lambda: encode(PHOTO, "TIFF", big_tiff=True), "image/tiff", "RGB"),
    "tiff 16 bit": (lambda: encode(DEEP, "TIFF"), "image/tiff", "I;16"),
    "tiff big-endian 16 bit": (big_endian_deep_tiff, "image/tiff", None),
    "tiff float": (float_tiff, "image/tiff", "F"),
    "tiff cmyk": (lambda: encode(PHOTO.convert("CMYK"), "TIFF"), "image/tiff", "CMYK"),
    "tiff ccitt": (lambda: encode(GREY.convert("1"), "TIFF", compression="group4"), "image/tiff", "1"),
    "jp2": (lambda: encode(PHOTO, "JPEG2000"), "image/jp2", "RGB"),
    "avif": (lambda: encode(PHOTO, "AVIF", quality=80), "image/avif", "RGB"),
    "jxl": (lambda: imagecodecs.jpegxl_encode(np.asarray(PHOTO), level=90), "image/jxl", "RGB"),
    "jxl lossless 16 bit": (
        lambda: imagecodecs.jpegxl_encode(np.asarray(DEEP), lossless=True),
        "image/jxl",
        "L",
    ),
    "pnm": (lambda: encode(PHOTO, "PPM"), "image/x-portable-anymap", "RGB"),
    "tga": (lambda: encode(PHOTO, "TGA"), "image/x-tga", "RGB"),
    "ico": (lambda: encode(PHOTO.resize((256, 256)), "ICO"), "image/x-icon", None),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_its_picture(name, sandbox):
    make, media_type, mode = FORMATS[name]
    picture = decode(make(), OPTIONS, sandbox)
    assert picture.media_type == media_type
    assert mode is None or picture.mode == mode
    if name == "ico":
        return
    assert (picture.width, picture.height) == PHOTO.size
    assert (phash(picture) ^ REFERENCE).bit_count() <= 6
    assert (picture.cells == b"") == (name in GREY_ONES)


GREY_ONES = {
    "jpeg grey", "jpeg 12 bit", "png 16 bit", "tiff 16 bit", "tiff big-endian 16 bit", "tiff float", "tiff ccitt",
    "jxl lossless 16 bit",
}  # fmt: skip


def test_heic_through_its_own_decoder_where_one_can_be_made(sandbox):
    from tests.fingerprint import corpora

    whole = [path for path in corpora.files("pillow-heif", ".heic") if "heif_" not in str(path.parent)]
    damaged = 0
    for path in whole[:12]:
        try:
            picture = decode(path.read_bytes(), OPTIONS, sandbox)
        except DecodeError:
            damaged += 1
            continue
        assert picture.media_type == "image/heic"
        assert picture.width > 0
    assert damaged == 0, pi_heif.libheif_version()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "PNG"])
def test_orientation_is_applied_before_hashing(orientation, kind, sandbox):
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = PHOTO.transpose(back[orientation]) if orientation > 1 else PHOTO
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind != "PNG" else {}
    picture = decode(encode(stored, kind, exif=exif, **options), OPTIONS, sandbox)
    assert (picture.width, picture.height) == PHOTO.size
    assert picture.orientation == orientation
    assert (phash(picture) ^ REFERENCE).bit_count() <= 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_transparency_is_laid_on_white(kind, sandbox):
    image = Image.new("RGBA", (300, 300), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 150, 300))
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(encode(image, kind, **options), OPTIONS, sandbox)
    luma = np.frombuffer(picture.luma, np.uint8).reshape(64, 64)
    assert luma[:, 48:].min() >= 250
    assert luma[:, :16].max() <= 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_what_white_would_hide_is_laid_on_black(kind, sandbox):
    lettering = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    lettering.paste((255, 255, 255, 255), (0, 0, 150, 300))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    luma = np.frombuffer(decode(encode(lettering, kind, **options), OPTIONS, sandbox).luma, np.uint8).reshape(64, 64)
    assert luma[:, :16].min() >= 250
    assert luma[:, 48:].max() <= 5


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames_and_pages_are_counted_and_hashed(kind, sandbox):
    frames = [photo(name, (300, 200)) for name in ("astronaut.png", "coffee.png", "chelsea.png")]
    if kind == "GIF":
        frames = [frame.quantize(64) for frame in frames]
    picture = decode(encode(frames[0], kind, save_all=True, append_images=frames[1:]), OPTIONS, sandbox)
    assert picture.frames == 3
    assert len(picture.pages) == 2
    rows = content_rows({"x": Content(1, picture)}).to_pylist()
    assert len(set(rows[0]["page_hashes"]) | {rows[0]["phash64"]}) == 3


def test_pages_beyond_the_limit_are_counted_only(sandbox):
    pages = [GREY.rotate(7 * turn) for turn in range(6)]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    picture = decode(data, FingerprintOptions(max_pages=4), sandbox)
    assert picture.frames == 6
    assert len(picture.pages) == 3


def test_camera_raw_shows_its_largest_preview(sandbox):
    preview, thumbnail = encode(PHOTO, "JPEG", quality=95), encode(PHOTO.resize((105, 75)), "JPEG")
    mosaic = encode(Image.fromarray(np.zeros((50, 50), np.uint8)), "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    picture = decode(mosaic + thumbnail + preview, OPTIONS, sandbox)
    assert picture.preview
    assert picture.media_type == "image/x-adobe-dng"
    assert (picture.width, picture.height) == PHOTO.size
    assert (phash(picture) ^ REFERENCE).bit_count() <= 2


def test_mpo_is_a_jpeg_with_several_pictures(sandbox):
    sink = io.BytesIO()
    PHOTO.save(sink, "MPO", save_all=True, append_images=[photo("coffee.png", (420, 300))])
    picture = decode(sink.getvalue(), OPTIONS, sandbox)
    assert picture.media_type == "image/jpeg"
    assert picture.frames in (1, 2)
    assert (phash(picture) ^ REFERENCE).bit_count() <= 4


def test_grey_and_colour_are_told_apart():
    pictures = {
        "colour": inline(encode(PHOTO, "JPEG")),
        "grey": inline(encode(GREY, "JPEG")),
        "grey as rgb": inline(encode(GREY.convert("RGB"), "JPEG")),
    }
    rows = content_rows({name: Content(1, picture) for name, picture in pictures.items()}).to_pylist()
    assert {row["content_id"]: row["grey"] for row in rows} == {"colour": False, "grey": True, "grey as rgb": True}


@pytest.mark.parametrize(("level", "low"), [(0, True), (255, True), (None, False)])
def test_blank_pictures_are_flagged(level, low):
    image = PHOTO if level is None else Image.new("RGB", (400, 300), (level,) * 3)
    rows = content_rows({"x": Content(1, inline(encode(image, "JPEG")))}).to_pylist()
    assert rows[0]["low_information"] is low


def typed_page() -> Image.Image:
    page = Image.new("L", (600, 800), 235)
    draw = ImageDraw.Draw(page)
    for line in range(20):
        draw.text((60, 60 + 34 * line), f"{line}. The quick brown fox jumps over the lazy dog " * 2, fill=30)
    return page


@pytest.mark.parametrize(("image", "document"), [(typed_page(), True), (PHOTO, False)], ids=["page", "photo"])
def test_documents_are_flagged(image, document):
    rows = content_rows({"x": Content(1, inline(encode(image, "PNG")))}).to_pylist()
    assert rows[0]["document"] is document


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.7 hello", "unsupported"),
        (b"<html><img></html>", "not-an-image"),
        (b"\0" * 100, "not-an-image"),
        (b"P", "not-an-image"),
        (b"\xff", "not-an-image"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "unsupported"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
def test_what_is_no_picture_is_said_so(data, code):
    with pytest.raises(DecodeError) as caught:
        sniff.sniff(data, whole=True)
    assert caught.value.code == code
