"""Decode TIFF and BigTIFF: pages, pyramids by their smallest adequate image, deep and odd kinds as arrays."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint import c2pa, icc, ifd, photoshop, tiff_arrays, tiff_strips
from mirrorfold.transforms.fingerprint.arrays import Arrayed, arrayed
from mirrorfold.transforms.fingerprint.canonical import canonical, canonical_grey
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes
from mirrorfold.transforms.fingerprint.parts import joined
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import CODEC_ERRORS, codec_errors, open_with
from mirrorfold.transforms.fingerprint.provenance import exif_fields, icc_description, read_provenance
from mirrorfold.transforms.fingerprint.samples import used_bits
from mirrorfold.transforms.fingerprint.tiff_pages import Level, Page, find_pages
from mirrorfold.transforms.fingerprint.tiff_reduced import Part, looks_like, parts_of, same_means

SHORT_SIDE = 256
BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ORIENTATION, XMP, IPTC, ICC = 258, 259, 262, 277, 274, 700, 33723, 34675
SAMPLE_FORMAT, PHOTOSHOP, PLANES = 339, 34377, 284
_LOSSY = frozenset({6, 7, 33003, 33004, 33005, 34712, 34892, 50001, 50002})
_PLAIN = frozenset({0, 1, 2, 3, 5, 6, 8})
"""Photometric interpretations that Pillow reads of 8 bits and fewer: grey, RGB, palettes, CMYK, YCbCr, CIELab."""


@dataclass(frozen=True)
class _Shown:
    """A decoded image, the orientation that is still to be applied, bits its samples use (None: unknown), its mode."""

    image: Image.Image
    turn: int
    bits: int | None
    mode: str


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
    for page in pages[: limits.max_pages]:
        limits.check_pixels(page.full.width, page.full.height)
    pages = _without_thumbnail(data, layout, pages, limits)
    first = pages[0]
    main = first.directory
    provenance, orientation = exif_fields(data, main)
    described = described_by(main)
    for one in first.before:
        provenance, described = {**exif_fields(data, one)[0], **provenance}, {**described_by(one), **described}
    shown = _decode(data, layout, first, limits)
    full = ifd.read_directory(data, layout, first.full.offset) or main
    profile = full.raw(ICC) or main.raw(ICC)
    with codec_errors("TIFF"):
        applied = icc.applied(profile, shown.image.mode)
        seen = canonical(shown.image, shown.turn, side=limits.side, profile=applied)
        rest = [_page_grey(data, layout, page, limits) for page in pages[1 : limits.max_pages]]
    turned = orientation >= 5
    return Picture(
        media_type="image/tiff",
        width=first.full.height if turned else first.full.width,
        height=first.full.width if turned else first.full.height,
        **seen._replace(parts=joined(seen.parts, photoshop.parts_of_tiff(main)))._asdict(),
        pages=rest,
        frames=len(pages),
        mode=shown.mode,
        bit_depth=shown.bits,
        declared_depth=_declared(full),
        lossless=full.number(COMPRESSION, 1) not in _LOSSY,
        orientation=orientation,
        icc_profile=icc_description(profile),
        provenance={**c2pa.stated(main.raw(c2pa.TIFF_TAG)), **with_described(provenance, described)},
    )


def described_by(main: ifd.Directory) -> dict:
    """Read what the XMP and IPTC blocks of a directory state; IPTC may lie within Photoshop's resources alone."""
    return read_provenance(None, main.raw(XMP), main.raw(IPTC) or main.raw(PHOTOSHOP))[0]


def with_described(fields: dict, described: dict) -> dict:
    """Join what a directory's own fields state with its XMP and IPTC, whose word on descriptions comes first."""
    first = {name: described[name] for name in ("creator", "rights", "caption") if name in described}
    return {**described, **fields, **first}


def _without_thumbnail(data: bytes, layout: ifd.Layout, pages: list[Page], limits: Limits) -> list[Page]:
    """Give an unflagged thumbnail in front of the first page to that page, where it shows the same."""
    if len(pages) < 2 or not pages[1].may_be_shrunk_to(pages[0].full):
        return pages
    try:
        limits.check_pixels(pages[1].full.width, pages[1].full.height)
        one, two = (np.frombuffer(_page_grey(data, layout, page, limits), np.uint8) for page in pages[:2])
    except (*CODEC_ERRORS, DecodeError, MemoryError):
        return pages
    if not same_means(one, two):
        return pages
    thumbnail, first = pages[:2]
    first.smaller.append(thumbnail.full)
    first.before.append(thumbnail.directory)
    return pages[1:]


def _page_grey(data: bytes, layout: ifd.Layout, page: Page, limits: Limits) -> bytes:
    shown = _decode(data, layout, page, limits)
    return canonical_grey(shown.image, shown.turn)


