"""What bytes are, by their first bytes, against an allowlist: the name and the content type are not trusted."""

from __future__ import annotations

from typing import NamedTuple

from mirrorfold.transforms.fingerprint.errors import DecodeError


class Kind(NamedTuple):
    """A format we read: its name here, its media type, and whether its decoder must run in the sandbox."""

    name: str
    media_type: str
    risky: bool = True


JPEG = Kind("jpeg", "image/jpeg", False)
PNG = Kind("png", "image/png", False)
GIF = Kind("gif", "image/gif", False)
BMP = Kind("bmp", "image/bmp", False)
WEBP = Kind("webp", "image/webp", False)
TIFF = Kind("tiff", "image/tiff")
JP2 = Kind("jp2", "image/jp2")
AVIF = Kind("avif", "image/avif")
HEIC = Kind("heic", "image/heic")
JXL = Kind("jxl", "image/jxl")
PSD = Kind("psd", "image/vnd.adobe.photoshop")
ICO = Kind("ico", "image/x-icon")
PNM = Kind("pnm", "image/x-portable-anymap")
TGA = Kind("tga", "image/x-tga")
RAW = Kind("raw", "image/x-raw")

KINDS = {kind.name: kind for kind in (JPEG, PNG, GIF, BMP, WEBP, TIFF, JP2, AVIF, HEIC, JXL, PSD, ICO, PNM, TGA, RAW)}

_STARTS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JP2),
    (b"\xff\x4f\xff\x51", JP2),
    (b"\xff\x0a", JXL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", JXL),
    (b"8BPS", PSD),
    (b"\x00\x00\x01\x00", ICO),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"IIU\x00", RAW),
    (b"FUJIFILMCCD-RAW", RAW),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_KNOWN_BUT_UNREAD = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS with a preview"),
    (b"SIMPLE  =", "FITS"),
    (b"DDS ", "a DirectDraw surface"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"AT&TFORM", "DjVu"),
    (b"\x00\x00\x02\x00", "a cursor"),
    (b"II\xbc\x01", "JPEG XR"),
)


def sniff(data: bytes, whole: bool = False) -> Kind:
    """Name the format of `data`, from its first kilobyte; a TGA only shows in the `whole` file.

    Raises:
      DecodeError: `not-an-image`, or `unsupported` for a picture that no allowed decoder reads.
    """
    head = bytes(data[:64])
    for start, kind in _STARTS:
        if head.startswith(start):
            return RAW if kind is TIFF and head[8:10] == b"CR" else kind
    found = _riff(head) or _iso_media(head) or _bmp(head) or _pnm(head)
    if found is not None:
        return found
    if whole and _is_tga(data):
        return TGA
    for start, what in _KNOWN_BUT_UNREAD:
        if head.startswith(start):
            raise DecodeError("unsupported", f"{what}: no allowed decoder reads it")
    if b"<svg" in bytes(data[:1024]).lower():
        raise DecodeError("unsupported", "SVG, a drawing program: no allowed decoder reads it")
    raise DecodeError("not-an-image", "its first bytes are not those of any picture format")


def _riff(head: bytes) -> Kind | None:
    return WEBP if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _iso_media(head: bytes) -> Kind | None:
    if head[4:8] != b"ftyp":
        return None
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, 60, 4))}
    if head[8:12] == b"crx ":
        return RAW
    if head[8:12] in (b"avif", b"avis") or brands & {b"avif", b"avis"}:
        return AVIF
    return HEIC if head[8:12] in _HEIF_BRANDS or brands & {b"heic", b"heix"} else None


def _bmp(head: bytes) -> Kind | None:
    return BMP if head[:2] == b"BM" and head[14:18] in _BMP_HEADERS else None


_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)}


def _pnm(head: bytes) -> Kind | None:
    return PNM if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n" and head[1:2] else None


def _is_tga(data: bytes) -> bool:
    """TGA has no magic: take the footer of its version 2, or an uncompressed picture that fills the file exactly."""
    if data.endswith(b"TRUEVISION-XFILE.\0"):
        return True
    head = data[:18]
    if len(head) < 18 or head[1] not in (0, 1) or head[2] not in (1, 2, 3) or head[16] not in (8, 15, 16, 24, 32):
        return False
    entries, entry_bits = int.from_bytes(head[5:7], "little"), head[7]
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    pixels = width * height * ((head[16] + 7) // 8)
    return pixels > 0 and len(data) == 18 + head[0] + entries * ((entry_bits + 7) // 8) + pixels
