"""Whether a file carries a C2PA manifest, and which tool made it: read, never verified, as that takes keys.

C2PA 2.1, annex A: where each format keeps the manifest store, a tree of JUMBF boxes whose claim is CBOR.
"""

from __future__ import annotations

from mirrorfold.transforms.fingerprint import boxes
from mirrorfold.transforms.fingerprint.containers import iso_boxes, png_chunks, riff_chunks
from mirrorfold.transforms.fingerprint.ifd import clean

TIFF_TAG = 0xCD41
UNKNOWN = "unknown"
_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_ISO = frozenset({"avif", "heic"})
_BOXED = frozenset({"jxl", "jp2"})
_HEADS = {0x60: 0, 0x78: 1, 0x79: 2}


def payload(kind: str, data: bytes) -> bytes | None:
    """Find the manifest store of a file whose format isn't JPEG or TIFF, whose readers have it at hand."""
    if kind == "png":
        return next((data[start:stop] for name, start, stop in png_chunks(data) if name == b"caBX"), None)
    if kind == "webp":
        return next((data[start:stop] for name, start, stop in riff_chunks(data) if name == b"C2PA"), None)
    if kind in _ISO:
        found = ((start, stop) for name, start, stop in iso_boxes(data) if name == b"uuid")
        return next((data[start + 16 : stop] for start, stop in found if data[start : start + 16] == _UUID), None)
    if kind in _BOXED:
        return boxes.manifest(data)
    return None


def stated(store: bytes | None) -> dict[str, str]:
    """Give the columns that a manifest store states: the tool that made the claim, and the digital source type."""
    if not store or b"c2pa" not in store:
        return {}
    found = {"c2pa": _text_after(store, b"claim_generator") or _tool(store) or UNKNOWN}
    source = _text_after(store, b"digitalSourceType")
    return {**found, "digital_source_type": source_type(source)} if source else found


def source_type(uri: str) -> str:
    """Give a digital source type by its name alone, whichever address it is written with."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def _tool(store: bytes) -> str | None:
    """Read the name within claim_generator_info, which newer claims have in place of a text."""
    at = store.rfind(b"claim_generator_info")
    return _text_after(store[at:], b"dname") if at >= 0 else None


def _text_after(store: bytes, key: bytes) -> str | None:
    """Read the CBOR text that is the value of a key: of the last one, which belongs to the active manifest."""
    end = len(store)
    while (at := store.rfind(key, 0, end)) >= 0:
        text = _cbor_text(store, at + len(key))
        if text is not None:
            return clean(text)
        end = at
    return None


def _cbor_text(store: bytes, at: int) -> str | None:
    if at >= len(store) or store[at] >> 5 != 3:
        return None
    head = store[at]
    width = _HEADS.get(head, 0 if head < 0x78 else -1)
    if width < 0:
        return None
    length = head & 31 if width == 0 else int.from_bytes(store[at + 1 : at + 1 + width], "big")
    text = store[at + 1 + width : at + 1 + width + length]
    return text.decode("utf-8", "replace") if text and len(text) == length else None
