"""Decode the formats that Pillow reads whole: PNG, GIF, BMP, WebP, and in the sandbox JP2, AVIF, PSD, ICO, PNM, TGA."""

from __future__ import annotations

from PIL import Image

from mirrorfold.transforms.fingerprint import containers, frames, icc
from mirrorfold.transforms.fingerprint.canonical import canonical, canonical_grey
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import codec_errors, open_with
from mirrorfold.transforms.fingerprint.provenance import icc_description, looks_salt, read_provenance

SHORT_SIDE = 256
ANIMATION_FRAMES = 16
"""Frames of an animation that get a hash, the first included; each costs a decode."""

_MODE_BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}
_LOSSLESS = frozenset({"png", "gif", "bmp", "psd", "ico", "pnm", "tga"})
_PLUGINS = {"pnm": ("PPM",), "jp2": ("JPEG2000",)}


def read_pillow(kind: str, media_type: str, data: bytes, limits: Limits) -> Picture:
    """Decode one of the formats above.

    Raises:
      DecodeError: a stable code; `too-much-memory` before anything is decoded.
    """
    _check_webp(kind, data, limits)
    count = frames.count_frames(kind, data, limits)
    data = containers.join_associations(data) if kind == "avif" else data
    with codec_errors(kind.upper()):
        image = open_with(data, _PLUGINS.get(kind, (kind.upper(),)))
        width, height = image.size
        limits.check_pixels(width, height)
        mode = image.mode
        shrink = _reduce_jp2(image, data) if kind == "jp2" else 1
        limits.check_memory(decode_bytes(mode, width // shrink + 1, height // shrink + 1) + len(data))
        image.load()
        info = image.info
        profile = icc.applied(_bytes(info.get("icc_profile")), mode)
        icc.check(profile, limits)
        provenance, orientation = read_provenance(_bytes(info.get("exif")), _xmp(info), None)
        luma, cells = canonical(image, orientation, side=limits.side, profile=profile)
        walk = _walk(kind, data, looks_salt(orientation, _bytes(info.get("icc_profile"))))
        count = max(count, getattr(image, "n_frames", 1)) if kind == "avif" else count
        pages = _frames(image, min(count, ANIMATION_FRAMES, limits.max_pages), orientation)
    turned = orientation >= 5
    return Picture(
        media_type=media_type,
        width=height if turned else width,
        height=width if turned else height,
        luma=luma,
        cells=cells,
        pages=pages,
        frames=count,
        mode=mode,
        bit_depth=_bit_depth(kind, data, mode),
        lossless=walk.lossless,
        orientation=orientation,
        digest=walk.digest,
        icc_profile=icc_description(_bytes(info.get("icc_profile"))),
        provenance=provenance,
    )


def _walk(kind: str, data: bytes, salt: bytes) -> containers.Walk:
    if kind == "png":
        return containers.walk_png(data, salt)
    if kind == "webp":
        return containers.walk_webp(data, salt)
    return containers.Walk(None, kind in _LOSSLESS or (kind == "jp2" and _reversible(data)))


def _frames(image: Image.Image, count: int, orientation: int) -> list[bytes]:
    pages = []
    for index in range(1, count):
        try:
            image.seek(index)
        except EOFError:
            break
        pages.append(canonical_grey(image, orientation))
    return pages


def _check_webp(kind: str, data: bytes, limits: Limits) -> None:
    """WebP's decoder allocates its canvas as it opens: refuse by the header first."""
    if kind != "webp":
        return
    width, height = webp_size(data)
    limits.check_pixels(width, height)
    limits.check_memory(width * height * 21 + len(data))


def webp_size(data: bytes) -> tuple[int, int]:
    """Read a WebP's canvas size from its first chunk.

    Raises:
      DecodeError: `corrupt` where the first chunk is none that WebP starts with.
    """
    kind, body = data[12:16], data[20:30]
    if len(body) == 10:
        if kind == b"VP8X":
            return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
        if kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise DecodeError("corrupt" if len(body) == 10 else "truncated", "WEBP: its first chunk can't be read")


def _coding_style(data: bytes) -> bytes:
    at = data.find(b"\xff\x52", data.find(b"\xff\x51"))
    return data[at + 4 : at + 14] if at >= 0 else b""


def _reduce_jp2(image: Image.Image, data: bytes) -> int:
    """Skip the finest wavelet levels that the canonical picture doesn't need; give by how much that shrinks it."""
    style = _coding_style(data)
    levels = style[5] if len(style) > 5 else 0
    skip = 0
    while skip < levels and min(image.size) >> (skip + 1) >= SHORT_SIDE:
        skip += 1
    image.reduce = skip  # type: ignore[method-assign, assignment]  # Pillow reads it from there
    return 1 << skip


def _reversible(data: bytes) -> bool:
    style = _coding_style(data)
    return len(style) > 9 and style[9] == 1


def _bit_depth(kind: str, data: bytes, mode: str) -> int:
    if kind == "png" and len(data) > 24:
        return data[24]
    return _MODE_BITS.get(mode, 8)


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def _xmp(info: dict) -> bytes | None:
    value = info.get("xmp") or info.get("XML:com.adobe.xmp")
    return value.encode() if isinstance(value, str) else _bytes(value)
