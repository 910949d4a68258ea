"""Bytes to a picture: sniff, refuse by the header, decode here or in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from mirrorfold.transforms.fingerprint import cut, sniff
from mirrorfold.transforms.fingerprint.errors import DecodeError, unforeseen
from mirrorfold.transforms.fingerprint.jpeg import JpegHeader, read_header, with_height
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture, check_numbers
from mirrorfold.transforms.fingerprint.read_jpeg import is_odd, read_jpeg
from mirrorfold.transforms.fingerprint.read_pillow import read_pillow
from mirrorfold.transforms.stores.encoding import PackedError, unpacked

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
    inside = Limits(options.max_pixels, options.max_pages, options.inline_bytes, options.side)
    doubted: DecodeError | None = None
    try:
        if kind is not sniff.JPEG:
            return read(kind.name, data, inside)
        data, header = plain_jpeg(data)
        if is_odd(header):
            return sandbox.run(ODD_JPEG, data, outside)
        return read_jpeg(data, inside, options.compiled, header)
    except MemoryError:
        pass
    except DecodeError as error:
        doubted = error if is_doubted(kind.name, error.code) or _may_lack_its_end(kind, data, error) else None
        if error.code != "too-much-memory" and doubted is None:
            raise
    try:
        return sandbox.run(kind.name, data, outside)
    except DecodeError as error:
        # A second decoder that crashes says nothing: the first one's word stands.
        if error.code == "crashed" and doubted is not None:
            raise doubted from error
        raise


def _may_lack_its_end(kind: sniff.Kind, data: bytes, error: DecodeError) -> bool:
    return kind is sniff.JPEG and error.code == "truncated" and not data.endswith(cut.END)


def plain_jpeg(data: bytes) -> tuple[bytes, JpegHeader]:
    """Give a JPEG as decoders want it, and its header: it starts at once and once, and states its height there.

    Raises:
      DecodeError: as `read_header` does.
    """
    start = max(0, sniff.jpeg_start(data))
    while data[start : start + 4] == b"\xff\xd8\xff\xd8":
        start += 2
    data = data[start:] if start else data
    header = read_header(data)
    if header.frame and not header.height:
        data = with_height(data, header)
        header = read_header(data)
    return data, header


BASE_BYTES = 500 << 20
"""Address space that a sandbox process takes before it decodes anything: Python, numpy and the codecs' libraries."""


def read(kind: str, data: bytes, limits: Limits) -> Picture:
    """Decode one kind, here and now.

    Raises:
      DecodeError: `truncated` also where no decoder says so, and the file's own structure does.
    """
    try:
        if kind in cut.UNNOTICED and cut.is_cut(kind, data):
            raise DecodeError("truncated", f"{kind.upper()}: the file ends before its picture does")
        return _read(kind, data, limits)
    except DecodeError as error:
        if not limits.isolated or error.code not in _DAMAGED:
            raise
        ended = cut.with_end(data) if kind == "jp2" else None
        if ended is not None:
            with suppress(DecodeError):
                return _read(kind, ended, limits)
        if cut.is_cut(kind, data):
            raise DecodeError("truncated", f"{kind.upper()}: the file ends before its picture does") from error
        raise


def _read(kind: str, data: bytes, limits: Limits) -> Picture:
    try:
        return first_reader(kind)(data, limits)
    except DecodeError as error:
        if not limits.isolated or not is_doubted(kind, error.code):
            raise
        # Imported where it is needed: these codecs' libraries are large, and only sandboxes load them.
        from mirrorfold.transforms.fingerprint import second

        found = second.read_second(kind, data, limits, error)
        if error.code == "unsupported":
            return found
        return replace(found, damaged=_said(data) if kind == "jpeg" else error.message)


def _said(data: bytes) -> str | None:
    # Imported where it is needed: it imports this module.
    from mirrorfold.transforms.fingerprint.heard import damage_said

    return damage_said(data) or None


def _read_plain_jpeg(data: bytes, limits: Limits) -> Picture:
    data, header = plain_jpeg(data)
    try:
        return read_jpeg(data, limits, header=header)
    except DecodeError as error:
        if error.code != "truncated" or not limits.isolated or data.endswith(cut.END):
            raise
        # Nothing but its end is missing where libjpeg finds no fault with the picture once it has one.
        if _said(data + cut.END):
            raise
    data, header = plain_jpeg(data + cut.END)
    return replace(read_jpeg(data, limits, header=header), damaged="JPEG: it lacks its end marker")


def _read_packed(data: bytes, limits: Limits) -> Picture:
    try:
        within = unpacked(data)
    except PackedError as error:
        raise DecodeError("corrupt", str(error)) from error
    limits.check_memory(len(within))
    kind = sniff.sniff(within, whole=True).name
    odd = kind == sniff.JPEG.name and is_odd(plain_jpeg(within)[1])
    return read(ODD_JPEG if odd else kind, within, limits)


def first_reader(kind: str) -> Callable[[bytes, Limits], Picture]:
    """Give what reads a kind first."""
    if kind == "jpeg":
        return _read_plain_jpeg
    if kind == sniff.PACKED.name:
        return _read_packed
    if kind in _RARE:
        # Imported where it is needed: these codecs' libraries are large, and only sandboxes load them.
        from mirrorfold.transforms.fingerprint import read_rare

        return getattr(read_rare, _RARE[kind])
    if kind in BY_IMAGECODECS:
        from mirrorfold.transforms.fingerprint.second import read_by_imagecodecs

        return partial(read_by_imagecodecs, kind)
    if kind in BY_OIIO:
        from mirrorfold.transforms.fingerprint.read_oiio import read_oiio

        return partial(read_oiio, kind, sniff.KINDS[kind].media_type)
    return partial(read_pillow, kind, sniff.KINDS[kind].media_type)


def is_doubted(kind: str, code: str) -> bool:
    """Tell whether a failure calls for a second decoder. libjpeg, all there is for JPEG, reads on past a broken end."""
    return code in DOUBTED and kind not in _OWN and (kind != "jpeg" or code != "truncated")


DOUBTED = frozenset({"corrupt", "truncated", "unsupported"})
"""Codes of a first decoder on which a second one is asked."""
_DAMAGED = frozenset({"corrupt", "unverified"})
_OWN = frozenset({"tiff", "raw", ODD_JPEG, sniff.PACKED.name})
"""Kinds whose reader asks several decoders itself, or whose code names what is missing."""
BY_OIIO = frozenset({"exr", "hdr", "dpx", "cineon", "dds", "fits", "rla", "iff", "softimage"})
"""Kinds that OpenImageIO decodes first."""
BY_IMAGECODECS = frozenset({"qoi"})
"""Kinds that imagecodecs decodes first: Pillow's QOI is written in Python, and takes a minute for 12 MP."""

_RARE = {
    "tiff": "read_tiff_or_raw",
    "heic": "read_heic",
    "jxl": "read_jxl",
    "raw": "read_raw",
    "jxr": "read_jxr",
    "pam": "read_pam",
    "cals": "read_cals",
    ODD_JPEG: "read_odd_jpeg",
}
