"""Decode what Pillow reads whole: PNG, GIF, BMP, WebP, and in the sandbox JP2, AVIF, PSD, ICO, PNM, TGA and others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint import boxes, c2pa, containers, frames, icc, jp2_tiles, photoshop, png
from mirrorfold.transforms.fingerprint.arrays import arrayed
from mirrorfold.transforms.fingerprint.canonical import DEEP_MODES, Canonical, canonical, canonical_grey
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.iso_items import parts_of_items
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes
from mirrorfold.transforms.fingerprint.parts import joined
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import CODEC_ERRORS, codec_errors, open_with
from mirrorfold.transforms.fingerprint.provenance import icc_description, looks_salt, read_provenance
from mirrorfold.transforms.fingerprint.samples import Meaning, used_bits

SHORT_SIDE = 256
ANIMATION_FRAMES = 16
"""Frames of an animation that get a hash, the first included; each costs a decode."""

_MODE_BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}
_LOSSY = frozenset({"avif", "pcd", "blp", "ftex", "xvthumb"})
_PLUGINS = {"pnm": ("PPM",), "jp2": ("JPEG2000",), "cursor": ("CUR",), "xvthumb": ("XVTHUMB",)}
_IDLE_ALPHA = frozenset({"tga", "bmp", "ico", "cursor"})
"""Kinds whose fourth channel many writers leave at zero and mean nothing by it."""
_DEEP_CODECS = {"png": ("RGB", "RGBA"), "avif": ("L", "LA", "RGB", "RGBA"), "jp2": ("I;16", "RGB", "RGBA")}
"""Modes in which Pillow opens what imagecodecs gives all bits of."""
_PNM_NUMBERS = re.compile(rb"P\d(?:(?:\s|#[^\n]*\n)+\d+){2}(?:\s|#[^\n]*\n)+(\d{1,9})")
_OPTIONS = {"avif": {"index": 0}, "jp2": {"numthreads": 1}}
DEEP_PIXELS = 4 << 20
"""Pixels of a deep JPEG 2000 up to which it is read whole, to see which bits are used: a lossless one of 3 MP takes 1.1
seconds of CPU so, and 0.1 without its finest levels."""
_BESIDE: dict[str, Callable[[bytes], tuple[str, ...]]] = {"avif": parts_of_items, "psd": photoshop.parts_of_layers}
"""What names the parts beside a picture, by kind."""
BLANK_RANGE = 8
"""Levels that the canonical picture of a frame spans at least if it shows anything."""


def read_pillow(kind: str, media_type: str, data: bytes, limits: Limits) -> Picture:
    """Decode one of the formats above.

    Raises:
      DecodeError: a stable code; `too-much-memory` before anything is decoded.
    """
    if (deep := deep_bits(kind, data)) > 8:
        from mirrorfold.transforms.fingerprint.read_oiio import read_oiio  # loads OpenImageIO

        found = read_oiio(kind, media_type, data, limits)
        return replace(found, bit_depth=min(found.bit_depth or deep, deep), declared_depth=deep)
    if kind == "psd":
        photoshop.check_flattened(data)
    _check_webp(kind, data, limits)
    count = frames.count_frames(kind, data, limits)
    data = containers.join_associations(data) if kind == "avif" else data
    with codec_errors(kind.upper()):
        loaded = _load(kind, data, limits)
        image, blocks = loaded.image, loaded.blocks
        profile = icc.applied(blocks.icc, image.mode)
        icc.check(profile, limits)
        provenance, orientation = read_provenance(blocks.exif, blocks.xmp, blocks.iptc)
        plain = png.said(image.info) if kind == "png" else {}
        provenance = {**c2pa.stated(c2pa.payload(kind, data)), **plain, **provenance}
        count = max(count, getattr(image, "n_frames", 1)) if kind == "avif" else count
        hashed = min(count, ANIMATION_FRAMES, limits.max_pages)
        first, seen = _first_shown(image, min(count, ANIMATION_FRAMES), orientation, limits.side, profile)
        pages = _frames(image, range(first + 1, hashed), orientation)
        walk = _walk(kind, data, looks_salt(orientation, blocks.icc))
        beside = _BESIDE[kind](data) if kind in _BESIDE else ()
    turned = orientation >= 5
    width, height = loaded.size
    return Picture(
        media_type=media_type,
        width=height if turned else width,
        height=width if turned else height,
        **seen._replace(parts=joined(seen.parts, beside))._asdict(),
        pages=pages,
        frames=count,
        mode=loaded.mode,
        bit_depth=loaded.bits,
        declared_depth=loaded.declared,
        lossless=walk.lossless,
        orientation=orientation,
        damaged=png.damage_of(data) if kind == "png" else None,
        digest=walk.digest,
        icc_profile=icc_description(blocks.icc),
        provenance=provenance,
    )


def deep_bits(kind: str, data: bytes) -> int:
    """Read the bits that a PNM or SGI declares for its colours, where those are more than the 8 that Pillow keeps."""
    if kind == "sgi":
        return 16 if data[3:4] == b"\2" and data[10:12] > b"\0\1" else 0
    numbers = _PNM_NUMBERS.match(data) if kind == "pnm" and data[:2] in (b"P3", b"P6") else None
    return int(numbers[1]).bit_length() if numbers else 0


class _Loaded(NamedTuple):
    """A loaded image; its size and mode as declared; bits its samples use (None: unknown) and declare; its blocks."""

    image: Image.Image
    size: tuple[int, int]
    mode: str
    bits: int | None
    declared: int
    blocks: photoshop.Blocks


def _load(kind: str, data: bytes, limits: Limits) -> _Loaded:
    if kind != "png":
        return _load_plainly(kind, data, limits)
    if png.is_apple(data):
        limits.isolate("Apple's variant of PNG is")
        loaded = _load_plainly(kind, png.plain_of_apple(data, limits), limits)
        return loaded._replace(image=_of_apple(loaded.image), blocks=png.texts(data))
    try:
        loaded = _load_plainly(kind, data, limits)
    except CODEC_ERRORS as error:
        # Its picture may be sound and what stands beside it too large, or broken: that isn't needed to see it.
        limits.isolate("a PNG with odd chunks is")
        try:
            return _load_plainly(kind, png.picture_alone(data), limits)._replace(blocks=png.texts(data))
        except CODEC_ERRORS:
            raise error from None
    raw = any(isinstance(name, str) and name.startswith("Raw profile type") for name in loaded.image.info)
    return loaded._replace(blocks=png.texts(data)) if raw else loaded


def _load_plainly(kind: str, data: bytes, limits: Limits) -> _Loaded:
    image = open_with(data, _PLUGINS.get(kind, (kind.upper(),)))
    size, mode = image.size, image.mode
    limits.check_pixels(*size)
    declared = _declared_depth(kind, data, mode)
    image, bits = _load_samples(kind, image, data, declared, limits)
    if kind in _IDLE_ALPHA and mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image = image.convert("RGB")
    if kind == "psd" and image.mode in ("RGBA", "LA") and not photoshop.has_opacity(data):
        image = image.convert(image.mode[:-1])
    info = image.info
    blocks = photoshop.Blocks(_bytes(info.get("exif")), _xmp(info), None, _bytes(info.get("icc_profile")))
    if kind == "psd":
        blocks = photoshop.blocks(data)
    elif kind == "jp2":
        blocks = boxes.blocks(data)
    return _Loaded(image, size, mode, bits, declared, blocks)


def _load_samples(
    kind: str, image: Image.Image, data: bytes, declared: int, limits: Limits
) -> tuple[Image.Image, int | None]:
    """Load an image with all bits of its samples, and tell how many they use; None where that isn't known.

    Pillow keeps 8 bits of deep colours. A JPEG 2000 that is read without its finest levels holds means, which use more
    bits than the samples do: one of DEEP_PIXELS at most is read whole, of another as many pixels in tiles.
    """
    deep = declared > 8 and image.mode in _DEEP_CODECS.get(kind, ())
    if kind == "jp2":
        size = image.size
        found = _deep(kind, image, data, declared, limits) if deep and _is_small(image, data) else None
        image = image if found else _load_jp2(image, data, limits)
        known = declared <= 8 or image.size == size
        if not known:
            return image, _bits_of_tiles(data, declared)
    else:
        deep = deep and getattr(image, "n_frames", 1) == 1
        found = _deep(kind, image, data, declared, limits) if deep and kind == "avif" else None
        known = True
        if found is None:
            limits.check_memory(decode_bytes(image.mode, *image.size) + len(data))
            image.load()
        if deep and kind == "png":  # whose texts may follow its pixels: Pillow meets them while it loads
            limits.isolate("a coloured PNG of 16 bits is")
            found = _deep(kind, image, data, declared, limits)
    if found is not None or declared <= 8:
        return found or (image, declared)
    return image, min(declared, used_bits(np.asarray(image))) if known and image.mode in DEEP_MODES else None


def _bits_of_tiles(data: bytes, declared: int) -> int | None:
    import imagecodecs

    try:
        tiles = [imagecodecs.jpeg2k_decode(one) for one in jp2_tiles.some_tiles(data, DEEP_PIXELS)]
    except (*CODEC_ERRORS, imagecodecs.Jpeg2kError):
        return None
    return min(declared, max(used_bits(np.asarray(one)) for one in tiles)) if tiles else None


def _is_small(image: Image.Image, data: bytes) -> bool:
    return image.width * image.height <= DEEP_PIXELS and not boxes.is_sycc(data)


def _deep(kind: str, image: Image.Image, data: bytes, declared: int, limits: Limits) -> tuple[Image.Image, int] | None:
    """Decode all bits of the samples by imagecodecs; None where it can't, or not within the memory."""
    import imagecodecs

    codec = {"jp2": "jpeg2k"}.get(kind, kind)
    if image.width * image.height * 40 + len(data) > limits.max_memory:
        return None
    try:
        pixels = np.asarray(getattr(imagecodecs, f"{codec}_decode")(data, **_OPTIONS.get(kind, {})))
        low = declared if pixels.dtype == np.uint16 and declared < 16 else 0
        found = arrayed(pixels, meaning=Meaning(bits=low), declared=declared)
    except (*CODEC_ERRORS, getattr(imagecodecs, f"{codec.capitalize()}Error")):
        return None
    found.image.info.update(image.info)
    return found.image, found.bits


