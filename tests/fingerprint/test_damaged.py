"""Damage that costs nothing to see is written down: noise among the markers, and what a second decoder mends."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfold.transforms.fingerprint import decode, jpeg_heard
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.read_jpeg import read_jpeg
from tests.fingerprint.corpora import files
from tests.fingerprint.test_icc import profile_of
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


KINDS = {
    "small": PLAIN,
    "large": encode(photo(size=(1100, 780)), "JPEG", quality=70),
    "grey": encode(PHOTO.convert("L"), "JPEG"),
    "CMYK, with Adobe's marker": encode(PHOTO.convert("CMYK"), "JPEG"),
    "4:1:1": encode(PHOTO, "JPEG", subsampling="4:1:1"),
    "restarts": RESTARTS,
    "progressive": SCANS,
    "progressive, read whole": encode(photo(size=(160, 120)), "JPEG", progressive=True),
    "a wide profile": encode(photo(size=(1100, 780)), "JPEG", icc_profile=profile_of("Adobe RGB")),
    "extended": PLAIN.replace(b"\xff\xc0", b"\xff\xc1", 1),
    "fill bytes before a marker": PLAIN[:2] + b"\xff\xff" + PLAIN[2:],
}


def without(data: bytes, count: int) -> bytes:
    """Leave out bytes of the first scan, early enough to be among what is read of a progressive file."""
    start = read_header(data).scan + 300
    return data[:start] + data[start + count :]


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["libjpeg", "loops"])
def test_what_libjpeg_says_of_broken_data_is_written_down_for_every_kind(data, compiled):
    def said(data: bytes) -> str | None:
        return read_jpeg(*_plain(data), compiled).damaged

    assert said(data) is None
    assert "Corrupt JPEG data: " in (said(without(data, 200)) or "")
    header = read_header(data)
    # Of a progressive file the last scans aren't read, of CMYK not what follows the last line.
    if not header.progressive and header.components <= jpeg_heard.MOST_COLOURS:
        assert "extraneous bytes before marker" in (said(data[:-2] + bytes(9) + data[-2:]) or "")


def _plain(data: bytes):
    return decode.plain_jpeg(data)[0], LIMITS


def test_a_process_that_has_heard_much_goes_over_to_the_loops(monkeypatch):
    asked = []
    monkeypatch.setattr(jpeg_heard, "said", lambda data, header: asked.append(len(data)) or "")
    monkeypatch.setattr(jpeg_heard, "_heard", [jpeg_heard.ENOUGH - len(PLAIN)])
    for _ in range(3):
        read_jpeg(PLAIN, LIMITS)
    assert len(asked) == 2
    monkeypatch.setattr(jpeg_heard, "_heard", [jpeg_heard.ENOUGH])
    tight = Limits(10**9, 16, 600_000)  # a large picture goes to the sandbox to be heard, until the loops read it here
    with pytest.raises(DecodeError):
        read_jpeg(PLAIN, tight)
    assert read_jpeg(PLAIN, tight).damaged is None


@pytest.mark.parametrize("data", [without(PLAIN, 200), KINDS["fill bytes before a marker"]], ids=["broken", "odd"])
def test_a_worker_hears_no_markers_that_are_odd_and_no_large_picture(data):
    """OpenImageIO's own reading of them is the sandbox's."""
    tight = Limits(10**9, 16, 600_000)
    with pytest.raises(DecodeError) as refused:
        read_jpeg(data, tight)
    assert refused.value.code == "too-much-memory"


def test_what_is_too_large_to_be_heard_stays_in_the_worker(monkeypatch):
    monkeypatch.setattr(jpeg_heard, "MOST_MEMORY", 1 << 20)
    assert read_jpeg(without(PLAIN, 200), Limits(10**9, 16, 600_000)).damaged is None


def test_a_marker_that_only_pillow_stumbles_at_is_no_damage():
    at = PLAIN.index(b"JFIF") - 4
    assert taken(PLAIN[:at] + b"\xff\xe0\0\7JFIF\0" + PLAIN[at + 18 :]).damaged is None


def test_no_jpeg_of_a_corpus_is_called_damaged():
    looked = 0
    for path in files("clothing", ".jpg")[:200]:
        data = path.read_bytes()
        if data[:3] == b"\xff\xd8\xff":
            assert inline(data).damaged is None, path
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
