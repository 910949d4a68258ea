"""A file's coded picture without its metadata, as bytes, for a comparison of two files of one format."""

from __future__ import annotations

import re

from mirrorfold.transforms.fingerprint import containers, ifd
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.tiff_pages import find_pages

_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
_BOXES = frozenset({b"mdat", b"jp2c", b"jxlc", b"jxlp"})
_BEHIND = re.compile(rb"\xff\xd9(?=\0*(?:\xff\xd8\xff|.{4}ftyp))", re.DOTALL)
"""A JPEG's end before another JPEG (a gain map, a second picture) or a video. Elsewhere the last end counts: a flipped
byte may look like one."""


def coded(kind: str, data: bytes) -> tuple[bytes, bytes]:
    """Give (tables before the picture, the coded picture); of other formats, and odd files, nothing and all bytes."""
    try:
        body = _READERS[kind](data) if kind in _READERS else data
    except DecodeError:
        return b"", data
    return body if isinstance(body, tuple) else (b"", body)


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    header = read_header(data)
    behind = _BEHIND.search(data, header.scan)
    end = behind.start() if behind else data.rfind(b"\xff\xd9")
    head = b"".join(data[start:stop] for start, stop in header.picture_parts[:-1])
    return head + data[header.scan_marker : header.scan], data[header.scan : end if end > header.scan else len(data)]


def _png(data: bytes) -> bytes:
    return b"".join(data[at:stop] for kind, at, stop in containers.png_chunks(data) if kind in (b"IDAT", b"fdAT"))


def _webp(data: bytes) -> bytes:
    pictures = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
    return b"".join(data[at:stop] for kind, at, stop in containers.riff_chunks(data) if kind in pictures)


def _boxed(data: bytes) -> bytes:
    return b"".join(data[at:stop] for kind, at, stop in containers.iso_boxes(data) if kind in _BOXES) or data


def _tiff(data: bytes) -> bytes:
    layout = ifd.layout_of(data)
    pages = find_pages(data, layout) if layout else []
    pages = pages[1:] if len(pages) > 1 and pages[1].may_be_shrunk_to(pages[0].full) else pages  # behind a thumbnail
    full = ifd.read_directory(data, layout, pages[0].full.offset) if layout and pages else None
    if full is None:
        return data
    at, length = (full.numbers(a) or full.numbers(b) for a, b in ((_STRIPS, _TILES), (_STRIP_BYTES, _TILE_BYTES)))
    return b"".join(data[int(a) : int(a) + int(n)] for a, n in zip(at, length, strict=False)) or data


_READERS = {
    "jpeg": _jpeg, "png": _png, "webp": _webp, "tiff": _tiff, "heic": _boxed, "avif": _boxed, "jp2": _boxed,
    "jxl": _boxed,
}  # fmt: skip
