"""What bytes are, by their first bytes, against an allowlist: the name and the content type are not trusted."""

from __future__ import annotations

from typing import NamedTuple

from mirrorfold.transforms.fingerprint import fields
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.fields import BY_FIELDS, FILLED, filled, fills_tga, is_tga, may_fill
from mirrorfold.transforms.stores.encoding import is_packed, unpacked_start


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
EXR = Kind("exr", "image/x-exr")
HDR = Kind("hdr", "image/vnd.radiance")
DPX = Kind("dpx", "image/x-dpx")
CINEON = Kind("cineon", "image/x-cineon")
FITS = Kind("fits", "image/fits")
DDS = Kind("dds", "image/vnd-ms.dds")
SGI = Kind("sgi", "image/x-sgi")
RLA = Kind("rla", "image/x-rla")
IFF = Kind("iff", "image/x-maya-iff")
QOI = Kind("qoi", "image/qoi")
PCX = Kind("pcx", "image/x-pcx")
PCD = Kind("pcd", "image/x-photo-cd")
ICNS = Kind("icns", "image/icns")
CURSOR = Kind("cursor", "image/x-win-cursor")
JXR = Kind("jxr", "image/jxr")
DCX = Kind("dcx", "image/x-dcx")
DIB = Kind("dib", "image/bmp")
PAM = Kind("pam", "image/x-portable-arbitrarymap")
SUN = Kind("sun", "image/x-sun-raster")
XBM = Kind("xbm", "image/x-xbitmap")
XPM = Kind("xpm", "image/x-xpixmap")
XVTHUMB = Kind("xvthumb", "image/x-xv-thumbnail")
PIXAR = Kind("pixar", "image/x-pixar")
BLP = Kind("blp", "image/x-blp")
FTEX = Kind("ftex", "image/x-ftex")
FLI = Kind("fli", "image/x-fli")
GBR = Kind("gbr", "image/x-gimp-gbr")
IM = Kind("im", "image/x-ifunc-im")
MSP = Kind("msp", "image/x-ms-paint")
SOFTIMAGE = Kind("softimage", "image/x-softimage-pic")
CALS = Kind("cals", "image/x-cals")

PACKED = Kind("packed", "application/gzip")
"""A picture that was stored packed by gzip; its decoder, and so its media type, is that of what lies within."""

KINDS = {
    kind.name: kind
    for kind in (
        JPEG, PNG, GIF, BMP, WEBP, TIFF, JP2, AVIF, HEIC, JXL, PSD, ICO, PNM, TGA, RAW, EXR, HDR, DPX, CINEON, FITS,
        DDS, SGI, RLA, IFF, QOI, PCX, PCD, ICNS, CURSOR, JXR, PAM, DCX,
        DIB, SUN, XBM, XPM, XVTHUMB, PIXAR, BLP, FTEX, FLI, GBR, IM, MSP, SOFTIMAGE, CALS,
    )
}  # fmt: skip

_STARTS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG", PNG),  # what follows tells of line ends that were turned on the way
    (b"GIF8", GIF),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JP2),
    (b"\xff\x4f\xff\x51", JP2),
    (b"\xff\x0a", JXL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", JXL),
    (b"8BPS", PSD),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"IIU\x00", RAW),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"FOVb", RAW),
    (b"II\x1a\x00\x00\x00HEAPCCDR", RAW),
    (b"FOVb", RAW),
    (b"\x00MRM", RAW),
    (b"v/1\x01", EXR),
    (b"#?RADIANCE", HDR),
    (b"#?RGBE", HDR),
    (b"SDPX", DPX),
    (b"XPDS", DPX),
    (b"\x80\x2a\x5f\xd7", CINEON),
    (b"\xd7\x5f\x2a\x80", CINEON),
    (b"SIMPLE  =", FITS),
    (b"DDS ", DDS),
    (b"qoif", QOI),
    (b"icns", ICNS),
    (b"II\xbc\x01", JXR),
    (b"P7\n", PAM),
    (b"\xb1\x68\xde\x3a", DCX),
    (b"FOR4", IFF),
    (b"\x59\xa6\x6a\x95", SUN),
    (b"/* XPM */", XPM),
    (b"P7 332", XVTHUMB),
    (b"\x80\xe8\x00\x00", PIXAR),
    (b"BLP1", BLP),
    (b"BLP2", BLP),
    (b"FTEX", FTEX),
    (b"Image type: ", IM),
    (b"DanM", MSP),
    (b"LinS", MSP),
    (b"\x53\x80\xf6\x34", SOFTIMAGE),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_KNOWN_BUT_UNREAD = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS with a preview"),
    (b"%PDF-", "PDF, whose pages may be pictures"),
    (b"AT&TFORM", "DjVu"),
    (b"gimp xcf", "XCF, GIMP's layers"),
    (b"8BPB", "Photoshop's large document of another version"),
    (b"BPG\xfb", "BPG"),
    (b"\x8aMNG", "MNG, an animation"),
    (b"\x8bJNG", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "WMF, a drawing"),
    (b"\1\0\x09\0\0\3", "WMF, a drawing"),
    (b"\x0e\x03\x13\x01", "HDF, scientific data"),
    (b"\x89HDF\r\n\x1a\n", "HDF, scientific data"),
    (b"MATLAB 5.0 MAT-file", "MATLAB's data"),
    (b"GRIB", "GRIB, weather data"),
    (b"\x52\xcc", "Utah RLE"),
    (b"\xab\x01\x01", "VIFF, of Khoros"),
    (b"\xffWPC", "WPG, WordPerfect's graphics"),
    (b"SFW9", "SFW, of Seattle FilmWorks"),
    (b"FLIF", "FLIF"),
    (b"\xabKTX ", "KTX, a texture"),
)


