"""Read the directories of a TIFF, BigTIFF or EXIF block, with every offset checked: hostile input ends the walk."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
MAX_ENTRIES = 4096
MAX_VALUE_BYTES = 1 << 22
MAX_DIRECTORIES = 100_000


class Layout(NamedTuple):
    """Byte order ('<' or '>'), whether it is BigTIFF, and where the first directory lies."""

    order: str
    big: bool
    first: int


class Directory:
    """One directory: tags to (type, count, offset of the value); values are read when asked for."""

    def __init__(
        self, data: bytes, layout: Layout, entries: dict[int, tuple[int, int, int]], offset: int, following: int
    ):
        self.data, self.layout, self.entries, self.offset, self.following = data, layout, entries, offset, following

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def raw(self, tag: int) -> bytes | None:
        """Give a value's bytes, or None where it is absent or lies outside the data."""
        if tag not in self.entries:
            return None
        kind, count, offset = self.entries[tag]
        length = _SIZES.get(kind, 1) * count
        if length > MAX_VALUE_BYTES or offset + length > len(self.data):
            return None
        return bytes(self.data[offset : offset + length])

    def numbers(self, tag: int) -> tuple:
        """Give a numeric value as a tuple; rationals as floats; empty where it is absent or no number."""
        raw = self.raw(tag)
        if raw is None:
            return ()
        kind, count, _ = self.entries[tag]
        if kind in (5, 10):
            parts = struct.unpack(f"{self.layout.order}{2 * count}{'I' if kind == 5 else 'i'}", raw)
            return tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
        if kind not in _CODES:
            return ()
        return struct.unpack(f"{self.layout.order}{count}{_CODES[kind]}", raw)

    def number(self, tag: int, default: int = 0) -> int:
        """Give the first number of a value."""
        found = self.numbers(tag)
        return int(found[0]) if found and found[0] == found[0] and abs(found[0]) < 2**63 else default

    def text(self, tag: int) -> str | None:
        """Give an ASCII value; bytes that aren't UTF-8 are read as Latin-1."""
        raw = self.raw(tag)
        return clean_text(raw) if raw else None


def clean_text(raw: bytes) -> str | None:
    """Decode a metadata string: up to the first NUL, stripped, no control characters; None if nothing is left."""
    raw = raw.split(b"\0", 1)[0]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return clean(text)


def clean(text: str, longest: int = 2_000) -> str | None:
    """Strip a metadata string, drop control characters and lone surrogates, and cut it at `longest` characters."""
    text = "".join(c if c.isprintable() else " " for c in text[: longest * 2]) if not text.isprintable() else text
    text = text.strip()[:longest].strip()
    return text or None


def layout_of(data: bytes, start: int = 0) -> Layout | None:
    """Read a TIFF header."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[start : start + 2]))
    if order is None or len(data) < start + 8:
        return None
    magic = struct.unpack_from(order + "H", data, start + 2)[0]
    if magic == 43:
        return Layout(order, True, struct.unpack_from(order + "Q", data, start + 8)[0]) if len(data) >= 16 else None
    return Layout(order, False, struct.unpack_from(order + "I", data, start + 4)[0])


def read_directory(data: bytes, layout: Layout, offset: int) -> Directory | None:
    """Read the directory at `offset`; None where it doesn't lie within the data."""
    count_code, entry, width = ("Q", 20, 8) if layout.big else ("H", 12, 4)
    head = struct.calcsize(count_code)
    if not 8 <= offset <= len(data) - head:
        return None
    count = struct.unpack_from(layout.order + count_code, data, offset)[0]
    start = offset + head
    if count > MAX_ENTRIES or start + count * entry > len(data):
        return None
    value_code = "Q" if layout.big else "I"
    entries = {}
    for index in range(count):
        at = start + index * entry
        tag, kind, items = struct.unpack_from(layout.order + "HH" + value_code, data, at)
        inline = at + entry - width
        long = _SIZES.get(kind, 1) * items > width
        entries[tag] = (kind, items, struct.unpack_from(layout.order + value_code, data, inline)[0] if long else inline)
    end = start + count * entry
    following = struct.unpack_from(layout.order + value_code, data, end)[0] if end + width <= len(data) else 0
    return Directory(data, layout, entries, offset, following)


def directories(data: bytes, layout: Layout) -> Iterator[Directory]:
    """Walk the chain of main directories; a loop or a broken link ends it."""
    seen: set[int] = set()
    offset = layout.first
    while offset and offset not in seen and len(seen) < MAX_DIRECTORIES:
        seen.add(offset)
        directory = read_directory(data, layout, offset)
        if directory is None:
            return
        yield directory
        offset = directory.following
