"""What lies behind a picture is said, and makes another file of it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.iso_items import parts_of_items
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.photoshop import parts_of_layers
from mirrorfold.transforms.fingerprint.picture import pack, unpack
from tests.fingerprint.corpora import files
from tests.fingerprint.worlds import encode, inline, photo

LIMITS = Limits(10**9, 16, 4 << 30)

PHOTO = photo(size=(640, 480))
NOISE = np.random.default_rng(5).integers(0, 256, 20_000, np.uint8).tobytes()


def video(body: bytes = b"") -> bytes:
    brand = b"mp42" + bytes(4) + b"isommp42"
    return struct.pack(">I", 8 + len(brand)) + b"ftyp" + brand + struct.pack(">I", 8 + len(body)) + b"mdat" + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]


def with_xmp(data: bytes, text: str) -> bytes:
    return with_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text.encode())


def stereo(data: bytes) -> bytes:
    sink = io.BytesIO()
    Image.open(io.BytesIO(data)).save(sink, "MPO", save_all=True, append_images=[PHOTO.transpose(0)])
    return sink.getvalue()


PLAIN = encode(PHOTO, "JPEG", quality=90)
SMALL = encode(PHOTO.resize((160, 120)).convert("L"), "JPEG")
GAIN_MAP = '<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'

CASES = {
    "motion photo": (PLAIN + video(NOISE.replace(b"\xff\xd9", b"")), ("motion-video",)),
    "motion photo whose video holds an end of image": (PLAIN + video(NOISE + b"\xff\xd9" + NOISE), ("motion-video",)),
    "gain map": (with_xmp(PLAIN, GAIN_MAP) + SMALL, ("gain-map",)),
    "gain map and video": (with_xmp(PLAIN, GAIN_MAP) + SMALL + video(NOISE), ("gain-map", "motion-video")),
    "depth map": (with_xmp(PLAIN, '<x xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"/>'), ("depth",)),
    "stereo pair": (stereo(PLAIN), ("second-picture",)),
}


@pytest.mark.parametrize(("data", "parts"), CASES.values(), ids=CASES)
def test_what_lies_behind_the_picture_is_named(data, parts):
    picture = inline(data)
    assert picture.parts == parts
    assert picture.digest != inline(PLAIN).digest, "never the same picture as a file without it"
    assert unpack(pack(picture)).parts == parts


ABSENT = {
    "a picture": PLAIN,
    "a gain map's metadata that an editor left behind": with_xmp(PLAIN, GAIN_MAP),
    "the letters ftyp alone": PLAIN + b"the ftyp of nothing",
    "a trailer": PLAIN + NOISE,
}


@pytest.mark.parametrize("data", ABSENT.values(), ids=ABSENT)
def test_what_is_not_there_is_not_named(data):
    assert inline(data).parts == ()


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def heif(*boxes: bytes, after: bytes = b"") -> bytes:
    return box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4), *boxes) + box(b"mdat", bytes(64)) + after


def auxiliary(name: str) -> bytes:
    return box(b"iprp", box(b"ipco", box(b"ispe", bytes(12)), box(b"auxC", bytes(4), name.encode() + b"\0")))


def item(kind: bytes) -> bytes:
    return box(b"iinf", bytes(4), struct.pack(">H", 1), box(b"infe", b"\2\0\0\0", bytes(4), kind, b"\0"))


ITEMS = {
    "Apple's gain map": (heif(auxiliary("urn:com:apple:photo:2020:aux:hdrgainmap")), ("gain-map",)),
    "a gain map by ISO 21496-1": (heif(item(b"tmap")), ("gain-map",)),
    "a depth map": (heif(auxiliary("urn:mpeg:hevc:2015:auxid:2")), ("depth",)),
    "a matte": (heif(auxiliary("urn:com:apple:photo:2018:aux:portraiteffectsmatte")), ("auxiliary-picture",)),
    "a stereo pair": (heif(box(b"grpl", box(b"ster", bytes(20)))), ("second-picture",)),
    "a video": (heif(after=box(b"mpvd", video(NOISE))), ("motion-video",)),
    "alpha alone": (heif(auxiliary("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")), ()),
    "a thumbnail": (heif(item(b"hvc1"), box(b"iref", bytes(4), box(b"thmb", bytes(6)))), ()),
    "boxes that end nowhere": (heif(item(b"tmap"))[:60], ()),
}


@pytest.mark.parametrize(("data", "parts"), ITEMS.values(), ids=ITEMS)
def test_items_beside_the_picture_of_a_heif_or_avif(data, parts):
    assert parts_of_items(data) == parts


HEIC = {
    "pug.heic": ("depth", "gain-map"), "spatial_photo.heic": ("second-picture",),
    "aux_YCbCr.heic": ("auxiliary-picture", "gain-map"), "arrow.heic": (),
}  # fmt: skip


@pytest.mark.parametrize("name", HEIC)
def test_heics_of_phones(name):
    found = [path for path in files("pillow-heif", ".heic") if path.name == name]
    if not found:
        pytest.skip("the corpus isn't here")  # nothing among our packages writes HEIC
    assert read("heic", found[0].read_bytes(), LIMITS).parts == HEIC[name]


def clear(box_: tuple[int, int, int, int], level: int = 0) -> Image.Image:
    picture = PHOTO.copy()
    mask = Image.new("L", PHOTO.size, 255)
    mask.paste(level, box_)
    picture.putalpha(mask)
    return picture


TRANSPARENT = {
    "PNG": ("PNG", clear((0, 0, 320, 240)), True),
    "a corner of ten pixels, which 64 pixels don't show": ("PNG", clear((0, 0, 10, 10)), True),
    "WebP": ("WEBP", clear((0, 0, 320, 240)), True),
    "TIFF": ("TIFF", clear((0, 0, 320, 240)), True),
    "AVIF": ("AVIF", clear((0, 0, 320, 240)), True),
    "alpha that hides nothing": ("PNG", clear((0, 0, 0, 0)), False),
    "alpha a level below opaque": ("PNG", clear((0, 0, 320, 240), 254), False),
}


@pytest.mark.parametrize(("kind", "image", "used"), TRANSPARENT.values(), ids=TRANSPARENT)
def test_transparency_counts_where_it_is_used(kind, image, used):
    assert read(kind.lower(), encode(image, kind), LIMITS).parts == (("transparency",) if used else ())


def photoshop(layers: int) -> bytes:
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 90, 120, 8, 3) + bytes(8)
    info = struct.pack(">Ih", 2, layers) if layers else b""
    pixels = np.asarray(PHOTO.resize((120, 90)), np.uint8).transpose(2, 0, 1).tobytes()
    return head + struct.pack(">I", len(info)) + info + b"\0\0" + pixels


@pytest.mark.parametrize(("layers", "parts"), [(0, ()), (1, ("layers",)), (-3, ("layers",))])
def test_layers_of_a_photoshop_file(layers, parts):
    assert parts_of_layers(photoshop(layers)) == parts
    assert read("psd", photoshop(0), LIMITS).parts == ()


@pytest.mark.parametrize(
    ("block", "parts"),
    [(b"MIB8ryaL" + bytes(99), ("layers",)), (bytes(5 << 20), ("layers",)), (b"8BIMPatt" + bytes(99), ())],
    ids=["layers", "more than is read", "something else"],
)
def test_layers_of_a_tiff(block, parts):
    assert read("tiff", encode(PHOTO, "TIFF", tiffinfo={37724: block}), LIMITS).parts == parts
