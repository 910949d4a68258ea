"""Which ICC profiles change how a picture looks, and where they may be parsed.

Profiles are parsed by lcms. In the worker that is done for small ones that hold a matrix and curves alone; those with
look-up tables, CMYK's and large ones wait for a process of their own.
"""

from __future__ import annotations

from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.srgb_profile import is_srgb

MAX_BYTES, MAX_SIMPLE_BYTES = 4 << 20, 32 << 10
MAX_TAGS = 64
_MATRIX = frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"})
_TABLES = frozenset({b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"gamt"})
_MODES = {b"RGB ": "RGB", b"CMYK": "CMYK"}


def applied(profile: bytes | None, mode: str) -> bytes | None:
    """Give the profile if it changes how a picture of this mode looks: not sRGB's, nor a grey picture's."""
    if not profile or not 132 <= len(profile) <= MAX_BYTES or profile[36:40] != b"acsp":
        return None
    if _MODES.get(profile[16:20]) != ("CMYK" if mode == "CMYK" else "RGB") or mode in ("L", "1", "LA", "LAB"):
        return None
    return None if is_srgb(profile) else profile


def check(profile: bytes | None, limits: Limits) -> None:
    """Refuse a profile that this process shouldn't parse.

    Raises:
      DecodeError: `too-much-memory`, which sends the file to the sandbox.
    """
    if profile is not None and not is_simple(profile):
        limits.isolate("its ICC profile is")


def is_simple(profile: bytes) -> bool:
    """Tell whether a profile is small, and a matrix with curves alone."""
    count = int.from_bytes(profile[128:132], "big")
    listed = {profile[132 + 12 * index : 136 + 12 * index] for index in range(min(count, MAX_TAGS))}
    return (
        len(profile) <= MAX_SIMPLE_BYTES
        and count <= MAX_TAGS
        and profile[16:20] == b"RGB "
        and profile[20:24] == b"XYZ "
        and listed >= _MATRIX
        and not _TABLES & listed
    )
