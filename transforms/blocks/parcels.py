"""Bytes on their way through a runner: themselves, or the name of a local file that holds them.

The local runner keeps whatever passes from one of its stages to the next in memory; a file's name is small.
"""

from __future__ import annotations

import os
import uuid


def pack(data: bytes, spill: str | None, least: int = 0) -> bytes:
    """Give bytes as they travel.

    Args:
      spill: a local folder, or None.
      least: fewer bytes than this travel as themselves.
    """
    if spill is None or len(data) < least:
        return b"\0" + data
    path = os.path.join(spill, f"{uuid.uuid4().hex}.block")
    with open(path, "wb") as file:
        file.write(data)
    return b"\1" + path.encode()


def unpack(parcel: bytes) -> bytes | memoryview:
    """Give the bytes of a parcel."""
    if parcel[0] == 0:
        return memoryview(parcel)[1:]
    with open(parcel[1:], "rb") as file:
        return file.read()


def discard(parcel: bytes) -> None:
    """Remove a parcel's file, if it has one: nobody will read it again."""
    if parcel[0] == 1:
        os.unlink(parcel[1:])
