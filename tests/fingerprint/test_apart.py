"""What hostile files declare ends as their own row: never the run, the shard's other files, or the worker's memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import CODES
from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.names import Guess, guess
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import NUMBERS, Picture, check_numbers
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from tests.fingerprint import apart, corpora
from tests.fingerprint.worlds import MemoryStores, encode, inline, listing, photo

PHOTO = photo(size=(96, 72))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """Put chunks between a PNG's header and its end."""
    parts = [
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animated_png(declared: int, *places: tuple[int, int, int, int]) -> bytes:
    """A PNG whose animation declares so many frames, of which those at `places` (width, height, x, y) are there."""
    body = zlib.compress(b"".join(b"\0" + bytes(16) for _ in range(16)))
    head = (16).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    control = [
        (b"fcTL", struct.pack(">IIIIIHHBB", max(0, 2 * n - 1), *place, 1, 10, 0, 0)) for n, place in enumerate(places)
    ]
    first, later = control[:1], []
    for n, one in enumerate(control[1:], start=1):
        later += [one, (b"fdAT", (2 * n).to_bytes(4, "big") + zlib.compress((b"\0" + bytes(8)) * 8))]
    return png_of((b"IHDR", head), (b"acTL", struct.pack(">II", declared, 0)), *first, (b"IDAT", body), *later,
                  (b"IEND", b""))  # fmt: skip


def gif_with_a_frame_at(left: int, top: int) -> bytes:
    """A GIF whose second frame lies there."""
    data = bytearray(encode(PHOTO.quantize(8), "GIF", save_all=True, append_images=[PHOTO.rotate(90).quantize(8)]))
    second = data.index(b"\x2c", data.index(b"\x2c\0\0\0\0") + 10)
    while bytes(data[second + 1 : second + 5]) != b"\0\0\0\0":
        second = data.index(b"\x2c", second + 1)
    struct.pack_into("<HH", data, second + 1, left, top)
    return bytes(data)


def webp_with_a_frame_at(left: int, top: int) -> bytes:
    """An animated WebP whose second frame lies there."""
    data = bytearray(encode(PHOTO, "WEBP", save_all=True, append_images=[PHOTO.rotate(90)]))
    second = data.index(b"ANMF", data.index(b"ANMF") + 4)
    data[second + 8 : second + 14] = (left // 2).to_bytes(3, "little") + (top // 2).to_bytes(3, "little")
    return bytes(data)


def tiff_with_a_page_of(side: int) -> bytes:
    """A TIFF whose second page declares side x side pixels."""
    data = bytearray(encode(PHOTO, "TIFF", save_all=True, append_images=[PHOTO]))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * entries)[0]
    for index in range(struct.unpack_from("<H", data, second)[0]):
        at = second + 2 + 12 * index
        if struct.unpack_from("<H", data, at)[0] in (256, 257):
            struct.pack_into("<HII", data, at + 2, 4, 1, side)
    return bytes(data)


HOSTILE = {
    "PNG of 2^31 frames": (lambda: animated_png((1 << 31) + 1), "read"),
    "PNG of 2^32-1 frames, two there": (lambda: animated_png((1 << 32) - 1, (16, 16, 0, 0), (8, 8, 0, 0)), "read"),
    "PNG of 10^6 frames, two there": (lambda: animated_png(10**6, (16, 16, 0, 0), (8, 8, 0, 0)), "read"),
    "PNG with a frame far out": (lambda: animated_png(2, (16, 16, 0, 0), (8, 8, 1 << 30, 1 << 30)), "too-many-pixels"),
    "GIF with a frame far out": (lambda: gif_with_a_frame_at(65_535, 65_535), "too-many-pixels"),
    "GIF with a frame at 15,000": (lambda: gif_with_a_frame_at(15_000, 15_000), "too-much-memory"),
    "WebP with a frame far out": (lambda: webp_with_a_frame_at(30_000_000, 30_000_000), "too-many-pixels"),
    "TIFF with a page of 4 GP": (lambda: tiff_with_a_page_of(65_535), "too-many-pixels"),
    "a sound animation": (lambda: encode(PHOTO, "GIF", save_all=True, append_images=[PHOTO.rotate(90)]), "read"),
}


@pytest.fixture(scope="module")
def ended() -> dict[str, apart.Outcome]:
    """How each hostile file ends, in a process of its own."""
    made = {name: make() for name, (make, _) in HOSTILE.items()}
    return dict(zip(made, apart.outcomes(made.values()), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_lies_too_far_out_is_refused_before_it_is_decoded(name, ended):
    assert ended[name].code == HOSTILE[name][1], ended[name]
    assert ended[name].mebibytes < 3_000


@pytest.mark.parametrize("name", ["PNG of 2^32-1 frames, two there", "PNG of 10^6 frames, two there"])
def test_frames_are_counted_where_they_lie(name, pool):
    picture = decode(HOSTILE[name][0](), FingerprintOptions(), pool)
    assert picture.frames in (1, 2)


@pytest.fixture(scope="module")
def pool():
    options = FingerprintOptions()
    found = SandboxPool(2, options.sandbox_bytes, 60)
    yield found
    found.close()


class Recorder:
    """A sandbox that notes what came."""

    def __init__(self):
        self.kinds: list[str] = []

    def run(self, kind, data, limits):
        """Note, and give any picture."""
        self.kinds.append(kind)
        return inline(encode(PHOTO, "PNG"))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_later_frames_are_decoded_in_the_sandbox_alone(kind):
    recorder = Recorder()
    decode(encode(PHOTO, kind, save_all=True, append_images=[PHOTO.rotate(90)]), FingerprintOptions(), recorder)
    decode(encode(PHOTO, kind), FingerprintOptions(), recorder)
    assert recorder.kinds == [kind.lower()]


TWO = FingerprintOptions(threads=2)


def shard_of(contents: dict[str, bytes], decoder, options: FingerprintOptions = TWO):
    """Fingerprint one shard over a dict of files."""
    (shard,) = plan.cut_shards(plan.readable(listing(contents), options), options, 1000)
    return fingerprint_shard(shard, MemoryStores(contents), decoder, options)


def _raise(error: BaseException) -> None:
    raise error


BROKEN = {
    "a reader that no one foresaw": (lambda picture: _raise(NotImplementedError("x")), "crashed"),
    "no memory": (lambda picture: _raise(MemoryError()), "too-much-memory"),
    "frames beyond their column": (lambda picture: setattr(picture, "frames", (1 << 31) + 1), "crashed"),
    "a luma of the wrong size": (lambda picture: setattr(picture, "luma", b"short"), "crashed"),
    "text that is no text": (lambda picture: picture.provenance.update(title="\ud800"), "crashed"),
    "a number for a text": (lambda picture: picture.provenance.update(title=7), "crashed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_one_file_does_while_rows_are_made_is_its_own_failure(name):
    spoil, code = BROKEN[name]
    contents = {f"mem://b/{turn}.png": encode(PHOTO.rotate(turn), "PNG") for turn in range(40)}
    bad = contents["mem://b/7.png"]

    def decoder(data: bytes) -> Picture:
        picture = inline(data)
        if data == bad:
            spoil(picture)
        return picture

    result = shard_of(contents, decoder)
    assert [(row["uri"], row["error"]) for row in result.failures.to_pylist()] == [("mem://b/7.png", code)]
    assert result.contents.num_rows == result.assignments.num_rows == len(contents) - 1


@pytest.mark.parametrize("name", NUMBERS)
def test_declared_numbers_are_checked_against_their_columns(name):
    assert NUMBERS[name] == 1 << (CONTENTS.schema.field(name).type.bit_width - 1)
    picture = inline(encode(PHOTO, "PNG"))
    check_numbers(picture)
    for wrong in (NUMBERS[name], -1, 1.5, "7"):
        setattr(picture, name, wrong)
        with pytest.raises(DecodeError, match="it declares"):
            check_numbers(picture)


GREEDY = """
import sys
from mirrorfold.transforms.fingerprint.memory import ceiling
def takes():
    try:
        bytearray(1 << 30)
    except MemoryError:
        return False
    return True
found = [takes()]
with ceiling(256 << 20), ceiling(1 << 40):
    found.append(takes())
found.append(takes())
print(found)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no limit on private memory elsewhere")
def test_a_worker_takes_no_more_than_its_ceiling_while_it_fingerprints():
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[True, False, True]"


SUITES = Path(os.environ.get("MIRRORFOLD_SUITES", corpora.PLACE / "suites"))
"""Test files of decoders' own projects: Pillow's Tests/images above all, one folder each."""
PHOTOGRAPHS = frozenset({"dogcat", "clothing", "potatoes", "handbook"})
"""Corpora of ordinary photographs, hundreds each, which say nothing here."""


KNOWN = [line.split("\t") for line in Path(__file__).with_name("unread.tsv").read_text().splitlines()]
"""What isn't read of them: a pattern of paths, the code, and why."""


def is_known(path: Path, code: str) -> bool:
    """Tell whether a file is known to end so; what has no picture's name may be no picture."""
    if code == "not-an-image" and guess(path.name, None) is not Guess.IMAGE:
        return True
    return any(fnmatch(str(path), pattern) and code == expected for pattern, expected, _ in KNOWN)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_file_of_the_decoders_own_suites_is_read_or_known(pool):
    paths = sorted(path for place in (SUITES, corpora.PLACE) for path in place.rglob("*") if path.is_file())
    paths = [path for path in paths if path.stat().st_size and not any(part in PHOTOGRAPHS for part in path.parts)]
    if not paths:
        pytest.skip("no test suites of decoders: set MIRRORFOLD_SUITES")
    ends = dict(zip(paths, apart.outcomes(path.read_bytes() for path in paths), strict=True))
    assert {path: end for path, end in ends.items() if end.mebibytes >= 3_000} == {}
    # A decoder that ends its process is met in the sandbox: below, the same as archives, one for each suffix.
    whole = {path: end for path, end in ends.items() if end.code != "lost"}
    assert {path: end for path, end in whole.items() if end.code not in {*CODES, "read"}} == {}
    assert {path: end for path, end in whole.items() if end.code != "read" and not is_known(path, end.code)} == {}
    options = FingerprintOptions(threads=4, max_seconds=60)
    for suffix in sorted({path.suffix for path in paths}):
        contents = {f"mem://b/{n}": path.read_bytes() for n, path in enumerate(paths) if path.suffix == suffix}
        result = shard_of(contents, lambda data: decode(data, options, pool), options)
        assert result.assignments.num_rows + result.failures.num_rows == len(contents)
        lost = {int(row["uri"][8:]): row["error"] for row in result.failures.to_pylist()}
        assert {n: code for n, code in lost.items() if not is_known(paths[n], code)} == {}
