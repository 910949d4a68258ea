"""Metadata blocks of files made of boxes: JPEG 2000, JPEG XL, Canon's CR3; and depths that JPEG 2000 and AVIF declare.

JPEG 2000 keeps EXIF, IPTC and XMP in `uuid` boxes (XMP part 3; ExifTool's tables for the others), XMP of older writers
in `xml ` boxes too. JPEG XL (ISO 18181-2) has `Exif` and `xml `, each perhaps packed by Brotli within `brob`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mirrorfold.transforms.fingerprint.containers import iso_boxes
from mirrorfold.transforms.fingerprint.photoshop import ICC, IPTC, Blocks, resources

_UUIDS = {
    b"JpgTiffExif->JP2": "exif",
    bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"): "exif",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb"): "photoshop",
}
MAX_METADATA = 4 << 20
"""Bytes that a packed box may unpack to."""
_ICC_METHODS = frozenset({2, 3})


def blocks(data: bytes) -> Blocks:
    """Read the metadata blocks; of several of one kind the first, of XML those alone that are XMP."""
    found: dict[str, bytes] = {}
    for kind, body in _plain_boxes(data):
        name, body = _block(kind, body)
        if name == "photoshop":
            within = dict(resources(body))
            found.setdefault("iptc", within.get(IPTC, b""))
            found.setdefault("icc", within.get(ICC, b""))
        elif name and not found.get(name):
            found[name] = body
    return Blocks(*(found.get(name) or None for name in Blocks._fields))


def manifest(data: bytes) -> bytes | None:
    """Find the C2PA manifest store, a box of its own or packed in one."""
    return next((body for kind, body in _plain_boxes(data) if kind == b"jumb" and b"c2pa" in body), None)


def _plain_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, start, stop in iso_boxes(data):
        if kind == b"brob":
            yield data[start : start + 4], _unpacked(data[start + 4 : stop])
        elif kind in (b"uuid", b"xml ", b"Exif", b"jumb"):
            yield kind, data[start:stop]
        elif kind == b"jp2h":
            yield from ((b"colr", data[a:b]) for inner, a, b in iso_boxes(data, start, stop) if inner == b"colr")
        elif kind == b"moov":
            yield from ((b"uuid", data[a:b]) for inner, a, b in iso_boxes(data, start, stop) if inner == b"uuid")


def _block(kind: bytes, body: bytes) -> tuple[str | None, bytes]:
    """Name what a box holds, and give it without what stands before it."""
    if kind == b"uuid":
        return _UUIDS.get(body[:16]), body[16:]
    if kind == b"xml ":
        return ("xmp" if b"adobe:ns:meta" in body or b"22-rdf-syntax-ns#" in body else None), body
    if kind == b"Exif":  # four bytes say how many more to pass over
        return "exif", body[4 + int.from_bytes(body[:4], "big") :]
    if kind == b"colr" and body[:1] and body[0] in _ICC_METHODS:
        return "icc", body[3:]
    return None, b""


def _unpacked(packed: bytes) -> bytes:
    import imagecodecs

    try:
        return bytes(imagecodecs.brotli_decode(packed, out=MAX_METADATA))
    except (imagecodecs.BrotliError, imagecodecs.DelayedImportError, ValueError):
        return b""


def jp2_depth(data: bytes) -> int:
    """Read the most bits that a component of a JPEG 2000 codestream declares (SIZ); 8 where that can't be read."""
    at = data.find(b"\xff\x4f\xff\x51")
    count = int.from_bytes(data[at + 40 : at + 42], "big") if at >= 0 else 0
    sizes = data[at + 42 : at + 42 + 3 * min(count, 16_384) : 3]
    return max(((size & 0x7F) + 1 for size in sizes), default=8)


def avif_depth(data: bytes) -> int:
    """Read the bits of an AVIF's first coding configuration (`av1C`)."""
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def is_sycc(data: bytes) -> bool:
    """Tell whether a JPEG 2000's colour box says sYCC, which a plain decoder leaves as it is coded."""
    bodies = (body for kind, body in _plain_boxes(data) if kind == b"colr")
    return any(body[:1] == b"\1" and body[3:7] == b"\0\0\0\x12" for body in bodies)
