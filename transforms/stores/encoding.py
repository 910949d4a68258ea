"""Objects stored packed by gzip, as an upload with `Content-Encoding: gzip` leaves them.

The stored bytes are what is named, listed, hashed and read; whoever looks at the picture unpacks what lies within.
"""

from __future__ import annotations

import gzip
import io
import zlib

GZIP = b"\x1f\x8b\x08"
HEAD = 4096
MOST = 1 << 30
"""Bytes that a packed object may unpack to."""


class PackedError(ValueError):
    """Packed bytes that don't unpack, or to more than is allowed."""


def is_packed(data: bytes) -> bool:
    """Tell by the first bytes whether an object is packed by gzip (RFC 1952)."""
    return bytes(data[:3]) == GZIP


def unpacked_start(data: bytes) -> bytes:
    """Unpack the first bytes, at most HEAD; fewer or none where they are damaged."""
    try:
        return zlib.decompressobj(wbits=31).decompress(data, HEAD)
    except zlib.error:
        return b""


def unpacked(data: bytes, most: int = MOST) -> bytes:
    """Unpack an object; what isn't packed is given back as it is.

    Raises:
      PackedError: damaged, cut, or more than `most` bytes.
    """
    if not is_packed(data):
        return data
    try:
        found = gzip.GzipFile(fileobj=io.BytesIO(data)).read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PackedError(f"packed by gzip, and damaged: {type(error).__name__}") from error
    if len(found) > most:
        raise PackedError(f"packed by gzip, and unpacks to more than {most:,} bytes")
    return found