def _of_apple(image: Image.Image) -> Image.Image:
    """Put the colours in order, and take the opacity out that they were multiplied with."""
    if image.mode == "RGBA":
        blue, green, red, alpha = image.split()
        swapped = Image.merge("RGBA", (red, green, blue, alpha))
        return Image.frombytes("RGBa", swapped.size, swapped.tobytes()).convert("RGBA")
    if image.mode == "RGB":
        return Image.merge("RGB", image.split()[::-1])
    return image


def _first_shown(
    image: Image.Image, count: int, orientation: int, side: int, profile: bytes | None
) -> tuple[int, Canonical]:
    """Give the first frame that shows something, and its canonical picture: many animations begin black."""
    first = seen = canonical(image, orientation, side=side, profile=profile)
    for index in range(count if count > 1 else 0):
        if np.ptp(np.frombuffer(seen.luma, np.uint8)) >= BLANK_RANGE:
            return index, seen
        try:
            image.seek(index + 1)
        except EOFError:
            break
        seen = canonical(image, orientation, side=side, profile=profile)
    return 0, first


def _walk(kind: str, data: bytes, salt: bytes) -> containers.Walk:
    if kind == "png":
        return containers.walk_png(data, salt)
    if kind == "webp":
        return containers.walk_webp(data, salt)
    return containers.Walk(None, kind not in _LOSSY and (kind != "jp2" or _reversible(data)))


