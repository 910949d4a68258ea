"""Damage that costs nothing to see is written down: noise among the markers, and what a second decoder mends."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfold.transforms.fingerprint import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.jpeg_markers import damage_of
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.read_jpeg import read_jpeg
from tests.fingerprint.corpora import files
from tests.fingerprint.test_sound import taken
from tests.fingerprint.worlds import encode, inline, photo

PHOTO = photo(size=(640, 480))
PLAIN, SCANS, RESTARTS = (
    encode(PHOTO, "JPEG", quality=88, **options) for options in ({}, {"progressive": True}, {"restart_marker_rows": 1})
)
LIMITS = Limits(10**9, 16, 4 << 30, isolated=True)


def noisy(data: bytes, start: float, stop: float = 1.0) -> bytes:
    first, last = int(start * len(data)), int(stop * len(data)) - 2
    # At most markers that make no sense libjpeg gives up, and no picture is left to be called damaged: not at these.
    noise = np.random.default_rng(3).bytes(last - first).replace(b"\xff", b"\xfe")
    return data[:first] + b"\xff\xd5" + noise[2:] + data[last:]


SAID = {
    "the last third of a sequential file is noise": (noisy(PLAIN, 0.66), "where the file has none"),
    "a sector within it is noise": (noisy(PLAIN, 0.5, 0.6), "where the file has none"),
    "the later scans of a progressive file are noise": (
        SCANS[: len(SCANS) // 2] + np.random.default_rng(3).bytes(len(SCANS) // 2) + b"\xff\xd9",
        "within the coded",
    ),
    "the later scans of a progressive file are noise without markers": (
        SCANS[: len(SCANS) // 2] + bytes(len(SCANS) // 2) + b"\xff\xd9",
        "its last scans are missing",
    ),
    "a restart marker where there are none": (PLAIN[:-900] + b"\xff\xd3" + PLAIN[-900:], "where the file has none"),
}


@pytest.mark.parametrize(("data", "said"), SAID.values(), ids=SAID)
@pytest.mark.parametrize("compiled", [False, True])
def test_noise_among_the_markers_is_damage_however_it_is_read(data, said, compiled):
    assert said in (read_jpeg(data, LIMITS, compiled).damaged or "")


SOUND = {
    "sequential": PLAIN, "progressive": SCANS, "restarts": RESTARTS,
    "a video behind it": PLAIN + b"\xff\x37" * 99,
    "comments between scans": SCANS.replace(b"\xff\xc4", b"\xff\xfe\0\3x\xff\xc4", 3),
}  # fmt: skip


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_sound_file_is_not_called_damaged(data):
    assert inline(data).damaged is None


def test_no_jpeg_of_a_corpus_is_called_damaged():
    looked = 0
    for path in files("clothing", ".jpg")[:200]:
        data = path.read_bytes()
        if data[:3] == b"\xff\xd8\xff":
            assert damage_of(data, read_header(data)) is None, path
            looked += 1
    assert looked


def test_a_png_whose_sums_do_not_fit_is_damaged():
    data = bytearray(encode(PHOTO, "PNG"))
    assert inline(bytes(data)).damaged is None
    at = data.index(b"IDAT")
    data[at + 4 + int.from_bytes(data[at - 4 : at], "big")] ^= 1
    assert inline(bytes(data)).damaged == "PNG: the checksum of IDAT doesn't fit"


def test_what_a_second_decoder_mends_is_damaged(monkeypatch):
    def refuses(_: bytes, __: Limits):
        raise DecodeError("corrupt", "PNG: a first decoder's word")

    monkeypatch.setattr(decode, "first_reader", lambda kind: refuses)
    found = decode.read("png", encode(PHOTO, "PNG"), LIMITS)
    assert (found.width, found.damaged) == (640, "PNG: a first decoder's word")


BODIES = {b"gAMA": (45_455).to_bytes(4, "big"), b"cHRM": bytes(32), b"sRGB": b"\0", b"pHYs": bytes(9), b"tEXt": b"a\0b"}


@pytest.mark.parametrize("kind", BODIES)
def test_a_png_whose_other_sums_do_not_fit_is_sound(kind):
    data, body = encode(PHOTO, "PNG"), BODIES[kind]
    found = taken(data[:33] + len(body).to_bytes(4, "big") + kind + body + b"sums" + data[33:])
    assert (found.width, found.damaged) == (640, None)
