"""Where the frames of an animation lie, by what the file declares of them: checked before any frame is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mirrorfold.transforms.fingerprint.containers import png_chunks, riff_chunks
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes

MOST_FRAMES = (1 << 31) - 1
"""What PNG allows a file to declare; one that declares more has no animation that anybody plays."""


class Rectangle(NamedTuple):
    """A frame's place on the canvas, pixels."""

    left: int
    top: int
    width: int
    height: int


def count_frames(kind: str, data: bytes, limits: Limits) -> int:
    """Count the frames that lie in the file, and refuse it for any that lies too far out.

    Decoders let their canvas grow to hold each frame: one pixel at +65535+65535 makes 4 GP of a small picture.

    Returns:
      1 for a single picture, and for kinds whose decoder counts.

    Raises:
      DecodeError: `too-many-pixels`; `too-much-memory`, also in a worker, which leaves later frames to the sandbox.
    """
    walk = _WALKS.get(kind)
    if walk is None:
        return 1
    found = list(walk(data))
    if not found:
        return 1
    right = max(frame.left + frame.width for frame in found)
    bottom = max(frame.top + frame.height for frame in found)
    if right and bottom:  # frames of no size are damage, which the decoder meets
        limits.check_pixels(right, bottom)
    if len(found) > 1:
        limits.check_memory(decode_bytes("RGBA", right, bottom) + len(data))
        limits.isolate("an animation's later frames are")
    return len(found)


def png_frames(data: bytes) -> Iterator[Rectangle]:
    """Give the frames of an animated PNG: as many as it declares, of those that are there."""
    declared, left = 0, 0
    for kind, start, stop in png_chunks(data):
        if kind == b"IDAT" and not declared:
            return
        if kind == b"acTL" and stop - start >= 8:
            declared = int.from_bytes(data[start : start + 4], "big")
            left = declared if declared <= MOST_FRAMES else 0
        elif kind == b"fcTL" and stop - start >= 20 and left > 0:
            left -= 1
            width, height, x, y = (int.from_bytes(data[start + at : start + at + 4], "big") for at in (4, 8, 12, 16))
            yield Rectangle(x, y, width, height)


def gif_frames(data: bytes) -> Iterator[Rectangle]:
    """Give the image descriptors of a GIF; a broken block ends the walk."""
    at, size = 13, len(data)
    if size > 10 and data[10] & 0x80:
        at += 3 << ((data[10] & 7) + 1)
    while at < size:
        block = data[at]
        if block == 0x2C and at + 10 <= size:
            yield Rectangle(*(int.from_bytes(data[start : start + 2], "little") for start in range(at + 1, at + 9, 2)))
            packed = data[at + 9]
            at = _skip_blocks(data, at + 11 + ((3 << ((packed & 7) + 1)) if packed & 0x80 else 0))
        elif block == 0x21:
            at = _skip_blocks(data, at + 2)
        else:
            return


def _skip_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def webp_frames(data: bytes) -> Iterator[Rectangle]:
    """Give the frames of an animated WebP."""
    for kind, start, _ in riff_chunks(data):
        if kind == b"ANMF":
            x, y, width, height = (
                int.from_bytes(data[start + part : start + part + 3], "little") for part in (0, 3, 6, 9)
            )
            yield Rectangle(2 * x, 2 * y, width + 1, height + 1)


_WALKS: dict[str, Callable[[bytes], Iterator[Rectangle]]] = {"png": png_frames, "gif": gif_frames, "webp": webp_frames}
