"""Camera RAW has its maker's media type, the sensor's size, and stands upright as it states."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from PIL import Image

from mirrorfold.schemas.formats import SHORT, WORDS
from mirrorfold.transforms.fingerprint import raw, sniff
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.read_rare import read_raw, read_tiff_or_raw
from tests.fingerprint.worlds import encode, inline, photo

LIMITS = Limits(400_000_000, 4, 1 << 31, isolated=True)
UPRIGHT = photo(size=(300, 400))


def directory(entries: list[tuple[int, int, int, bytes | int]], at: int, following: int = 0) -> bytes:
    """Write a TIFF directory at an offset: (tag, type, count, value), long values right behind it."""
    behind = at + 2 + 12 * len(entries) + 4
    head, tail = struct.pack("<H", len(entries)), b""
    for tag, kind, count, value in sorted(entries, key=lambda e: e[0]):
        head += struct.pack("<HHI", tag, kind, count)
        if isinstance(value, int):
            head += struct.pack("<I", value)
        elif len(value) <= 4:
            head += value.ljust(4, b"\0")
        else:
            head += struct.pack("<I", behind + len(tail))
            tail += value + bytes(len(value) % 2)
    return head + struct.pack("<I", following) + tail


def camera_raw(
    make: bytes, *, dng: bool, orientation: int, preview: bytes, tile: bytes = bytes(16), size=(4032, 3024),
    bits: int = 16, xmp: bytes = b"", white: int = 0,
) -> bytes:  # fmt: skip
    """Write a RAW: the main directory, one of the sensor's, the preview behind both."""
    main = [(raw.MAKE, 2, len(make) + 1, make + b"\0"), (raw.ORIENTATION, 3, 1, orientation), (254, 4, 1, 1)]
    main += [(50706, 1, 4, b"\1\4\0\0")] if dng else []
    main += [(700, 1, len(xmp), xmp)] if xmp else []
    first = len(directory([*main, (330, 4, 1, 0)], 8)) + 8
    sensor = [
        (254, 4, 1, 0), (256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, 1, bits), (raw.PHOTOMETRIC, 3, 1, 32803),
        (raw.CROP_SIZE, 4, 2, struct.pack("<II", size[0] - 32, size[1] - 24)), (raw.TILES, 4, 1, 0),
    ]  # fmt: skip
    sensor[:0] = [(raw.WHITE_LEVEL, 4, 1, white)] if white else []
    behind = first + len(directory(sensor, first))
    sensor[-1] = (raw.TILES, 4, 1, behind)
    head = b"II*\0" + struct.pack("<I", 8)
    return head + directory([*main, (330, 4, 1, first)], 8) + directory(sensor, first) + tile + preview


@pytest.mark.parametrize(
    ("make", "dng", "media_type"),
    [
        (b"NIKON CORPORATION", False, "image/x-nikon-nef"),
        (b"SONY", False, "image/x-sony-arw"),
        (b"PENTAX", False, "image/x-pentax-pef"),
        (b"SAMSUNG", False, "image/x-samsung-srw"),
        (b"Hasselblad", False, "image/x-hasselblad-3fr"),
        (b"Phase One A/S", False, "image/x-phaseone-iiq"),
        (b"LEICA", True, "image/x-adobe-dng"),
        (b"SONY", True, "image/x-adobe-dng"),
        (b"Nobody", False, "image/x-raw"),
    ],
)
def test_a_raw_has_its_makers_media_type(make, dng, media_type):
    data = camera_raw(make, dng=dng, orientation=1, preview=encode(UPRIGHT, "JPEG"))
    assert read_tiff_or_raw(data, LIMITS).media_type == media_type


@pytest.mark.parametrize(
    ("bits", "white", "used"),
    [(16, 16383, 14), (16, 15871, 14), (12, 4095, 12), (8, 65535, 8), (16, 65535, 16), (16, 0, None), (32, 1, None)],
    ids=["14 in 16", "below full scale", "12", "lossy, by a curve", "16", "none stated", "floating"],
)
def test_a_white_level_tells_the_bits_that_are_used(bits, white, used):
    preview = encode(UPRIGHT, "JPEG")
    found = read_tiff_or_raw(camera_raw(b"X", dng=True, orientation=1, preview=preview, bits=bits, white=white), LIMITS)
    assert (found.bit_depth, found.declared_depth) == (used, bits)


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"FUJIFILMCCD-RAW ", "image/x-fuji-raf"), (b"IIRO\x08\0\0\0", "image/x-olympus-orf"),
        (b"IIU\0\x18\0\0\0", "image/x-panasonic-rw2"), (b"FOVb\0\0\2\0", "image/x-sigma-x3f"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "image/x-canon-cr3"), (b"II*\0\x10\0\0\0CR\2\0", "image/x-canon-cr2"),
    ],
)  # fmt: skip
def test_others_tell_themselves_by_their_first_bytes(start, media_type):
    data = start + bytes(64) + encode(UPRIGHT, "JPEG")
    assert sniff.sniff(data) is sniff.RAW
    assert read_raw(data, LIMITS).media_type == media_type


def lying(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def distance(one, other) -> float:
    a, b = (np.frombuffer(picture.luma, np.uint8).astype(float) for picture in (one, other))
    return float(np.abs(a - b).mean())


def test_a_preview_that_states_no_orientation_is_turned_as_the_raw_states_it():
    data = camera_raw(b"Canon", dng=True, orientation=6, preview=encode(lying(UPRIGHT), "JPEG", quality=92))
    found, shown = read_tiff_or_raw(data, LIMITS), inline(encode(UPRIGHT, "JPEG", quality=92))
    assert (found.width, found.height) == (3000, 4000), "the sensor's picture as it is cut, upright"
    assert distance(found, shown) < 3
    assert (found.preview, found.orientation, found.digest) == (True, 6, None)


def test_a_preview_that_states_its_own_orientation_is_turned_once():
    exif = Image.Exif()
    exif[274] = 6
    preview = encode(lying(UPRIGHT), "JPEG", quality=92, exif=exif)
    found = read_tiff_or_raw(camera_raw(b"Canon", dng=True, orientation=6, preview=preview), LIMITS)
    assert distance(found, inline(encode(UPRIGHT, "JPEG", quality=92))) < 3


def test_a_tile_of_the_sensor_is_no_preview():
    tile = encode(photo("coffee.png", (512, 512)), "JPEG")
    data = camera_raw(b"Canon", dng=True, orientation=1, preview=encode(UPRIGHT, "JPEG", quality=92), tile=tile)
    assert distance(read_tiff_or_raw(data, LIMITS), inline(encode(UPRIGHT, "JPEG", quality=92))) < 1


def test_every_format_that_is_read_has_a_word_for_policies():
    raws = {raw.UNKNOWN, "image/x-adobe-dng", "image/x-canon-cr2", "image/x-canon-cr3"}
    raws |= {name for _, name in (*raw._STARTS, *raw._MAKERS)}
    short = {re.sub(SHORT, "", name) for name in raws | {kind.media_type for kind in sniff.KINDS.values()}}
    assert short <= set(WORDS.values())
