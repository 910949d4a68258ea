"""Damage is heard where a decoder speaks of it, and seen where a few bytes of one coding differ."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.confirm.few_bytes import differ_in_few
from mirrorfold.transforms.confirm.seams import damaged_side
from mirrorfold.transforms.fingerprint.coded import coded
from mirrorfold.transforms.fingerprint.heard import damage_said
from tests.fingerprint.worlds import encode, photo
from tests.retain.better_pairs import flipped, photograph

from .test_confirmer import ask

PHOTO = photo(size=(480, 360))
JPEG = encode(PHOTO, "JPEG", quality=85)
RESTARTS = encode(PHOTO, "JPEG", quality=85, restart_marker_rows=1)
SCANS = encode(PHOTO, "JPEG", quality=85, progressive=True)
LAST = SCANS.rindex(b"\xff\xda")
CUT = JPEG[: len(JPEG) // 2] + b"\xff\xd9"


def changed(data: bytes, at: int, bits: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def few(kind: str, one: bytes, other: bytes) -> bool:
    return differ_in_few(coded(kind, one), coded(kind, other))


TIFF, PNG, WEBP = encode(PHOTO, "TIFF"), encode(PHOTO, "PNG"), encode(PHOTO, "WEBP", quality=80)
FEW = {
    "flipped bits": ("jpeg", JPEG, flipped(JPEG, 6, 1)),
    "flipped bits and other metadata": (
        "jpeg",
        JPEG,
        flipped(encode(PHOTO, "JPEG", quality=85, comment=b"x" * 99), 6, 1),
    ),
    "a byte of a quantisation table": ("jpeg", JPEG, changed(JPEG, JPEG.index(b"\xff\xdb") + 20)),
    "a sector of noise": ("jpeg", JPEG, JPEG[:9000] + np.random.default_rng(1).bytes(4096) + JPEG[13096:]),
    "the end is missing": ("jpeg", JPEG, CUT),
    "a lost byte": ("jpeg", JPEG, JPEG[:20_000] + JPEG[20_001:]),
    "a sample": ("tiff", TIFF, changed(TIFF, len(TIFF) // 2, 64)),
    "a WebP's byte": ("webp", WEBP, changed(WEBP, len(WEBP) - 99)),
}
HONEST = {
    "the same bytes": ("jpeg", JPEG, JPEG),
    "other metadata": ("jpeg", JPEG, encode(PHOTO, "JPEG", quality=85, comment=b"x" * 99)),
    "another quality": ("jpeg", JPEG, encode(PHOTO, "JPEG", quality=86)),
    "other Huffman tables": ("jpeg", JPEG, encode(PHOTO, "JPEG", quality=85, optimize=True)),
    "saved again": ("jpeg", JPEG, encode(photo(size=(481, 361)).crop((0, 0, 480, 360)), "JPEG", quality=85)),
    "another level of deflate": ("png", PNG, encode(PHOTO, "PNG", compress_level=1)),
    "all samples a level lighter": ("tiff", TIFF, encode(PHOTO.point(lambda v: min(255, v + 1)), "TIFF")),
}


@pytest.mark.parametrize(("kind", "one", "other"), FEW.values(), ids=FEW)
def test_one_coding_but_for_a_few_bytes(kind, one, other):
    assert few(kind, one, other)
    assert few(kind, other, one)


@pytest.mark.parametrize(("kind", "one", "other"), HONEST.values(), ids=HONEST)
def test_two_codings_and_other_metadata_are_no_damage(kind, one, other):
    assert not few(kind, one, other)


SAID = {
    "cut short": (CUT, "premature end of data segment"),
    "a restart marker too few": (RESTARTS.replace(b"\xff\xd3", b"\xff\xd5", 1), "found marker 0xd5 instead of RST3"),
    "noise before the end": (SCANS[:LAST] + b"\x12\x34\x56\x78" + SCANS[LAST:], "extraneous bytes before marker 0xda"),
}


@pytest.mark.parametrize(("data", "said"), SAID.values(), ids=SAID)
def test_what_libjpeg_says_of_damage_is_heard(data, said):
    assert said in damage_said(data)


@pytest.mark.parametrize("data", [JPEG, RESTARTS, SCANS], ids=["one", "two", "three"])
def test_of_a_sound_file_nothing_is_said(data):
    assert damage_said(data) == ""


@pytest.mark.parametrize("first", [True, False])
def test_blocks_that_do_not_meet_betray_which_one_is_damaged(first):
    sound, rotten = (
        encode(photograph(1), "JPEG", quality=88),
        flipped(encode(photograph(1), "JPEG", quality=88), 3, 2, 0.2),
    )
    assert damage_said(rotten) == "", "no decoder speaks"
    planes = [np.asarray(Image.open(io.BytesIO(data)).convert("L")) for data in (rotten, sound)]
    assert damaged_side(*(planes if first else planes[::-1])) == (0 if first else 1)
    found = ask({"a.jpg": rotten, "b.jpg": sound}, "a.jpg", "b.jpg")
    said = {found.content_a: found.damaged_a, found.content_b: found.damaged_b}
    assert said[hashlib.sha256(rotten).hexdigest()].startswith("its blocks don't meet")
    assert said[hashlib.sha256(sound).hexdigest()] == ""
    assert (found.confirmed, found.kind) == (False, "damaged"), "people look: seams are a sign, no proof"


def test_seams_never_accuse_the_sound_one():
    told = 0
    for number in range(12):
        sound = encode(photograph(number), "JPEG", quality=(75, 88, 95)[number % 3])
        rotten = flipped(sound, 1 + number % 4, number, start=0.3)
        planes = (np.asarray(Image.open(io.BytesIO(data)).convert("L")) for data in (sound, rotten))
        side = damaged_side(*planes)
        assert side in (None, 1), number
        told += side == 1
    assert told >= 3


def test_a_pair_says_which_of_the_two_is_damaged():
    found = ask({"a.jpg": CUT, "b.jpg": encode(PHOTO, "JPEG", quality=70)}, "a.jpg", "b.jpg")
    assert not found.confirmed
    assert found.kind == "damaged"
    assert sorted([bool(found.damaged_a), bool(found.damaged_b)]) == [False, True]


def test_flipped_bits_are_damage_though_no_decoder_speaks_and_hardly_a_pixel_changes():
    found = ask({"a.jpg": JPEG, "b.jpg": changed(JPEG, len(JPEG) - 40, 2)}, "a.jpg", "b.jpg")
    assert (found.confirmed, found.kind) == (False, "damaged")
    said = {found.content_a: found.damaged_a, found.content_b: found.damaged_b}
    assert said[hashlib.sha256(JPEG).hexdigest()] == ""
