"""A decoded picture as small as the hashes allow, and how it travels out of a sandbox."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field

from mirrorfold.transforms.fingerprint.errors import DecodeError

LUMA_BYTES = 64 * 64
DETAIL_SIDE = 256
"""Side of the luma that settles what 64 pixels leave open; the same canonical picture, four times as fine."""
DETAIL_BYTES = DETAIL_SIDE * DETAIL_SIDE
CELLS = 16
CELL_BYTES = CELLS * CELLS * 3


@dataclass
class Picture:
    """What is left of a picture after decoding.

    Attributes:
      media_type: what the bytes are.
      width, height: pixels, after orientation.
      luma: 64x64 canonical grey (256x256 where detail was asked for), row-major uint8, after orientation.
      cells: 16x16 mean colours, RGB uint8, after orientation; empty where the picture has no colour.
      on_black: the luma on black, where transparency makes that look otherwise; else empty.
      pages: the canonical grey of each page or frame after the first, as far as they are hashed.
      frames: pages or frames in all.
      parts: what lies behind the picture, as `parts.parts_of` names it.
      bit_depth: bits per channel that are used; None where they aren't known.
      damaged: what a decoder, or the file's own markers, said of damage; None for nothing, which proves nothing.
      declared_depth: bits per channel as declared; None for as many as are used.
      mode, lossless, jpeg_quality, icc_profile, preview, orientation, digest: as in schemas/contents.py.
      provenance: column name to value, as in schemas/contents.py; only what the file states.
      imagehash: hashes of the package imagehash by the name of its function; only what was asked for.
    """

    media_type: str
    width: int
    height: int
    luma: bytes
    cells: bytes = b""
    on_black: bytes = b""
    pages: list[bytes] = field(default_factory=list)
    frames: int = 1
    parts: tuple[str, ...] = ()
    damaged: str | None = None
    mode: str = "RGB"
    bit_depth: int | None = 8
    declared_depth: int | None = None
    lossless: bool = False
    orientation: int = 1
    preview: bool = False
    digest: str | None = None
    icc_profile: str | None = None
    jpeg_quality: int | None = None
    provenance: dict = field(default_factory=dict)
    imagehash: dict[str, int] = field(default_factory=dict)


NUMBERS = {
    "width": 1 << 31,
    "height": 1 << 31,
    "frames": 1 << 31,
    "orientation": 1 << 7,
    "bit_depth": 1 << 15,
    "declared_depth": 1 << 15,
    "jpeg_quality": 1 << 15,
}
"""Columns that hold what a file declares, and the first number that each can't hold: stated here, as a sandbox's
process needn't load pyarrow to know it; a test compares them with the schema."""


def check_numbers(picture: Picture) -> None:
    """Refuse a picture that declares a number which its column can't hold.

    Raises:
      DecodeError: `corrupt`.
    """
    for name, end in NUMBERS.items():
        value = getattr(picture, name)
        if value is not None and not (isinstance(value, int) and 0 <= value < end):
            raise DecodeError("corrupt", f"it declares {str(value)[:40]} as its {name.replace('_', ' ')}")


_BLOBS = ("luma", "cells", "on_black")


def pack(picture: Picture) -> bytes:
    """Write a picture as JSON and raw blobs: nothing in it can run when it is read, as a pickle's could."""
    fields = asdict(picture)
    blobs = [fields.pop(name) for name in _BLOBS] + fields.pop("pages")
    head = json.dumps({**fields, "blobs": [len(blob) for blob in blobs]}).encode()
    return struct.pack("<I", len(head)) + head + b"".join(blobs)


def unpack(data: bytes) -> Picture:
    """Read what `pack` wrote.

    Raises:
      ValueError: it isn't whole (the writer may have been a decoder gone wrong).
    """
    if len(data) < 4:
        raise ValueError("short answer")
    length = struct.unpack_from("<I", data)[0]
    fields = json.loads(data[4 : 4 + length])
    blobs, at = [], 4 + length
    for size in fields.pop("blobs"):
        blobs.append(data[at : at + size])
        at += size
    luma, cells, on_black, *pages = blobs
    if (
        len(luma) not in (LUMA_BYTES, DETAIL_BYTES)
        or len(cells) not in (0, CELL_BYTES)
        or len(on_black) not in (0, LUMA_BYTES)
        or any(len(page) != LUMA_BYTES for page in pages)
    ):
        raise ValueError("blobs of the wrong size")
    fields["parts"] = tuple(fields.get("parts", ()))
    return Picture(luma=luma, cells=cells, on_black=on_black, pages=pages, **fields)
