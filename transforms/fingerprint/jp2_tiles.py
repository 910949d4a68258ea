"""Tiles of a JPEG 2000 codestream, each as a codestream of its own that any decoder reads (ISO 15444-1, annex A).

A tile lies where it lay on the reference grid, so that its wavelets and packets stay as they were coded.
"""

from __future__ import annotations

import struct

_START, _PART, _END = b"\xff\x4f\xff\x51", 0xFF90, b"\xff\xd9"
_PACKET_HEADERS, _LENGTHS = 0xFF60, frozenset({0xFF55, 0xFF57})
_SIZES = struct.Struct(">8I")
MOST_TILES = 9
MOST_PARTS = 100_000


def some_tiles(data: bytes, pixels: int) -> list[bytes]:
    """Give tiles spread over a picture, of so many pixels together at most; none where it isn't cut into such tiles."""
    start = data.find(_START)
    header = _main_header(data, start) if start >= 0 else None
    if header is None:
        return []
    head, first = header
    right, below, left, above, width, height, across, down = _SIZES.unpack_from(head, 8)
    if not width or not height or width * height > pixels or across >= right or down >= below:
        return []
    columns, rows = -(-(right - across) // width), -(-(below - down) // height)
    parts = _parts(data, first)
    wanted = min(MOST_TILES, pixels // (width * height), columns * rows)
    found = []
    for number in sorted({(2 * n + 1) * columns * rows // (2 * wanted) for n in range(wanted)}):
        x, y = across + number % columns * width, down + number // columns * height
        area = (min(x + width, right), min(y + height, below), max(x, left), max(y, above), width, height, x, y)
        coded = [data[at : at + 4] + b"\0\0" + data[at + 6 : end] for at, end in parts.get(number, ())]
        if coded:
            found.append(b"".join([head[:8], _SIZES.pack(*area), head[40:], *coded, _END]))
    return found


def _main_header(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Give the main header without what it says of lengths, and where the first tile's part starts."""
    kept, at = [data[start : start + 2]], start + 2
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _PART:
            head = b"".join(kept)
            return (head, at) if len(head) >= 44 else None
        if marker == _PACKET_HEADERS or marker < 0xFF00 or length < 2:
            return None
        if marker not in _LENGTHS:
            kept.append(data[at : at + 2 + length])
        at += 2 + length
    return None


def _parts(data: bytes, at: int) -> dict[int, list[tuple[int, int]]]:
    """Find the parts of each tile, in their order."""
    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(MOST_PARTS):
        if at + 12 > len(data) or struct.unpack_from(">H", data, at)[0] != _PART:
            break
        tile, length = struct.unpack_from(">HI", data, at + 4)
        end = at + length if length else len(data)
        if (length and length < 14) or end > len(data):
            break
        found.setdefault(tile, []).append((at, end))
        at = end
    return found
