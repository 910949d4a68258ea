"""Tell sRGB's own profile by its numbers: a name with "srgb" in it may stand for other primaries or another curve."""

from __future__ import annotations

import struct

PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""sRGB's primaries under D50 (IEC 61966-2-1, adapted after Bradford)."""
MOST_XYZ, MOST_LEVEL = 0.008, 2.5 / 255
"""How far a primary may lie, and by how much a curve may be off in the coded value: two levels show to nobody."""
_SAMPLES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
_MAX_TAGS = 64


def is_srgb(profile: bytes | None) -> bool:
    """Tell whether an ICC profile is a matrix and curves that are sRGB's; hostile bytes are none."""
    if not profile or len(profile) < 132 or profile[16:20] != b"RGB ":
        return False
    tags = _tags(profile)
    if any(tag.startswith((b"A2B", b"D2B")) for tag in tags):
        return False
    try:
        near = all(
            abs(found / 65536 - wanted) <= MOST_XYZ
            for name, xyz in PRIMARIES.items()
            for found, wanted in zip(struct.unpack(">3i", tags[name][8:20]), xyz, strict=True)
        )
        return near and all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, ArithmeticError, ValueError):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    count = min(int.from_bytes(profile[128:132], "big"), _MAX_TAGS)
    found = {}
    for at in range(132, 132 + 12 * count, 12):
        start, length = (int.from_bytes(profile[place : place + 4], "big") for place in (at + 4, at + 8))
        found[bytes(profile[at : at + 4])] = profile[start : start + length]
    return found


def _is_srgb_curve(tag: bytes) -> bool:
    return all(abs(_coded(_linear(tag, x)) - x) <= MOST_LEVEL for x in _SAMPLES)


def _coded(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _linear(tag: bytes, x: float) -> float:
    """Evaluate a curve: a table, a gamma, or one of ICC's parametric kinds."""
    if tag[:4] == b"curv":
        count = int.from_bytes(tag[8:12], "big")
        if count == 0:
            return x
        if count == 1:
            return x ** (int.from_bytes(tag[12:14], "big") / 256)
        at = x * (count - 1)
        low = min(int(at), count - 2)
        one, other = struct.unpack_from(">2H", tag, 12 + 2 * low)
        return (one + (other - one) * (at - low)) / 65535
    if tag[:4] != b"para":
        raise ValueError("no curve")
    kind = int.from_bytes(tag[8:10], "big")
    count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind]
    values = [number / 65536 for number in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = (values + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][count - 1 :])[:7]
    if kind == 0:
        return x**g
    if kind in (1, 2):
        shift = c if kind == 2 else 0.0
        return (a * x + b) ** g + shift if a and x >= -b / a else shift
    return (a * x + b) ** g + (e if kind == 4 else 0.0) if x >= d else c * x + (f if kind == 4 else 0.0)