def _frames(image: Image.Image, indices: range, orientation: int) -> list[bytes]:
    pages = []
    for index in indices:
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


def _load_jp2(image: Image.Image, data: bytes, limits: Limits) -> Image.Image:
    """Load without the finest wavelet levels that the canonical picture doesn't need.

    OpenJPEG fails on levels of pictures whose area starts at an offset, and of sides that leave a remainder: fewer are
    left out then, down to none.
    """
    style = _coding_style(data)
    levels = style[5] if len(style) > 5 else 0
    skip = 0
    while skip < levels and min(image.size) >> (skip + 1) >= max(SHORT_SIDE, limits.side):
        skip += 1
    mode, (width, height) = image.mode, image.size
    while True:
        limits.check_memory(decode_bytes(mode, (width >> skip) + 1, (height >> skip) + 1) + len(data))
        image.reduce = skip  # type: ignore[method-assign, assignment]  # Pillow reads it from there
        try:
            image.load()
        except CODEC_ERRORS:
            if not skip:
                raise
            skip -= 1
            image = open_with(data, _PLUGINS["jp2"])
        else:
            return image


def _reversible(data: bytes) -> bool:
    style = _coding_style(data)
    return len(style) > 9 and style[9] == 1


def _declared_depth(kind: str, data: bytes, mode: str) -> int:
    if kind == "png" and len(data) > 24:
        return data[24]
    if kind in ("jp2", "avif"):
        return boxes.jp2_depth(data) if kind == "jp2" else boxes.avif_depth(data)
    return _MODE_BITS.get(mode, 8)


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def _xmp(info: dict) -> bytes | None:
    value = info.get("xmp") or info.get("XML:com.adobe.xmp")
    return value.encode() if isinstance(value, str) else _bytes(value)
