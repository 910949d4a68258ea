"""Decode TIFF and BigTIFF: pages, pyramids by their smallest adequate image, odd kinds through libtiff."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint import icc, ifd
from mirrorfold.transforms.fingerprint.canonical import canonical, canonical_grey, to_bytes_range
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import CODEC_ERRORS, codec_errors, open_with
from mirrorfold.transforms.fingerprint.provenance import exif_fields, icc_description, read_provenance
from mirrorfold.transforms.fingerprint.tiff_pages import Level, Page, find_pages

SHORT_SIDE = 256
BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ORIENTATION, XMP, IPTC, ICC = 258, 259, 262, 277, 274, 700, 33723, 34675
_LOSSY = frozenset({6, 7, 33003, 33004, 33005, 34712, 34892, 50001, 50002})
_WHITE_IS_ZERO, _CMYK = 0, 5


def read_tiff(data: bytes, limits: Limits) -> Picture:
    """Decode a TIFF.

    Raises:
      DecodeError: a stable code.
    """
    layout = ifd.layout_of(data)
    pages = find_pages(data, layout) if layout else []
    if layout is None or not pages:
        raise DecodeError(
            "truncated" if layout and layout.first >= len(data) else "corrupt", "TIFF: no readable directory"
        )
    first = pages[0]
    main = first.directory
    for page in pages[: limits.max_pages]:
        limits.check_pixels(page.full.width, page.full.height)
    provenance, orientation = exif_fields(data, main)
    described, _ = read_provenance(None, main.raw(XMP), main.raw(IPTC))
    image, turn = _decode(data, layout, first, limits)
    with codec_errors("TIFF"):
        luma, cells = canonical(image, turn, side=limits.side, profile=icc.applied(main.raw(ICC), image.mode))
        mode = image.mode
        rest = [_page_grey(data, layout, page, limits) for page in pages[1 : limits.max_pages]]
    turned = orientation >= 5
    profile = main.raw(ICC)
    return Picture(
        media_type="image/tiff",
        width=first.full.height if turned else first.full.width,
        height=first.full.width if turned else first.full.height,
        luma=luma,
        cells=cells,
        pages=rest,
        frames=len(pages),
        mode=mode,
        bit_depth=max(1, min(main.number(BITS, 1), 64)),
        lossless=main.number(COMPRESSION, 1) not in _LOSSY,
        orientation=orientation,
        icc_profile=icc_description(profile),
        provenance={**described, **provenance, **_descriptions(described)},
    )


def _descriptions(described: dict) -> dict:
    return {name: described[name] for name in ("creator", "rights") if name in described}


def _page_grey(data: bytes, layout: ifd.Layout, page: Page, limits: Limits) -> bytes:
    image, turn = _decode(data, layout, page, limits)
    return canonical_grey(image, turn)


def _decode(data: bytes, layout: ifd.Layout, page: Page, limits: Limits) -> tuple[Image.Image, int]:
    """Decode a page's smallest adequate image; give it with the orientation that is still to be applied."""
    level = page.adequate(SHORT_SIDE)
    pointed = _point_at(data, layout, level)
    directory = ifd.read_directory(data, layout, level.offset) or page.directory
    stated = page.directory.number(ORIENTATION, 1)
    try:
        return _with_pillow(pointed, limits), (1 if ORIENTATION in directory else stated)
    except (*CODEC_ERRORS, MemoryError) as error:
        with codec_errors("TIFF"):
            return _with_libtiff(pointed, directory, level, limits, error), stated


def _with_pillow(data: bytes, limits: Limits) -> Image.Image:
    image = open_with(data, ("TIFF",))
    limits.check_memory(decode_bytes(image.mode, *image.size) + 2 * len(data))
    image.load()
    return image


def _with_libtiff(
    data: bytes, directory: ifd.Directory, level: Level, limits: Limits, first_error: BaseException
) -> Image.Image:
    """Decode what Pillow doesn't: other sample formats, planes, codecs. Its own error stands where this fails too."""
    import imagecodecs

    samples, bits = max(1, directory.number(SAMPLES, 1)), max(8, directory.number(BITS, 8))
    limits.check_memory(level.width * level.height * samples * (bits // 8 + 6) + 2 * len(data))
    try:
        pixels = imagecodecs.tiff_decode(data, 0)
    except (*CODEC_ERRORS, imagecodecs.TiffError):
        raise first_error from None
    return image_of(pixels, directory.number(PHOTOMETRIC, 1))


def image_of(pixels: np.ndarray, photometric: int = 1) -> Image.Image:
    """Make an image of an array: (H, W), (H, W, samples), or planes first; any number type."""
    pixels = np.squeeze(pixels)
    while pixels.ndim > 3:
        pixels = pixels[0]
    if pixels.ndim == 3 and pixels.shape[0] < 6 <= pixels.shape[2]:
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.ndim < 2:
        pixels = pixels.reshape(1, -1)
    small = pixels if pixels.dtype == np.uint8 else to_bytes_range(pixels)
    if photometric == _WHITE_IS_ZERO:
        small = 255 - small
    if small.ndim == 2:
        return Image.fromarray(np.ascontiguousarray(small))
    samples = small.shape[2]
    if samples < 3:
        return Image.fromarray(np.ascontiguousarray(small[:, :, 0] if samples == 1 else small[:, :, :2]))
    if photometric == _CMYK and samples >= 4:
        return Image.fromarray(np.ascontiguousarray(small[:, :, :4]), "CMYK")
    return Image.fromarray(np.ascontiguousarray(small[:, :, : 4 if samples == 4 else 3]))


def _point_at(data: bytes, layout: ifd.Layout, level: Level) -> bytes:
    """Let the header's first directory be the level's, so that a decoder sees it as the main image."""
    if level.offset == layout.first:
        return data
    patched = bytearray(data)
    struct.pack_into(layout.order + ("Q" if layout.big else "I"), patched, 8 if layout.big else 4, level.offset)
    return bytes(patched)
