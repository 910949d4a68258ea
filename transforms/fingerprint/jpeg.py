"""Walk a JPEG's markers: frame header, tables, metadata, where its scans lie, its digest without metadata."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from mirrorfold.transforms.fingerprint.errors import DecodeError

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_SOS, _DQT, _DHT, _DRI, _COM, _EOI = 0xDA, 0xDB, 0xC4, 0xDD, 0xFE, b"\xff\xd9"
_DNL = b"\xff\xdc\0\4"
_STANDARD_LUMA = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
"""The luminance table of the JPEG standard's annex K, in zigzag order, from which libjpeg scales its qualities."""


def _table_sum(quality: int) -> int:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(255, max(1, (step * percent + 50) // 100)) for step in _STANDARD_LUMA)


_SUMS = [_table_sum(quality) for quality in range(1, 101)]


@lru_cache(maxsize=1024)
def _quality_of(found: int) -> int:
    return 1 + min(range(100), key=lambda index: (abs(_SUMS[index] - found), -index))


@dataclass
class JpegHeader:
    """What the markers before the pixels say; pixels, bits and byte offsets.

    `sampling` is by component, in the file's order; `table_numbers` are their quantisation tables; `codes` the contents
    of all Huffman tables, `restart` the units between restart markers. `plain` is false for whatever a decoder has to
    be lenient about.
    """

    width: int = 0
    height: int = 0
    components: int = 0
    precision: int = 8
    frame: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    table_numbers: tuple[int, ...] = ()
    codes: bytes = b""
    restart: int = 0
    jfif: bool = False
    adobe_transform: int | None = None
    plain: bool = True
    scan: int = 0
    scan_marker: int = 0
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: dict[int, bytes] = field(default_factory=dict)
    jumbf: bytes = b""
    multi_picture: bool = False
    picture_parts: list[tuple[int, int]] = field(default_factory=list)

    @property
    def progressive(self) -> bool:
        return self.frame in _PROGRESSIVE

    @property
    def lossless(self) -> bool:
        return self.frame in _LOSSLESS

    @property
    def luma_table(self) -> tuple[int, tuple[int, ...]] | None:
        """Give the first component's quantisation table: its number, and its 64 steps in zigzag order."""
        number = self.table_numbers[0] if self.table_numbers else 0
        steps = self.tables.get(number)
        return None if steps is None else (number, steps)

    @property
    def luma_and_chroma(self) -> bool:
        """Tell whether its three components are YCbCr, as libjpeg decides it."""
        if self.components != 3:
            return False
        if self.jfif or self.adobe_transform is not None:
            return self.jfif or self.adobe_transform != 0
        return bytes(self.sampling) != b"RGB"

    @property
    def quality(self) -> int | None:
        """Estimate libjpeg's quality setting 1..100 from the luminance table."""
        if self.luma_table is None or self.precision != 8:
            return None
        return _quality_of(sum(self.luma_table[1]))

    @property
    def icc_profile(self) -> bytes | None:
        return b"".join(self.icc[key] for key in sorted(self.icc)) or None


def read_header(data: bytes) -> JpegHeader:
    """Walk the markers up to the first scan.

    Raises:
      DecodeError: `truncated` or `corrupt` where the walk can't go on.
    """
    header, at, size = JpegHeader(), 2, len(data)
    while True:
        if data[at : at + 1] != b"\xff" or data[at + 1 : at + 2] == b"\xff":
            header.plain = False
        while at < size and data[at] != 0xFF:
            at += 1  # stray bytes between segments: libjpeg skips them too
        while at < size and data[at] == 0xFF:
            at += 1
        if at + 3 > size:
            raise DecodeError("truncated", "JPEG: the file ends before its first scan")
        marker = data[at]
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            header.plain = False
            at += 1
            continue
        if marker == 0xD9:
            raise DecodeError("corrupt", "JPEG: the picture ends before its first scan")
        length = int.from_bytes(data[at + 1 : at + 3], "big")
        start, end = at + 3, at + 1 + length
        if length < 2:
            raise DecodeError("corrupt", "JPEG: a segment shorter than its own length field")
        if end > size:
            raise DecodeError("truncated", "JPEG: the file ends inside a segment")
        if marker == _SOS:
            if not header.frame:
                raise DecodeError("corrupt", "JPEG: a scan before the frame header")
            header.scan, header.scan_marker = end, at - 1
            header.picture_parts.append((at - 1, size))
            return header
        _read_segment(header, marker, data, start, end)
        if not (0xE0 <= marker <= 0xEF or marker == _COM) or marker == 0xEE:
            header.picture_parts.append((at - 1, end))
        at = end


def _read_segment(header: JpegHeader, marker: int, data: bytes, start: int, end: int) -> None:
    if marker in _FRAMES:
        if end - start < 6:
            raise DecodeError("corrupt", "JPEG: a frame header that is too short")
        header.plain = header.plain and not header.frame and end - start == 6 + 3 * data[start + 5]
        header.frame, header.precision = marker, data[start]
        header.height = int.from_bytes(data[start + 1 : start + 3], "big")
        header.width = int.from_bytes(data[start + 3 : start + 5], "big")
        header.components = data[start + 5]
        entries = data[start + 6 : min(end, start + 6 + 3 * header.components)]
        header.sampling = {a: (b >> 4, b & 15) for a, b in zip(entries[0::3], entries[1::3], strict=False)}
        header.table_numbers = tuple(entries[2::3])
    elif marker == _DQT:
        _read_tables(header, data[start:end])
    elif marker == _DHT:
        header.codes += data[start:end]
    elif marker == _DRI:
        header.plain = header.plain and end - start == 2
        header.restart = int.from_bytes(data[start:end], "big")
    elif marker == 0xE0:
        header.jfif = header.jfif or (end - start >= 14 and data.startswith(b"JFIF\0", start))
    elif marker == 0xE1:
        if data.startswith(b"Exif\0", start):
            header.exif = header.exif or data[start + 6 : end]
        elif data.startswith(b"http://ns.adobe.com/xap/1.0/\0", start):
            header.xmp = header.xmp or data[start + 29 : end]
    elif marker == 0xE2:
        if data.startswith(b"ICC_PROFILE\0", start) and end - start > 14:
            header.icc.setdefault(data[start + 12], data[start + 14 : end])
        elif data.startswith(b"MPF\0", start):
            header.multi_picture = True
    elif marker == 0xEB and data.startswith(b"JP", start):
        # ISO 19566-5, annex D.2: number of the box, number of the packet; each packet repeats the box's own header.
        later = int.from_bytes(data[start + 4 : start + 8], "big") > 1
        header.jumbf += data[start + (16 if later else 8) : end]
    elif marker == 0xED and data.startswith(b"Photoshop 3.0\0", start):
        header.iptc = (header.iptc or b"") + data[start + 14 : end]
    elif marker == 0xEE and end - start >= 12 and data.startswith(b"Adobe", start):
        header.adobe_transform = data[start + 11]
    elif not (0xE0 <= marker <= 0xEF or marker == _COM):
        header.plain = False


def _read_tables(header: JpegHeader, tables: bytes) -> None:
    at = 0
    while at < len(tables):
        width = 2 if tables[at] >> 4 else 1
        values = tables[at + 1 : at + 1 + 64 * width]
        if len(values) == 64 * width:
            steps = (int.from_bytes(values[i : i + width], "big") for i in range(0, len(values), width))
            header.tables[tables[at] & 15] = tuple(values) if width == 1 else tuple(steps)
        header.plain = header.plain and len(values) == 64 * width and tables[at] >> 4 < 2 and tables[at] & 15 < 4
        at += 1 + 64 * width


class Scan(NamedTuple):
    """A scan's header: its components, their (DC, AC) tables, band (first, last, high, low), where its data begins."""

    components: tuple[int, ...]
    codes: tuple[tuple[int, int], ...]
    band: tuple[int, int, int, int]
    coded: int


def read_scan(data: bytes, start: int) -> Scan | None:
    """Read the scan header at a marker's offset; None where its length doesn't match its components."""
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    header = data[start + 4 : start + 2 + length]
    if not header or length != 6 + 2 * header[0] or len(header) != length - 2:
        return None
    names, codes = header[1:-3:2], header[2:-3:2]
    first, last, bits = header[-3:]
    return Scan(
        tuple(names),
        tuple((one >> 4, one & 15) for one in codes),
        (first, last, bits >> 4, bits & 15),
        start + 2 + length,
    )


def with_height(data: bytes, header: JpegHeader) -> bytes:
    """State the height in the frame header where only a DNL marker behind the first scan does (ISO 10918-1, B.2.5)."""
    frame, stated = data.rfind(bytes([0xFF, header.frame]), 0, header.scan), data.find(_DNL, header.scan)
    if frame < 0 or stated < 0:
        return data
    return data[: frame + 5] + data[stated + 4 : stated + 6] + data[frame + 7 : stated] + data[stated + 6 :]


def has_end(data: bytes, header: JpegHeader) -> bool:
    """Tell whether an end-of-image marker follows the first scan's header."""
    return data.rfind(_EOI) >= header.scan


def digest(data: bytes, header: JpegHeader, salt: bytes) -> str:
    """Digest the coded picture: SHA-256 over all segments but APPn and COM (APP14 stays, it changes the colours).

    `salt` is what changes how the picture looks but isn't in its coding: orientation and a colour profile.
    """
    found = hashlib.sha256(b"jpeg\0" + salt)
    end = data.rfind(_EOI)
    view = memoryview(data)
    for start, stop in header.picture_parts:
        found.update(view[start : min(stop, end + 2) if end >= header.scan else stop])
    return found.hexdigest()
