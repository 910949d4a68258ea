"""Whether a file ends before its picture does, by what its own structure states: decoders often say no more than no."""

from __future__ import annotations

import struct
from collections.abc import Callable

from mirrorfold.transforms.fingerprint import ifd
from mirrorfold.transforms.fingerprint.tiff_strips import last_byte

END = b"\xff\xd9"
"""What ends a JPEG, and a JPEG 2000's codestream: within one's data it can't stand."""
_QOI_END = bytes(7) + b"\1"
_CODESTREAM = b"\xff\x4f\xff\x51"

UNNOTICED = frozenset({"qoi"})
"""Kinds whose decoder gives a picture for a file that is cut."""


def is_cut(kind: str, data: bytes) -> bool:
    """Tell whether a file that no decoder reads states more bytes than it has; False where its format states none."""
    return kind in _CUT and _CUT[kind](data)


def with_end(data: bytes) -> bytes | None:
    """Give a JPEG 2000 the end that it lacks, where nothing but that can be missing; None for others."""
    if data.startswith(_CODESTREAM):
        return None if data.endswith(END) else data + END
    at = _last_box(data)
    if at < 0 or data[at + 4 : at + 8] != b"jp2c" or data.endswith(END):
        return None
    stated = int.from_bytes(data[at : at + 4], "big")
    # A length of 0 is one up to the end.
    whole = stated in (0, len(data) - at, len(data) - at + len(END))
    return data[:at] + bytes(4) + data[at + 4 :] + END if whole else None


def _last_box(data: bytes) -> int:
    """Find where the last box of an ISO file starts, whole or not; -1 where lengths make no sense."""
    at, last = 0, -1
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if 0 < length < 8:
            return -1
        last = at
        at += length or len(data)
    return last


def _boxes(data: bytes) -> bool:
    at = _last_box(data)
    if at < 0:
        return len(data) < 8
    length = int.from_bytes(data[at : at + 4], "big")
    if length == 1:
        length = int.from_bytes(data[at + 8 : at + 16], "big")
    return at + length > len(data)


def _jp2(data: bytes) -> bool:
    return data.rfind(END) < 0 if data.startswith(_CODESTREAM) else _boxes(data) or data.rfind(END) < 0


def _webp(data: bytes) -> bool:
    return len(data) < 12 or int.from_bytes(data[4:8], "little") + 8 > len(data) + 1


def _jxl(data: bytes) -> bool:
    return not data.startswith(b"\xff\x0a") and _boxes(data)


def _icon(data: bytes) -> bool:
    count = int.from_bytes(data[4:6], "little")
    entries = (struct.unpack_from("<II", data, at + 8) for at in range(6, min(6 + 16 * count, len(data) - 15), 16))
    return max((size + offset for size, offset in entries), default=0) > len(data)


def _tiff(data: bytes) -> bool:
    layout = ifd.layout_of(data)
    if layout is None:
        return len(data) < 8
    try:
        return last_byte(data, layout) > len(data)
    except struct.error:
        return True


_CUT: dict[str, Callable[[bytes], bool]] = {
    "webp": _webp, "jp2": _jp2, "avif": _boxes, "heic": _boxes, "jxl": _jxl, "tiff": _tiff,
    "ico": _icon, "cursor": _icon,
    "qoi": lambda data: _QOI_END not in data,
}  # fmt: skip
