"""Decode JPEG as small as the hashes allow: scaled in the decoder; of progressive files only the first scans."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from PIL import JpegImagePlugin

from mirrorfold.transforms.fingerprint import c2pa, icc, ifd, jpeg
from mirrorfold.transforms.fingerprint.canonical import AS_SHOWN, SIDE, canonical, from_samples
from mirrorfold.transforms.fingerprint.jpeg_heard import damage_heard, is_worth_loops
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.parts import parts_of
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import codec_errors
from mirrorfold.transforms.fingerprint.progressive import keep_first_scans
from mirrorfold.transforms.fingerprint.provenance import icc_description, looks_salt, read_provenance

if TYPE_CHECKING:
    from mirrorfold.transforms.fingerprint.jpeg_means import Means

SHORT_SIDE = 96
"""Pixels that the short side keeps after scaling: at half as many phash64 drifts further (see docs/fingerprints.md)."""

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_PLURAL_TYPES = frozenset({0x020001, 0x020002, 0x020003})


def read_jpeg(
    data: bytes,
    limits: Limits,
    compiled: bool = False,
    header: jpeg.JpegHeader | None = None,
    turn: int | None = None,
) -> Picture:
    """Decode a JPEG of 8 bits.

    Args:
      header: what its markers say, where they were read already.
      compiled: read well-formed files by our own compiled loops, which give the same pixels in half the time, once they
        are compiled.
      turn: EXIF orientation in place of the file's own, where it lies in another file that states it.

    Raises:
      DecodeError: a stable code; `too-much-memory` before anything is decoded.
    """
    header = header or jpeg.read_header(data)
    limits.check_pixels(header.width, header.height)
    provenance, orientation = read_provenance(header.exif, header.xmp, header.iptc)
    orientation = turn or orientation
    if header.jumbf:
        provenance = {**c2pa.stated(header.jumbf), **provenance}
    profile, mode = header.icc_profile, _MODES.get(header.components, "RGB")
    compiled = compiled or is_worth_loops()
    with codec_errors("JPEG"):
        luma, cells, end = _read_small(data, header, orientation, limits, compiled)
    turned, types = orientation >= 5, _picture_types(data, header)
    parts = parts_of(data, header, any(kind in _PLURAL_TYPES or not kind for kind in types[1:]), end)
    salt = looks_salt(orientation, profile) + ",".join(parts).encode()
    return Picture(
        media_type="image/jpeg",
        width=header.height if turned else header.width,
        height=header.width if turned else header.height,
        luma=luma,
        cells=cells,
        frames=_pictures(types),
        parts=parts,
        damaged=None if end else damage_heard(data, header, limits, compiled),
        mode=mode,
        bit_depth=header.precision,
        orientation=orientation,
        digest=jpeg.digest(data, header, salt),
        icc_profile=icc_description(profile),
        jpeg_quality=header.quality,
        provenance=provenance,
    )


def _read_small(
    data: bytes, header: jpeg.JpegHeader, orientation: int, limits: Limits, compiled: bool
) -> tuple[bytes, bytes, int]:
    """Give luma and cells, and where the picture ends if all of it was read and is sound, by our own loops; else 0."""
    scale = _scale(header.width, header.height, max(SHORT_SIDE, limits.side))
    profile = icc.applied(header.icc_profile, _MODES.get(header.components, "RGB"))
    icc.check(profile, limits)
    # What libjpeg has no memory for is read so in the sandbox too: a run's size never decides what is readable.
    wanted = compiled or (limits.isolated and _memory(header, scale) > limits.max_memory)
    fits = wanted and scale == 8 and limits.side == SIDE and profile is None
    if fits and (not header.progressive or jpeg.has_end(data, header)):
        means = _means_reader()(data, header)
        if means is not None:
            box = (0.0, 0.0, header.width / 8, header.height / 8)
            return *from_samples(means.luma, means.colours, orientation, box), means.end
    limits.check_memory(_memory(header, scale))
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(_first_scans(data, header) if limits.side == SIDE else data))
    image.decodermaxblock = len(data)  # in one piece: libjpeg's fast loop stops short of each piece's end
    # Luminance as it is coded, and no conversion of what is dropped later.
    coded = header.luma_and_chroma and profile is None and limits.side < AS_SHOWN
    drafted = image.draft("YCbCr" if coded else "RGB", (header.width // scale, header.height // scale))
    image.load()
    seen = canonical(image, orientation, drafted[1] if drafted else None, limits.side, profile)
    return seen.luma, seen.cells, 0


@cache
def _means_reader() -> Callable[[bytes, jpeg.JpegHeader], Means | None]:
    # Imported where it is needed: numba takes longer to load than a few pictures take to decode.
    from mirrorfold.transforms.fingerprint.jpeg_means import read_means

    return read_means


def is_odd(header: jpeg.JpegHeader) -> bool:
    """Tell whether only the sandbox's decoder reads this JPEG: lossless, or more than 8 bits."""
    return header.lossless or header.precision != 8


def _scale(width: int, height: int, short_side: int) -> int:
    fits = min(width, height) // short_side
    return next((scale for scale in (8, 4, 2) if fits >= scale), 1)


def _memory(header: jpeg.JpegHeader, scale: int) -> int:
    output = (header.width // scale + 8) * (header.height // scale + 8) * 6
    coefficients = header.width * header.height * 2 * max(1, header.components) if header.progressive else 0
    return output + coefficients


def _first_scans(data: bytes, header: jpeg.JpegHeader) -> bytes:
    """Keep of a progressive file what the canonical picture needs; a file without an end is decoded whole."""
    if not header.progressive or not jpeg.has_end(data, header):
        return data
    short = min(header.width, header.height)
    if short < 2 * SHORT_SIDE:
        return data
    return keep_first_scans(data, header, band=short < 8 * SHORT_SIDE) or data


def _picture_types(data: bytes, header: jpeg.JpegHeader) -> list[int]:
    """List the types of a multi-picture file's pictures, as its index states them."""
    at = data.find(b"MPF\0", 0, header.scan) if header.multi_picture else -1
    block = data[at + 4 : at + 4 + 65_536] if at >= 0 else b""
    layout = ifd.layout_of(block)
    index = ifd.read_directory(block, layout, layout.first) if layout else None
    entries = index.raw(0xB002) if index is not None else None
    if layout is None or entries is None:
        return []
    kinds = (struct.unpack_from(layout.order + "I", entries, at)[0] for at in range(0, len(entries) - 15, 16))
    return [kind & 0xFFFFFF for kind in kinds]


def _pictures(types: list[int]) -> int:
    """Count the pictures that are pages of their own (stereo, panorama ...); thumbnails and gain maps don't count."""
    return max(1, sum(kind in _PLURAL_TYPES for kind in types))
