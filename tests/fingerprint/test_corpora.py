"""Real files of every format: each is a picture or a failure with a stable code, and what we read today stays read."""

from __future__ import annotations

import collections

import pytest

from mirrorfold.schemas.failures import CODES
from mirrorfold.transforms.fingerprint import containers, sniff
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from tests.fingerprint import corpora

READ = {
    "avif-samples": {"avif": 38},
    "pillow-heif": {"heic": 34, "png": 31},
    "image-rs": {"png": 196, "bmp": 46, "tiff": 19, "ico": 13, "tga": 12, "gif": 11, "webp": 10, "jpeg": 6},
    "twelvemonkeys": {"jpeg": 78, "bmp": 60, "tiff": 54, "tga": 27, "psd": 13, "ico": 6, "webp": 2},
    "corkami": {"png": 20},
}
"""Files of each format that are read, at least."""


@pytest.fixture(scope="module")
def sandbox():
    options = FingerprintOptions()
    pool = SandboxPool(2, options.sandbox_bytes, 60)
    yield pool
    pool.close()


@pytest.mark.slow
@pytest.mark.parametrize("folder", READ)
def test_every_file_is_a_picture_or_a_failure_with_a_code(folder, sandbox):
    read: collections.Counter[str] = collections.Counter()
    strange: set[str] = set()
    for path in corpora.files(folder):
        data = path.read_bytes()
        try:
            kind = sniff.sniff(data, whole=True).name
            decode(data, FingerprintOptions(max_seconds=60, compiled=True), sandbox)
        except DecodeError as error:
            strange |= {error.code} - set(CODES)
        else:
            read[kind] += 1
    assert not strange
    assert {kind: read[kind] for kind, least in READ[folder].items() if read[kind] < least} == {}, read


def box(kind: bytes, *content: bytes) -> bytes:
    """Write a box of an ISO media file."""
    body = b"".join(content)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def association(item: int, version: int = 0) -> bytes:
    """Write a box that gives one item one property."""
    return box(b"ipma", bytes([version, 0, 0, 0]) + (1).to_bytes(4, "big") + item.to_bytes(2, "big") + b"\x01\x81")


def avif_of(*associations: bytes) -> bytes:
    """Write the boxes around associations, and a byte of data behind them."""
    inner = box(b"iprp", box(b"ipco", box(b"ispe", bytes(12))), *associations)
    return box(b"ftyp", b"avif") + box(b"meta", bytes(4), inner) + box(b"mdat", b"x")


def test_associations_in_two_boxes_become_one_in_the_same_place():
    split = avif_of(association(1), association(2))
    joined = containers.join_associations(split)
    assert len(joined) == len(split)
    assert joined.count(b"ipma") == 1
    at = joined.find(b"ipma")
    assert joined[at + 8 : at + 20] == b"\0\0\0\2" + b"\0\1\x01\x81" + b"\0\2\x01\x81"
    assert joined[-9:] == split[-9:]
    assert containers.join_associations(joined) == joined


@pytest.mark.parametrize(
    "data",
    [avif_of(association(1)), avif_of(association(1), association(2, version=1)), b"", avif_of()[:30]],
    ids=["one", "of two kinds", "empty", "cut"],
)
def test_files_that_need_no_joining_stay_as_they_are(data):
    assert containers.join_associations(data) == data