def _decode(data: bytes, layout: ifd.Layout, page: Page, limits: Limits) -> _Shown:
    """Decode a page's smallest image that is adequate and shows the same; else the page itself."""
    level = page.adequate(max(SHORT_SIDE, limits.side))
    if level != page.full:
        try:
            small = _decode_level(data, layout, page, level, limits)
            parts = parts_of(_point_at(data, layout, page.full), page.full)
            if looks_like(small.image, parts, page.full):
                return replace(small, bits=_used_by(parts, ifd.read_directory(data, layout, page.full.offset)))
        except (*CODEC_ERRORS, DecodeError, MemoryError):
            pass
    return _decode_level(data, layout, page, page.full, limits)


def _used_by(parts: list[Part], full: ifd.Directory | None) -> int | None:
    """Tell how many bits the full picture's samples use, by some of its parts: means in its reduced image use more."""
    declared = _declared(full) if full is not None else 0
    if declared <= 8:
        return declared or None
    return min(declared, max(used_bits(part.samples) for part in parts)) if parts else None


def _decode_level(data: bytes, layout: ifd.Layout, page: Page, level: Level, limits: Limits) -> _Shown:
    pointed = _point_at(data, layout, level)
    directory = ifd.read_directory(data, layout, level.offset) or page.directory
    stated = page.directory.number(ORIENTATION, 1)
    too_few = tiff_strips.missing(directory)
    if is_plain(directory) and not too_few:
        try:
            image = _with_pillow(pointed, limits)
            return _Shown(image, 1 if ORIENTATION in directory else stated, _declared(directory), image.mode)
        except (*CODEC_ERRORS, MemoryError) as error:
            first_error: BaseException = error
            with codec_errors("TIFF"):
                found = _as_array(pointed, directory, level, limits, error)
    else:
        said = f"it names {too_few} strips or tiles too few" if too_few > 0 else "its samples can't be read"
        first_error = DecodeError("corrupt", f"TIFF: {said}")
        with codec_errors("TIFF"):
            found = _as_array(pointed, directory, level, limits, first_error)
    return _Shown(found.image, stated, found.bits, found.mode)


def is_plain(directory: ifd.Directory) -> bool:
    """Tell whether Pillow reads these samples as they are meant: unsigned, of 8 bits at most, of a common kind.

    Of planes apart it forgets what inverts them or turns their bits.
    """
    formats, bits = directory.numbers(SAMPLE_FORMAT) or (1,), directory.numbers(BITS) or (1,)
    together = directory.number(PLANES, 1) != 2
    return together and set(formats) <= {1, 4} and max(bits) <= 8 and directory.number(PHOTOMETRIC, 1) in _PLAIN


def _declared(directory: ifd.Directory) -> int:
    return max(1, min(directory.number(BITS, 1), 64))


def _with_pillow(data: bytes, limits: Limits) -> Image.Image:
    image = open_with(data, ("TIFF",))
    limits.check_memory(decode_bytes(image.mode, *image.size) + 2 * len(data))
    image.load()
    return image


def _as_array(
    data: bytes, directory: ifd.Directory, level: Level, limits: Limits, first_error: BaseException
) -> Arrayed:
    """Decode what Pillow doesn't: other samples, planes, codecs. The first error stands where all of them fail."""
    samples, bits = max(1, directory.number(SAMPLES, 1)), max(8, directory.number(BITS, 8))
    limits.check_memory(level.width * level.height * samples * (bits // 4 + 6) + 2 * len(data))
    unsupported = tiff_arrays.unknown_codec(directory.number(COMPRESSION, 1))
    # What lies nowhere, or has no length, tifffile shows as black.
    whole = tiff_strips.missing(directory) <= 0 and tiff_strips.are_measured(directory)
    for decode in (tiff_arrays.decode_array, _by_libtiff) if whole else (_by_libtiff,):
        try:
            pixels = decode(data)
        except DecodeError as error:
            unsupported = error if error.code == "unsupported" else unsupported
        except CODEC_ERRORS:
            continue
        else:
            pixels = tiff_arrays.colours_of(pixels, directory)
            return arrayed(
                pixels, directory.number(PHOTOMETRIC, 1), tiff_arrays.meaning_of(directory), _declared(directory)
            )
    raise unsupported or first_error


def _by_libtiff(data: bytes) -> np.ndarray:
    import imagecodecs

    try:
        return imagecodecs.tiff_decode(data, 0)
    except imagecodecs.TiffError as error:
        raise DecodeError("corrupt", "TIFF: libtiff can't read it") from error


def _point_at(data: bytes, layout: ifd.Layout, level: Level) -> bytes:
    """Let the header's first directory be the level's, so that a decoder sees it as the main image."""
    if level.offset == layout.first:
        return data
    patched = bytearray(data)
    struct.pack_into(layout.order + ("Q" if layout.big else "I"), patched, 8 if layout.big else 4, level.offset)
    return bytes(patched)