def sniff(data: bytes, whole: bool = False) -> Kind:
    """Name the format of `data`, from its first kilobyte; what has no magic shows in the `whole` file alone.

    Raises:
      DecodeError: `not-an-image`, or `unsupported` for a picture that no allowed decoder reads.
    """
    if is_packed(data):
        return _packed(data)
    head = bytes(data[:64])
    for start, kind in _STARTS:
        if head.startswith(start):
            return RAW if kind is TIFF and head[8:10] == b"CR" else kind
    found = _riff(head) or _iso_media(head) or _bmp(head) or _pnm(head) or _by_fields(data)
    if found is not None:
        return found
    _refuse_known(data)
    if is_tga(data) or fills_tga(data) if whole else may_fill(data):
        return TGA  # of a beginning alone: it is read whole, which tells
    if whole and (raw := filled(data)):
        raise DecodeError("unsupported", f"{raw}: no allowed decoder reads it")
    if jpeg_start(data, whole) >= 0:
        return JPEG
    raise DecodeError("not-an-image", "its first bytes are not those of any picture format")


def _packed(data: bytes) -> Kind:
    """Name what is packed by gzip where a picture lies within, once.

    Raises:
      DecodeError: as `sniff` of what lies within.
    """
    start = unpacked_start(data)
    if is_packed(start):
        raise DecodeError("not-an-image", "packed by gzip more than once")
    sniff(start)
    return PACKED


def _refuse_known(data: bytes) -> None:
    """Name a picture format that no allowed decoder reads.

    Raises:
      DecodeError: `unsupported`.
    """
    head, start = bytes(data[:64]), bytes(data[:1024])
    found = next((what for magic, what in _KNOWN_BUT_UNREAD if head.startswith(magic)), None)
    found = found or next((what for what, shows in BY_FIELDS.items() if shows(start)), None)
    if found is not None:
        raise DecodeError("unsupported", f"{found}: no allowed decoder reads it")


NAMED = frozenset({what for _, what in _KNOWN_BUT_UNREAD} | set(BY_FIELDS) | set(FILLED))
"""Formats that are named and not read."""


def _by_fields(data: bytes) -> Kind | None:
    """Name formats whose magic is a byte or two, by the fields behind it."""
    return next((KINDS[name] for name, shows in fields.SHOWN.items() if shows(data)), None)


JUNK = 1024
"""Bytes before a JPEG's start within which it is looked for: mail headers, byte order marks, a stray line."""
_FIRST_MARKERS = frozenset({0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xDB, 0xC4, 0xC0, 0xC2, 0xFE, 0xDD})
_NOT_BEFORE_A_JPEG = (
    b"ID3",
    b"fLaC",
    b"OggS",
    b"PK",
    b"RIFF",
    b"\0asm",
    b"\x1aE\xdf\xa3",
    b"\xd0\xcf\x11\xe0",
    b"Rar!",
)


def jpeg_start(data: bytes, whole: bool = True) -> int:
    """Find where a JPEG starts behind stray bytes; 0 where it starts at once, -1 where there is none.

    Of the whole file its end must be the JPEG's end: a sound file with a cover picture isn't one.
    """
    if data[:3] == b"\xff\xd8\xff":
        return 0
    ends = not whole or data.rfind(b"\xff\xd9") >= len(data) - 64
    if data[:2] == b"\xff\xd8" and b"\xff" in bytes(data[2:JUNK]):
        return 0 if ends else -1  # stray bytes behind the start, which libjpeg passes over
    at = bytes(data[: JUNK + 4]).find(b"\xff\xd8\xff")
    if at < 0 or len(data) < at + 4 or data[at + 3] not in _FIRST_MARKERS:
        return -1
    if bytes(data[:8]).startswith(_NOT_BEFORE_A_JPEG) or data[4:8] == b"ftyp":
        return -1
    return at if ends else -1


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
    return PNM if head[:1] == b"P" and head[1:2] in b"123456fF" and head[2:3] in b" \t\r\n#" and head[2:3] else None
