"""Formats with no first bytes of their own, or one or two: told by the fields of their header, or by how they fill."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

_DIB_HEADERS = frozenset(size.to_bytes(4, "little") for size in (40, 108, 124))
_DIB_BITS = frozenset(bits.to_bytes(2, "little") for bits in (1, 4, 8, 16, 24, 32))
_XBM = re.compile(rb"\s*(?:/\*.*?\*/\s*)?#define[ \t]+\S*width[ \t]+\d+\s+#define[ \t]+\S*height[ \t]+\d+", re.DOTALL)
_FLASHPIX = bytes.fromhex("006761 5654c1ce11855300aa00a1f95b")
"""The class of a compound document's root that makes it a FlashPix."""


def _sgi(data: bytes) -> bool:
    return data[:2] == b"\x01\xda" and data[2:3] in (b"\0", b"\1") and data[3:4] in (b"\1", b"\2") and len(data) > 12


def _pcx(data: bytes) -> bool:
    known = data[:1] == b"\x0a" and data[1:2] in b"\0\2\3\4\5" and data[2:3] == b"\1" and data[3:4] in b"\1\2\4\x08"
    return known and len(data) >= 128 and data[64] == 0


def _cursor(data: bytes) -> bool:
    # An uncompressed TGA has no count there.
    return data[:4] == b"\0\0\2\0" and data[4:6] != b"\0\0" and data[9:10] == b"\0"


def _dib(data: bytes) -> bool:
    return data[:4] in _DIB_HEADERS and data[12:14] == b"\1\0" and data[14:16] in _DIB_BITS


def _rla(data: bytes) -> bool:
    sides = struct.unpack(">8h", data[:16]) if len(data) > 740 else (1, 0) * 4  # the frame, then what of it is there
    channels, gamma = int.from_bytes(data[20:22], "big"), data[28:44].rstrip(b"\0")
    sound = all(low <= high for low, high in zip(sides[::2], sides[1::2], strict=True))
    return sound and 1 <= channels <= 4 and re.fullmatch(rb" *\d\.\d+ *", gamma) is not None


def _fli(data: bytes) -> bool:
    marked = data[4:6] in (b"\x11\xaf", b"\x12\xaf") and data[12:14] in (b"\0\0", b"\x08\0")
    return marked and data[14:16] in (b"\0\0", b"\3\0") and data[20:22] + data[42:80] == bytes(40)


def _gbr(data: bytes) -> bool:
    if data[20:24] == b"GIMP":
        return data[4:8] == b"\0\0\0\2"
    size, depth = int.from_bytes(data[:4], "big"), data[16:20]
    fits = 20 < size < 300 and data[8:10] == data[12:14] == b"\0\0"
    return data[4:8] == b"\0\0\0\1" and fits and depth in (b"\0\0\0\1", b"\0\0\0\4")


SHOWN: dict[str, Callable[[bytes], bool]] = {
    "ico": lambda data: data[:4] == b"\0\0\1\0" and data[4:6] != b"\0\0",
    "sgi": _sgi,
    "pcx": _pcx,
    "cursor": _cursor,
    "dib": _dib,
    "pcd": lambda data: data[2048:2052] == b"PCD_",
    "rla": _rla,
    "fli": _fli,
    "gbr": _gbr,
    "xbm": lambda data: _XBM.match(data[:1024]) is not None,
    "cals": lambda data: data[:9] == b"srcdocid:" and b"rtype: 1" in data[:2048],
}
"""Kinds that are read, by name, and what tells each."""


def _flashpix(data: bytes) -> bool:
    if data[:4] != b"\xd0\xcf\x11\xe0" or len(data) < 512:
        return False
    shift, first = int.from_bytes(data[30:32], "little"), int.from_bytes(data[48:52], "little")
    root = (first + 1) << min(shift, 12)
    return data[root + 80 : root + 96] == _FLASHPIX


def _pict(start: bytes) -> bool:
    return start[522:526] == b"\0\x11\2\xff" or start[10:14] == b"\0\x11\2\xff"


def _jbig(start: bytes) -> bool:
    """A bi-level image entity: one plane, and a size that the first stripe fits."""
    width, height, stripe = (int.from_bytes(start[at : at + 4], "big") for at in (4, 8, 12))
    fits = 0 < width < 65536 and 0 < stripe <= max(height, 128) < 65536
    return start[:4] == b"\0\0\1\0" and fits


