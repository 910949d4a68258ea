"""Hostile files end as a stable code within their budgets; a decoder's crash or hang ends one process, not the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from mirrorfold.schemas.failures import CODES
from mirrorfold.transforms.fingerprint import sandbox as sandbox_module
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from tests.fingerprint.worlds import encode, photo

OPTIONS = FingerprintOptions(max_seconds=60)
LIMITS = Limits(10**9, 4, 1 << 31)
PHOTO = photo(size=(640, 480))


@pytest.fixture(scope="module")
def sandbox():
    pool = SandboxPool(1, OPTIONS.sandbox_bytes, OPTIONS.max_seconds)
    yield pool
    pool.close()


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def bomb(side: int, bits: int, colours: int) -> bytes:
    """A PNG of one colour: a few KB that declare side x side pixels."""
    samples = {0: 1, 2: 3, 6: 4}[colours]
    row = b"\0" + bytes((side * bits * samples + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = side.to_bytes(4, "big") * 2 + bytes([bits, colours, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def code_of(data: bytes, pool, options=OPTIONS) -> str:
    try:
        decode(data, options, pool)
    except DecodeError as error:
        return error.code if error.code in CODES else f"an unstable code: {error.code}"
    return "read"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("16-bit RGBA bomb", bomb(20_000, 8, 6), "too-much-memory"),
        ("bomb over the pixel budget", bomb(21_000, 1, 0), "too-many-pixels"),
    ],
    ids=["memory", "pixels"],
)
def test_bombs_are_refused_by_their_headers(name, data, code, sandbox):
    assert len(data) < 3_000_000
    assert code_of(data, sandbox) == code


MEASURE = """
import json, resource, sys
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
options = FingerprintOptions(compiled=True)
pool = SandboxPool(1, options.sandbox_bytes, options.max_seconds)
try:
    code = decode(open(sys.argv[1], "rb").read(), options, pool).media_type
except DecodeError as error:
    code = error.code
pool.close()
peaks = [resource.getrusage(who).ru_maxrss >> 10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([code, *peaks]))
"""


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: bomb(20_000, 1, 0), "image/png"),
        (lambda: encode(Image.new("L", (15_000, 15_000)), "JPEG"), "image/jpeg"),
        (lambda: encode(Image.new("RGB", (10_000, 10_000)), "JPEG", progressive=True), "image/jpeg"),
    ],
    ids=["48 KB PNG of 400 MP", "225 MP JPEG", "100 MP progressive JPEG"],
)
def test_no_process_passes_its_memory_on_large_pictures(make, code, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(make())
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", MEASURE, str(path)], capture_output=True, check=True)
    found, parent, child = json.loads(done.stdout)
    assert found == code
    assert max(parent, child) < 3_000


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_files_fail(kind, share, sandbox):
    data = encode(PHOTO, kind)
    assert code_of(data[: int(len(data) * share)], sandbox) in ("truncated", "corrupt", "not-an-image")


def test_a_truncated_progressive_file_isnt_read_from_its_first_scan(sandbox):
    data = encode(PHOTO, "JPEG", progressive=True)
    assert code_of(data[: int(len(data) * 0.6)], sandbox) == "truncated"


@pytest.mark.parametrize(("first", "second"), [("JPEG", "PNG"), ("PNG", "TIFF"), ("GIF", "JPEG")])
def test_a_file_is_what_its_bytes_say(first, second, sandbox):
    # The first format's magic before the second's data: one decoder is asked, and no other.
    data = encode(PHOTO, first)[:16] + encode(PHOTO, second)
    assert code_of(data, sandbox) in ("corrupt", "truncated", "too-many-pixels", "too-much-memory")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("segfault", "crashed"),
        ("killed", "too-much-memory"),
        ("spin", "too-slow"),
        ("sleep", "too-slow"),
        ("nonsense", "crashed"),
        ("endless", "crashed"),
        ("exit", "crashed"),
    ],
)
def test_a_decoder_gone_wrong_ends_alone(kind, code, monkeypatch):
    monkeypatch.setattr(sandbox_module, "WALL_GRACE", 3.0)
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    pool = SandboxPool(1, OPTIONS.sandbox_bytes, 1.0, "tests.fingerprint.bad_worker")
    with pytest.raises(DecodeError) as caught:
        pool.run(kind, b"data", LIMITS)
    assert caught.value.code == code
    pool.close()


def test_memory_beyond_the_budget_is_a_failure_not_a_crash():
    tight = SandboxPool(1, 700 << 20, 60)
    data = encode(Image.new("RGB", (14_000, 10_000), (1, 2, 3)), "TIFF", compression="tiff_lzw")
    with pytest.raises(DecodeError) as caught:
        tight.run("tiff", data, LIMITS)
    assert caught.value.code in ("too-much-memory", "crashed", "corrupt")
    assert tight.run("tiff", encode(PHOTO, "TIFF"), LIMITS).width == 640
    tight.close()
