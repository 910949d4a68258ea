"""A progressive JPEG cut to its first scans shows what the whole file shows, and takes a fraction of the work."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirrorfold.transforms.fingerprint import jpeg
from mirrorfold.transforms.fingerprint.canonical import canonical
from mirrorfold.transforms.fingerprint.progressive import keep_first_scans
from mirrorfold.transforms.fingerprint.signatures import sign
from tests.fingerprint.worlds import encode, inline, photo


def cut(data: bytes, band: bool) -> bytes:
    return keep_first_scans(data, jpeg.read_header(data), band)


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"restart_marker_rows": 1}], ids=["420", "444", "restarts"]
)
@pytest.mark.parametrize("size", [(500, 400), (1283, 857), (2000, 1600)], ids=str)
def test_the_first_scans_hash_as_the_whole_file(size, options):
    data = encode(photo(size=size), "JPEG", quality=85, progressive=True, **options)
    whole = canonical(Image.open(io.BytesIO(data)).convert("RGB"))[0]
    lumas = np.frombuffer(inline(data).luma + whole, np.uint8).reshape(2, 64, 64)
    signed = sign(lumas)
    assert np.bitwise_count(signed.phash64[0] ^ signed.phash64[1]) <= 2
    assert np.abs(lumas[0].astype(int) - lumas[1]).mean() < 1.5


@pytest.mark.parametrize("band", [False, True], ids=["means", "band"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_cut_is_a_whole_jpeg_of_the_same_size(mode, band):
    data = encode(photo(size=(700, 500)).convert(mode), "JPEG", progressive=True)
    small = cut(data, band)
    assert len(small) < len(data) * (0.6 if band else 0.4)
    image = Image.open(io.BytesIO(small))
    image.load()
    assert image.size == (700, 500)


def test_baseline_and_small_files_are_left_whole():
    data = encode(photo(size=(300, 200)), "JPEG", progressive=True)
    assert inline(data).luma == inline(data + b"").luma
    assert jpeg.read_header(encode(photo(size=(300, 200)), "JPEG")).progressive is False


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_never_raises(data):
    whole = bytearray(encode(photo(size=(400, 300)), "JPEG", progressive=True, quality=20))
    header = jpeg.read_header(bytes(whole))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(header.scan_marker, len(whole) - 1))
        whole[at] = data.draw(st.sampled_from([0, 0xFF, 0xDA, 0xC4, 0xD9, 7]))
    keep_first_scans(bytes(whole), header, band=data.draw(st.booleans()))
