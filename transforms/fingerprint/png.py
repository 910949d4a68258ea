"""PNGs that Pillow gives up although their picture is sound: for their ancillary chunks, or as Apple's variant."""

from __future__ import annotations

import re
import zlib

from mirrorfold.transforms.fingerprint.containers import png_chunks
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.ifd import clean
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.photoshop import Blocks

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SHOWN = frozenset({b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"IEND"})
"""Chunks that the picture is made of; others say something about it, and needn't be parsed to see it."""

MAX_METADATA = 4 << 20
"""Bytes that a packed metadata chunk may unpack to."""
_KEYWORDS = {
    "Author": "creator", "Copyright": "rights", "Title": "title", "Description": "caption",
}  # fmt: skip
_RAW_PROFILE = re.compile(rb"\s*(\w+)\s+(\d+)\s+([0-9a-fA-F\s]*)")


def picture_alone(data: bytes) -> bytes:
    """Write the chunks again that the picture is made of; broken sums of these stay broken."""
    kept = [data[start - 8 : stop + 4] for kind, start, stop in png_chunks(data) if kind in _SHOWN]
    return SIGNATURE + b"".join(kept)


def texts(data: bytes) -> Blocks:
    """Read the metadata blocks: eXIf, iCCP, XMP, and the raw profiles in hexadecimal that ImageMagick writes."""
    found: dict[str, bytes] = {}
    for kind, start, stop in png_chunks(data):
        body = data[start:stop]
        if kind == b"eXIf":
            found.setdefault("exif", body)
        elif kind == b"iCCP":
            name = body.find(b"\0")
            found.setdefault("icc", unpack(body[name + 2 :]) or b"")
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            _add_text(found, kind, body)
    return Blocks(*(found.get(name) or None for name in Blocks._fields))


def said(texts: dict) -> dict[str, str]:
    """Give the columns that a PNG's plain texts state, by the keywords of its standard."""
    plain = {name: text for name, text in texts.items() if name in _KEYWORDS and isinstance(text, str)}
    return {_KEYWORDS[name]: found for name, text in plain.items() if (found := clean(text))}


def _add_text(found: dict[str, bytes], kind: bytes, body: bytes) -> None:
    keyword, _, rest = body.partition(b"\0")
    if keyword == b"XML:com.adobe.xmp" and kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        found.setdefault("xmp", (unpack(rest) if packed else rest) or b"")
    elif keyword.startswith(b"Raw profile type "):
        name = keyword[17:].decode("latin-1").lower()
        block = raw_profile(unpack(rest[1:]) if kind == b"zTXt" else rest)
        if block is None:
            return
        if name in ("exif", "app1") and block.startswith((b"Exif", b"II", b"MM")):
            found.setdefault("exif", block)
        elif name in ("xmp", "app1"):
            found.setdefault("xmp", block.removeprefix(b"http://ns.adobe.com/xap/1.0/\0"))
        elif name in ("iptc", "8bim"):
            found.setdefault("iptc", block)
        elif name in ("icc", "icm"):
            found.setdefault("icc", block)


def raw_profile(text: bytes | None) -> bytes | None:
    """Read a profile written as its name, its length and hexadecimal digits."""
    match = _RAW_PROFILE.match(text or b"")
    if match is None:
        return None
    digits = re.sub(rb"\s+", b"", match.group(3))
    length = int(match.group(2)[:12])
    return bytes.fromhex(digits[: 2 * length].decode()) if len(digits) >= 2 * length > 0 else None


def unpack(packed: bytes) -> bytes | None:
    """Unpack zlib data within MAX_METADATA; None where it is broken or larger."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(packed, MAX_METADATA + 1)
    except zlib.error:
        return None
    return found if len(found) <= MAX_METADATA else None


_SUMMED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT"})
"""Chunks without which there is no picture, or another one: decoders read on past a checksum that doesn't fit."""


def damage_of(data: bytes) -> str | None:
    """Say which chunk of the picture has another checksum than its own; None for none."""
    view = memoryview(data)
    for kind, start, stop in png_chunks(data):
        if kind in _SUMMED and zlib.crc32(view[start - 4 : stop]) != int.from_bytes(view[stop : stop + 4], "big"):
            return f"PNG: the checksum of {kind.decode()} doesn't fit"
    return None


def is_apple(data: bytes) -> bool:
    """Tell whether Xcode packed this PNG for a phone: its first chunk says so, and only Apple's decoders read it."""
    return data[12:16] == b"CgBI"


def plain_of_apple(data: bytes, limits: Limits) -> bytes:
    """Write Apple's variant as the PNG that it was: zlib's header around the pixels; the colours stay blue first.

    Raises:
      DecodeError: `corrupt` or `truncated` pixels; budgets.
    """
    chunks = [(kind, data[start:stop]) for kind, start, stop in png_chunks(data)]
    header = next((body for kind, body in chunks if kind == b"IHDR"), b"")
    if len(header) < 13:
        raise DecodeError("corrupt", "PNG: no header")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    limits.check_pixels(width, height)
    room = (width * 8 + 8) * height + (1 << 16)
    limits.check_memory(room + len(data))
    unpacker = zlib.decompressobj(-15)
    try:
        pixels = unpacker.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), room)
    except zlib.error as error:
        raise DecodeError("corrupt", "PNG: its pixels can't be unpacked") from error
    palette = [(kind, body) for kind, body in chunks if kind in (b"PLTE", b"tRNS")]
    parts = [(b"IHDR", header), *palette, (b"IDAT", zlib.compress(pixels, 0)), (b"IEND", b"")]
    return SIGNATURE + b"".join(
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in parts
    )
