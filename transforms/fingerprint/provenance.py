"""What a file says about its origin: EXIF, XMP, IPTC and the ICC profile's name. Bad metadata never fails a picture."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from mirrorfold.transforms.fingerprint import ifd, photoshop
from mirrorfold.transforms.fingerprint.srgb_profile import is_srgb
from mirrorfold.transforms.fingerprint.xmp import place_of, rating_of, read_xmp

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
_IPTC = (
    ("creator", 80), ("rights", 116), ("title", 5), ("caption", 120), ("credit", 110), ("instructions", 40),
)  # fmt: skip
_CAMERAS_CAPTIONS = frozenset({
    "OLYMPUS DIGITAL CAMERA", "SONY DSC", "KONICA MINOLTA DIGITAL CAMERA", "MINOLTA DIGITAL CAMERA", "SAMSUNG",
    "DIGITAL CAMERA", "SAMSUNG DIGITAL CAMERA", "OLYMPUS", "DCIM", "CASIO", "EXIF_JPEG_PICTURE",
    "EXIF JPEG", "UNTITLED",
})  # fmt: skip
_EXIF_TIME = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_UTF8_CHARSET = b"\x1b%G"
_DESCRIBED = (
    "document_id", "instance_id", "original_document_id", "derived_from", "licence", "catalogue_no", "metadata_date",
    "creator", "rights", "title", "keywords", "software", "capture_time", "caption", "usage_terms", "rights_uri",
    "instructions", "credit", "data_mining", "digital_source_type", "gps", "rating",
)  # fmt: skip


def read_provenance(exif: bytes | None, xmp: bytes | None, iptc: bytes | None) -> tuple[dict, int]:
    """Give the provenance columns a file states, and its EXIF orientation (1 where it states none).

    Where several blocks state a field: the camera's facts come from EXIF, descriptions from XMP, then IPTC, then EXIF.
    """
    found, orientation = _exif(exif) if exif else ({}, 1)
    described = read_xmp(xmp) if xmp else {}
    indexed = _iptc(iptc) if iptc else {}
    for name in _DESCRIBED:
        value = described.get(name) or indexed.get(name) or found.get(name)
        if name in ("software", "capture_time", "gps"):
            value = found.get(name) or value
        if value:
            found[name] = value
    return found, orientation


def _exif(block: bytes) -> tuple[dict, int]:
    start = 6 if block[:4] == b"Exif" else 0
    data = block[start:]
    layout = ifd.layout_of(data)
    main = ifd.read_directory(data, layout, layout.first) if layout else None
    return exif_fields(data, main) if main is not None else ({}, 1)


def exif_fields(data: bytes, main: ifd.Directory) -> tuple[dict, int]:
    """Read provenance from a TIFF's or EXIF block's main directory and the EXIF directory below it."""
    found: dict = {}
    names = {
        "caption": 0x010E,
        "camera_make": 0x010F,
        "camera_model": 0x0110,
        "software": 0x0131,
        "creator": 0x013B,
        "rights": 0x8298,
    }
    _texts(found, main, names)
    orientation = main.number(0x0112, 1)
    if rating := rating_of(str(main.number(0x4746))):
        found["rating"] = rating
    below = ifd.read_directory(data, main.layout, main.number(EXIF_IFD)) if EXIF_IFD in main else None
    if below is not None:
        _texts(found, below, {"camera_serial": 0xA431, "image_unique_id": 0xA420})
        taken = _exif_time(below.text(0x9003), below.text(0x9291), below.text(0x9011))
        if taken:
            found["capture_time"] = taken
    if found.get("caption", "").strip().upper() in _CAMERAS_CAPTIONS:
        del found["caption"]  # what a camera writes into each of its files says nothing of this one
    place = _gps(data, main)
    if place:
        found["gps"] = place
    return found, orientation if 1 <= orientation <= 8 else 1


def _gps(data: bytes, main: ifd.Directory) -> str | None:
    """Read latitude and longitude of the GPS directory."""
    below = ifd.read_directory(data, main.layout, main.number(GPS_IFD)) if GPS_IFD in main else None
    if below is None:
        return None
    sides = []
    for ref, tag in ((1, 2), (3, 4)):
        parts, toward = below.numbers(tag), (below.text(ref) or "")[:1].upper()
        if len(parts) != 3 or toward not in ("N", "S", "E", "W"):
            return None
        degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
        sides.append(-degrees if toward in ("S", "W") else degrees)
    return place_of(*sides)


def _texts(found: dict, directory: ifd.Directory, names: dict[str, int]) -> None:
    for name, tag in names.items():
        value = directory.text(tag)
        if value:
            found[name] = value


def _exif_time(stated: str | None, fraction: str | None, offset: str | None) -> str | None:
    match = _EXIF_TIME.match(stated or "")
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    digits = "." + fraction[:9] if fraction and fraction.isascii() and fraction.isdigit() else ""
    zone = offset if offset and _OFFSET.fullmatch(offset) else ""
    return moment.isoformat() + digits + zone


def _iptc(block: bytes) -> dict:
    """Read IPTC-IIM records, bare or inside Photoshop image resources."""
    records = dict(photoshop.resources(block)).get(photoshop.IPTC, b"") if block[:4] == b"8BIM" else block
    fields: dict[int, list[bytes]] = {}
    at, utf8 = 0, False
    while at + 5 <= len(records) and records[at] == 0x1C:
        record, dataset = records[at + 1], records[at + 2]
        length = int.from_bytes(records[at + 3 : at + 5], "big")
        value = records[at + 5 : at + 5 + length]
        if length & 0x8000 or len(value) < length:
            break
        utf8 = utf8 or (record == 1 and dataset == 90 and value == _UTF8_CHARSET)
        if record == 2:
            fields.setdefault(dataset, []).append(value)
        at += 5 + length
    found: dict = {}
    for name, dataset in _IPTC:
        text = ifd.clean_text(fields[dataset][0]) if dataset in fields else None
        if text:
            found[name] = text
    keywords = [text for text in map(ifd.clean_text, fields.get(25, [])[:1000]) if text]
    return {**found, "keywords": keywords} if keywords else found


def parse_moment(stated: str) -> datetime | None:
    """Read an XMP date as a moment; without a zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(stated.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def icc_description(profile: bytes | None) -> str | None:
    """Read the name of an ICC profile (v2 'desc' or v4 'mluc')."""
    if not profile or len(profile) < 132:
        return None
    for index in range(min(int.from_bytes(profile[128:132], "big"), 100)):
        entry = profile[132 + 12 * index : 144 + 12 * index]
        if entry[:4] == b"desc":
            start, length = int.from_bytes(entry[4:8], "big"), int.from_bytes(entry[8:12], "big")
            return _icc_text(profile[start : start + min(length, 4096)])
    return None


def _icc_text(tag: bytes) -> str | None:
    if tag[:4] == b"desc":
        return ifd.clean_text(tag[12 : 12 + int.from_bytes(tag[8:12], "big")])
    if tag[:4] == b"mluc" and len(tag) >= 28:
        length, start = int.from_bytes(tag[20:24], "big"), int.from_bytes(tag[24:28], "big")
        return ifd.clean(tag[start : start + length].decode("utf-16-be", "replace").split("\0")[0])
    return None


def looks_salt(orientation: int, profile: bytes | None) -> bytes:
    """Give what changes how a picture looks but isn't in its coding: orientation, and a profile other than sRGB."""
    seen = b"" if not profile or is_srgb(profile) else hashlib.sha256(profile).digest()
    return bytes([orientation]) + seen
