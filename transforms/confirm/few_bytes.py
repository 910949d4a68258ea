"""Tell two codings of a picture that are one but for a few bytes: what copying or storage did, never an encoder."""

from __future__ import annotations

import numpy as np

HEAD_BYTES = 8
"""Bytes by which the tables before the picture may differ: those of two qualities differ by dozens."""
EQUAL_SHARE = 0.5
"""Share of the bytes in place that two of one length must have in common; of two encoders' a 256th is, by chance."""
ENDS_SHARE = 0.875
"""Share of the shorter one that the common beginning and end must cover, where the lengths differ."""
FEWEST = 64
"""Bytes below which two pictures may well be coded alike: plain ground, a pixel."""


def differ_in_few(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> bool:
    """Tell whether both are the same coding, and yet not the same bytes.

    Args:
      one, other: what comes before the coded picture without metadata, and the coded picture.
    """
    heads, bodies = zip(one, other, strict=True)
    if one == other or min(map(len, bodies)) < FEWEST:
        return False
    if len(heads[0]) != len(heads[1]) or np.count_nonzero(_bytes(heads[0]) != _bytes(heads[1])) > HEAD_BYTES:
        return False
    a, b = map(_bytes, bodies)
    if len(a) == len(b):
        return bool(np.count_nonzero(a == b) >= EQUAL_SHARE * len(a))
    shorter = min(len(a), len(b))
    return _common(a, b) + _common(a[::-1], b[::-1]) >= ENDS_SHARE * shorter


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """Count the bytes that both begin with."""
    length = min(len(a), len(b))
    apart = a[:length] != b[:length]
    return int(apart.argmax()) if apart.any() else length