def _xwd(start: bytes) -> bool:
    size = int.from_bytes(start[:4], "big")
    return start[4:8] == b"\0\0\0\7" and 100 <= size < 1000 and start[8:12] in (b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\2")


_TIM_KINDS = frozenset(bytes([mode, 0, 0, 0]) for mode in (2, 3, 8, 9))
BY_FIELDS: dict[str, Callable[[bytes], bool]] = {
    "DICOM, a medical picture": lambda start: start[128:132] == b"DICM",
    "IFF ILBM, a picture of the Amiga": lambda start: start[:4] == b"FORM" and start[8:12] in (b"ILBM", b"PBM "),
    "PDF, whose pages may be pictures": lambda start: b"%PDF-" in start,
    "EMF, a drawing": lambda start: start[:4] == b"\1\0\0\0" and start[40:44] == b" EMF",
    "SVG, a drawing program": lambda start: b"<svg" in start.lower(),
    "CALS of another type": lambda start: start[:9] == b"srcdocid:",
    "MIFF, ImageMagick's own": lambda start: start[:64].lower().find(b"id=imagemagick") >= 0,
    "JBIG": _jbig,
    "PICT, of the Macintosh": _pict,
    "Scitex CT": lambda start: start[80:82] == b"CT" and start[1000:] == bytes(24),
    "TIM, a texture": lambda start: start[:4] == b"\x10\0\0\0" and start[4:8] in _TIM_KINDS,
    "XWD, a window": _xwd,
}
"""Formats that are named and not read, and what in a file's first kilobyte tells each."""


def _avs(data: bytes) -> bool:
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4))
    return width > 0 and height > 0 and len(data) == 8 + 4 * width * height


_MTV = re.compile(rb"(\d{1,5})[ \t]+(\d{1,5})\n")


def _mtv(data: bytes) -> bool:
    found = _MTV.match(data[:24])
    return found is not None and len(data) == found.end() + 3 * int(found[1]) * int(found[2])


FILLED: dict[str, Callable[[bytes], bool]] = {
    "AVS": _avs, "FlashPix": _flashpix, "MTV, of a ray tracer": _mtv,
}  # fmt: skip
"""Formats that are named and not read, and what of the whole file tells each: mostly that a picture fills it."""


def filled(data: bytes) -> str | None:
    """Name what only the whole file tells; None for nothing."""
    return next((what for what, shows in FILLED.items() if shows(data)), None)


TGA_FOOTER = b"TRUEVISION-XFILE.\0"
MOST_RUNS = 1 << 22
"""Runs that are walked at most to see whether they fill a picture."""


def may_fill(start: bytes) -> bool:
    """Tell whether a file that begins so may be one that only the whole file tells; one in 100,000 others may too."""
    head = start[:18]
    width, height = _tga_sides(head)
    kinds = len(head) == 18 and head[1] in (0, 1) and head[2] in (1, 2, 3, 9, 10, 11)
    tga = kinds and head[16] in (1, 8, 15, 16, 24, 32) and min(width, height) > 0 and not head[17] & 0xC0
    avs = start[:2] == start[4:6] == b"\0\0" and any(start[2:4]) and any(start[6:8])
    return tga or avs or _MTV.match(head) is not None


def is_tga(data: bytes) -> bool:
    """TGA has no magic: take the footer of its version 2, or an uncompressed picture that fills the file exactly."""
    if data.endswith(TGA_FOOTER):
        return True
    head = data[:18]
    if len(head) < 18 or head[1] not in (0, 1) or head[2] not in (1, 2, 3) or head[16] not in (1, 8, 15, 16, 24, 32):
        return False
    width, height = _tga_sides(head)
    pixels = height * ((width * head[16] + 7) // 8)
    return pixels > 0 and len(data) == _tga_start(head) + pixels


def fills_tga(data: bytes) -> bool:
    """Tell whether the run lengths behind a TGA's header make up its pixels, and end where the file does, or nearly."""
    head = data[:18]
    known = len(head) == 18 and head[1] in (0, 1) and head[2] in (9, 10, 11) and head[16] in (8, 15, 16, 24, 32)
    if not known or (head[2] == 9) != (head[1] == 1 and head[16] == 8) or head[17] & 0xC0:
        return False
    width, height = _tga_sides(head)
    left, at, each = width * height, _tga_start(head), (head[16] + 7) // 8
    if not left or left // 128 > MOST_RUNS:
        return False
    for _ in range(MOST_RUNS):
        if left <= 0 or at >= len(data):
            break
        count = (data[at] & 127) + 1
        at += 1 + each * (1 if data[at] & 128 else count)
        left -= count
    return left == 0 and 0 <= len(data) - at <= 64


def _tga_sides(head: bytes) -> tuple[int, int]:
    return int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")


def _tga_start(head: bytes) -> int:
    return 18 + head[0] + int.from_bytes(head[5:7], "little") * ((head[7] + 7) // 8) * (head[1] == 1)
