"""What lies behind a JPEG's picture is said, and makes another file of it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.fingerprint.picture import pack, unpack
from tests.fingerprint.worlds import encode, inline, photo

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
