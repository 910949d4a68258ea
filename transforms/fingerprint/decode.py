"""Bytes to a picture: sniff, refuse by the header, decode here or in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.errors import DecodeError, unforeseen
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture, check_numbers
from mirrorfold.transforms.fingerprint.read_jpeg import is_odd, read_jpeg
from mirrorfold.transforms.fingerprint.read_pillow import read_pillow

ODD_JPEG = "odd-jpeg"


class Sandbox(Protocol):
    """Where risky decoders run: apart from this process, under limits of memory and time."""

    def run(self, kind: str, data: bytes, limits: Limits) -> Picture:
        """Decode there; raises DecodeError."""
        ...


def decode(data: bytes, options: FingerprintOptions, sandbox: Sandbox) -> Picture:
    """Decode bytes of any allowed format.

    The bytes alone decide: an object's name never changes what its content is.

    Raises:
      DecodeError: a stable code; nothing else, whatever the bytes are.
    """
    try:
        picture = _decode(data, options, sandbox)
        check_numbers(picture)
    except DecodeError:
        raise
    except Exception as error:
        raise unforeseen(error) from error
    return picture


def _decode(data: bytes, options: FingerprintOptions, sandbox: Sandbox) -> Picture:
    kind = sniff.sniff(data, whole=True)
    outside = Limits(options.max_pixels, options.max_pages, options.sandbox_bytes - BASE_BYTES, options.side)
    if kind.risky:
        return sandbox.run(kind.name, data, outside)
    header = read_header(data) if kind is sniff.JPEG else None
    if header is not None and is_odd(header):
        return sandbox.run(ODD_JPEG, data, outside)
    inside = Limits(options.max_pixels, options.max_pages, options.inline_bytes, options.side)
    try:
        if header is not None:
            return read_jpeg(data, inside, options.compiled, header)
        return read(kind.name, data, inside)
    except MemoryError:
        pass
    except DecodeError as error:
        if error.code != "too-much-memory":
            raise
    return sandbox.run(kind.name, data, outside)


BASE_BYTES = 500 << 20
"""Address space that a sandbox process takes before it decodes anything: Python, numpy and the codecs' libraries."""


def read(kind: str, data: bytes, limits: Limits) -> Picture:
    """Decode one kind, here and now."""
    return _reader(kind)(data, limits)


def _reader(kind: str) -> Callable[[bytes, Limits], Picture]:
    if kind == "jpeg":
        return read_jpeg
    if kind in _RARE:
        # Imported where it is needed: these codecs' libraries are large, and only sandboxes load them.
        from mirrorfold.transforms.fingerprint import read_rare

        return getattr(read_rare, _RARE[kind])
    return partial(read_pillow, kind, sniff.KINDS[kind].media_type)


_RARE = {
    "tiff": "read_tiff_or_raw",
    "heic": "read_heic",
    "jxl": "read_jxl",
    "raw": "read_raw",
    ODD_JPEG: "read_odd_jpeg",
}
