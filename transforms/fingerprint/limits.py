"""Budgets by header: how much memory a decode will take, before it is allowed to start."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfold.transforms.fingerprint.errors import DecodeError

_PILLOW_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "PA": 4, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_CONVERSION = {"L": 0.0, "1": 1.0, "P": 4.0, "RGB": 1.0, "I;16": 2.0, "I;16B": 2.0, "I;16L": 2.0, "F": 9.0, "I": 9.0}
"""Bytes per pixel that `canonical` adds while it works; other modes pass through RGBA: 9."""


@dataclass(frozen=True)
class Limits:
    """What one decode may take: pixels by the header, pages that are hashed, bytes of memory; the luma's side.

    `isolated` says that it happens in a process of its own, which may parse what the worker shouldn't.
    """

    max_pixels: int
    max_pages: int
    max_memory: int
    side: int = 64
    isolated: bool = False

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse a picture by its header.

        Raises:
          DecodeError: `too-many-pixels`, or `corrupt` for no pixels at all.
        """
        if width < 1 or height < 1:
            raise DecodeError("corrupt", "the header declares no pixels")
        if width * height > self.max_pixels:
            raise DecodeError("too-many-pixels", f"the header declares {width} x {height} pixels")

    def check_memory(self, needed: int) -> None:
        """Refuse a decode that would take too much memory.

        Raises:
          DecodeError: `too-much-memory`.
        """
        if needed > self.max_memory:
            raise DecodeError("too-much-memory", f"decoding would take {needed >> 20} MiB")

    def isolate(self, what: str) -> None:
        """Leave to a process of its own what a worker shouldn't parse; `what` is the message's subject and verb.

        Raises:
          DecodeError: `too-much-memory`, which sends the file to the sandbox.
        """
        if not self.isolated:
            raise DecodeError("too-much-memory", f"{what} read in a process of its own")


def decode_bytes(mode: str, width: int, height: int) -> int:
    """Estimate the bytes Pillow holds at most while it decodes `mode` and `canonical` works on it."""
    each = _PILLOW_BYTES.get(mode, 4) + _CONVERSION.get(mode, 9.0)
    return int(width * height * each)
