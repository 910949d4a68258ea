"""Walk the chunks of PNG, WebP, ISO media and JPEG XL without decoding: sizes, and digests without metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"acTL", b"fcTL", b"fdAT", b"IEND"})
_WEBP_METADATA = frozenset({b"EXIF", b"XMP ", b"ICCP", b"VP8X", b"C2PA"})
MAX_CHUNKS = 1_000_000


class Walk(NamedTuple):
    """What a walk found: a digest of the coded picture (None where it makes no sense), and whether it loses nothing."""

    digest: str | None
    lossless: bool = True


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk's type with the start and stop of its content; a broken length ends the walk."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        stop = at + 8 + length
        if stop + 4 > len(data):
            return
        yield data[at + 4 : at + 8], at + 8, stop
        at = stop + 4


def walk_png(data: bytes, salt: bytes) -> Walk:
    """Digest the critical chunks of a PNG."""
    found, view = hashlib.sha256(b"png\0" + salt), memoryview(data)
    for kind, start, stop in png_chunks(data):
        if kind in _PNG_PICTURE:
            if kind not in (b"IDAT", b"IEND"):
                found.update(kind + (stop - start).to_bytes(4, "big"))
            found.update(view[start:stop])
    return Walk(found.hexdigest())


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk's type of a WebP with the start and stop of its content; the file's end may cut the last."""
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        stop = min(len(data), at + 8 + length)
        yield data[at : at + 4], at + 8, stop
        at = stop + (length & 1)


def walk_webp(data: bytes, salt: bytes) -> Walk:
    """Digest the picture chunks of a WebP."""
    found, lossless, view = hashlib.sha256(b"webp\0" + salt), False, memoryview(data)
    for kind, start, stop in riff_chunks(data):
        lossless = lossless or kind == b"VP8L" or (kind == b"ANMF" and data[start + 16 : start + 20] == b"VP8L")
        if kind not in _WEBP_METADATA:
            found.update(view[start - 8 : stop])
    return Walk(found.hexdigest(), lossless)


def iso_boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Give the boxes of an ISO media file or JP2/JXL container: type, start and stop of the content."""
    at, stop = start, len(data) if stop is None else stop
    for _ in range(MAX_CHUNKS):
        if at + 8 > stop:
            return
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        kind = bytes(data[at + 4 : at + 8])
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif length == 0:
            length = stop - at
        if length < head or at + length > stop:
            return
        yield kind, at + head, at + length
        at += length


def join_associations(data: bytes) -> bytes:
    """Join an AVIF's property associations where they lie in several boxes of one kind, which libavif refuses.

    Writers before 2021 gave the alpha picture a box of its own. No byte moves: the joined box fills both places.
    """
    start, stop = _box(data, b"iprp", *_box(data, b"meta", 0, len(data), 0), 4)
    found = [(first, last) for kind, first, last in iso_boxes(data, start, stop) if kind == b"ipma"]
    kinds = {data[first : first + 4] for first, _ in found}
    if len(found) < 2 or len(kinds) > 1 or any(after[0] != before[1] + 8 for before, after in pairwise(found)):
        return data
    count = sum(int.from_bytes(data[first + 4 : first + 8], "big") for first, _ in found)
    body = b"".join([*kinds, count.to_bytes(4, "big"), *(data[first + 8 : last] for first, last in found)])
    start, stop = found[0][0], found[-1][1]
    size = (stop - start + 8).to_bytes(4, "big")
    return b"".join([data[: start - 8], size, b"ipma", body.ljust(stop - start, b"\0"), data[stop:]])


def _box(data: bytes, name: bytes, start: int, stop: int, skip: int) -> tuple[int, int]:
    """Find a box within another's content, `skip` bytes into it; (0, 0) where there is none."""
    inner = iso_boxes(data, start + skip, stop) if stop else ()
    return next(((first, last) for kind, first, last in inner if kind == name), (0, 0))


def jxl_size(data: bytes) -> tuple[int, int]:
    """Read width and height from a JPEG XL's codestream header (ISO 18181-1, SizeHeader); (0, 0) where it has none."""
    stream = bytes(data[:16])
    if data[:2] != b"\xff\x0a":
        stream = b""
        for kind, start, stop in iso_boxes(data):
            if kind in (b"jxlc", b"jxlp"):
                start += 4 if kind == b"jxlp" else 0
                stream = bytes(data[start : min(stop, start + 16)])
                break
    if stream[:2] != b"\xff\x0a":
        return 0, 0
    bits, at = int.from_bytes(stream[2:], "little"), 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return (bits >> (at - count)) & ((1 << count) - 1)

    small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    ratios = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
    if ratio:
        return height * ratios[ratio][0] // ratios[ratio][1], height
    return side(), height
