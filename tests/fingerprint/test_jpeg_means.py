"""The compiled loops give libjpeg's own pixels, or leave the file to it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirrorfold.transforms.fingerprint import jpeg, jpeg_means
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.huffman import make_tables
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint import corpora
from tests.fingerprint.worlds import encode, photo

SIZES = {"whole units": (1280, 800), "cut units": (1203, 797), "one block more": (1201, 769)}
CODINGS = {
    "plain": {},
    "optimised codes": {"optimize": True},
    "restarts in a row": {"restart_marker_blocks": 7},
    "a restart a row": {"restart_marker_rows": 1},
    "finest": {"quality": 100},
    "coarsest": {"quality": 1},
}


class Here:
    """A sandbox in this process: for files that are broken, not hostile."""

    def run(self, kind: str, data: bytes, limits: Limits) -> Picture:
        """Decode at once."""
        return read(kind, data, replace(limits, isolated=True))


def outcome(data: bytes, compiled: bool) -> Picture | tuple[str, str]:
    """Decode, or give the failure's code and message; what would go to the sandbox is decoded here, as it would be."""
    try:
        return decode(data, FingerprintOptions(compiled=compiled, sandbox_bytes=900 << 20), Here())
    except DecodeError as error:
        return error.code, error.message


def is_read(data: bytes) -> bool:
    """Tell whether the compiled loops take this file."""
    return jpeg_means.read_means(data, jpeg.read_header(data)) is not None


@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
@pytest.mark.parametrize("sampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
@pytest.mark.parametrize("coding", CODINGS)
def test_well_formed_files_come_out_as_libjpeg_makes_them(coding, sampling, progressive):
    for size in SIZES.values():
        image = photo("rocket.jpg", size)
        options = {"quality": 80, **CODINGS[coding], "progressive": progressive}
        if sampling == "grey":
            data = encode(image.convert("L"), "JPEG", **options)
        else:
            data = encode(image, "JPEG", subsampling=sampling, **options)
        assert is_read(data)
        assert outcome(data, compiled=True) == outcome(data, compiled=False)


def test_noise_whose_blocks_use_every_coefficient():
    pixels = np.random.default_rng(5).integers(0, 256, (800, 1000, 3), np.uint8)
    data = encode(Image.fromarray(pixels), "JPEG", quality=100)
    assert is_read(data)
    assert outcome(data, compiled=True) == outcome(data, compiled=False)


def test_samples_cover_every_pixel_that_colour_is_taken_from():
    """Chrominance is made where it is sampled alone: a wrong place would show as a colour of another part."""
    image = Image.new("RGB", (1600, 1000))
    for row in range(20):
        for column in range(32):
            image.paste((row * 12, column * 7, (row * column) % 255), (column * 50, row * 50, 1600, 1000))
    data = encode(image, "JPEG", quality=95)
    assert is_read(data)
    assert outcome(data, compiled=True) == outcome(data, compiled=False)


BASES = {
    "sequential": encode(photo("chelsea.png", (1100, 780)), "JPEG", quality=60),
    "restarts": encode(photo("chelsea.png", (1100, 780)), "JPEG", quality=60, restart_marker_blocks=16),
    "progressive": encode(photo("chelsea.png", (1100, 780)), "JPEG", quality=60, progressive=True),
    "grey": encode(photo("chelsea.png", (1100, 780)).convert("L"), "JPEG", quality=60),
}


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_broken_files_are_judged_as_libjpeg_judges_them(base, seed):
    data = mutated(BASES[base], random.Random(seed))
    assert outcome(data, compiled=True) == outcome(data, compiled=False)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Cut, overwrite, insert or delete; the header is hit as often as the picture."""
    broken = bytearray(data)
    kind = chance.choice(["cut", "anywhere", "header", "insert", "delete", "end"])
    if kind == "cut":
        return bytes(broken[: chance.randrange(20, len(broken))])
    reach = 700 if kind == "header" else len(broken)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(3, reach)
        if kind == "insert":
            broken[at:at] = chance.randbytes(chance.randint(1, 9))
        elif kind == "delete":
            del broken[at : at + chance.randint(1, 9)]
        else:
            broken[at if kind != "end" else -chance.randint(1, 6)] = chance.randrange(256)
        reach = min(reach, len(broken))
    return bytes(broken)


REFUSED = {
    "no end": lambda data: data[:-2],
    "bytes before the end": lambda data: data[:-2] + bytes(3) + data[-2:],
    "stray bytes between segments": lambda data: data[:2] + b"\0\0" + data[2:],
    "fill bytes before a marker": lambda data: data[:2] + b"\xff" + data[2:],
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_is_not_plain_is_left_to_libjpeg(change):
    data = REFUSED[change](BASES["sequential"])
    assert not is_read(data)
    assert outcome(data, compiled=True) == outcome(data, compiled=False)


def test_what_lies_behind_the_picture_is_seen_however_it_is_read():
    data = BASES["sequential"] + b"\0\0\0\x18ftypmp42" + bytes(16)
    assert is_read(data)
    read = outcome(data, compiled=True)
    assert read == outcome(data, compiled=False)
    assert read.parts == ("motion-video",)
    assert outcome(BASES["sequential"], compiled=True).parts == ()


def test_what_libjpeg_has_no_memory_for_is_read_by_its_means_in_the_sandbox():
    data, tight = BASES["progressive"], Limits(10**9, 4, 1 << 20)
    with pytest.raises(DecodeError, match="would take"):
        read("jpeg", data, tight)
    assert read("jpeg", data, replace(tight, isolated=True)) == outcome(data, compiled=True)


def test_codes_of_ones_alone_and_too_many_codes_are_refused():
    def definition(counts: dict[int, int]) -> bytes:
        lengths = bytes(counts.get(length, 0) for length in range(1, 17))
        return b"\0" + lengths + bytes(sum(lengths))

    chosen = ((0, -1), (0, -1))
    assert make_tables(definition({1: 1, 2: 1}), chosen) is not None
    assert make_tables(definition({1: 2}), chosen) is None
    assert make_tables(definition({1: 3}), chosen) is None
    assert make_tables(definition({1: 1})[:-1], chosen) is None
    assert make_tables(definition({1: 1}), ((1, -1), (0, -1))) is None


def test_every_jpeg_of_the_corpora_comes_out_alike():
    paths = [path for folder in ("pdq-data", "exif-orientation", "twelvemonkeys", "image-rs", "pillow-heif", "clothing")
             for path in corpora.files(folder) if path.suffix.lower() in (".jpg", ".jpeg")]  # fmt: skip
    compared = 0
    for path in paths:
        data = path.read_bytes()
        if not data.startswith(b"\xff\xd8\xff"):
            continue
        assert outcome(data, compiled=True) == outcome(data, compiled=False), path.name
        compared += 1
    assert compared > 200


@pytest.mark.slow
def test_no_mutated_file_leads_the_loops_outside_their_arrays(tmp_path):
    """Compiled loops don't check bounds: here they are compiled to, and a step outside ends the process."""
    command = [sys.executable, "-m", "tests.fingerprint.bounds_checked", "4000"]
    checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, env=checked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    taken, tried = map(int, done.stdout.split())
    assert 400 < taken < tried - 400  # both those that are read and those that are refused
