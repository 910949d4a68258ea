"""Odd, cut and spoilt files are read as they are, or have a true code: what counts as damaged no decoder here reads."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfold.transforms.fingerprint import cut, second, sniff
from mirrorfold.transforms.fingerprint.canonical import canonical_grey
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint.apart import Here
from tests.fingerprint.odd_files import DAMAGED, JPEG, LOOKS_OTHERWISE, MADE, NOT_READ, PHOTO, PROGRESSIVE

OPTIONS = FingerprintOptions()


def taken(data: bytes) -> Picture:
    """Decode as a worker does, with this process for its sandbox."""
    return decode(data, OPTIONS, Here())


def _expected(name: str) -> str | None:
    return NOT_READ.get(name, "truncated" if "cut at" in name else None)


@pytest.mark.parametrize("name", [name for name in MADE if _expected(name)])
def test_what_is_not_read_has_a_true_code(name: str) -> None:
    data, code = MADE[name](), _expected(name)
    with pytest.raises(DecodeError) as failure:
        taken(data)
    assert failure.value.code == code, failure.value.message
    if code == "corrupt":
        kind = sniff.sniff(data, whole=True).name
        assert second.names(kind) or kind == "tiff", "nothing but a second decoder's word makes a file corrupt"


@pytest.mark.parametrize("name", [name for name in MADE if not _expected(name)])
def test_what_is_odd_is_read_as_it_is(name: str) -> None:
    picture = taken(MADE[name]())
    assert (DAMAGED[name] in (picture.damaged or "")) if name in DAMAGED else picture.damaged is None
    if name in LOOKS_OTHERWISE:
        return
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    shown = PHOTO.resize((picture.width, picture.height))
    assert np.abs(luma - np.frombuffer(canonical_grey(shown), np.uint8)).mean() < 4


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
def test_a_jpeg_without_its_end_is_the_same_coded_picture(data: bytes) -> None:
    whole, without = taken(data), taken(data[:-2])
    assert (without.digest, without.luma) == (whole.digest, whole.luma)
    for gone in (3, 8, 200):
        with pytest.raises(DecodeError) as failure:
            taken(data[:-gone])
        assert failure.value.code == "truncated"


@pytest.mark.parametrize("kind", ["webp", "jp2", "avif", "heic", "jxl", "tiff", "qoi"])
def test_no_bytes_at_all_are_cut_and_nothing_raises(kind: str) -> None:
    for data in (b"", b"\xff", b"II*\0\xff\xff\xff\x7f", bytes(64), b"\0\0\0\1jP  " + b"\xff" * 8, b"\xff" * 300):
        assert cut.is_cut(kind, data) in (True, False)
        cut.with_end(data)
