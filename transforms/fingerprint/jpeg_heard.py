"""What libjpeg says of a JPEG's coded data when it reads all of it: Pillow asks it to say nothing.

OpenImageIO passes its words on, but never ends a decode, where libjpeg looks for the end marker. With a component more,
that no scan sends, libjpeg reads the whole file before the first line, and transforms nothing.
"""

from __future__ import annotations

import re

from mirrorfold.transforms.fingerprint.canonical import SIDE
from mirrorfold.transforms.fingerprint.jpeg import JpegHeader, has_end
from mirrorfold.transforms.fingerprint.jpeg_markers import damage_of
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.progressive import keep_first_scans

PARTLY_READ = 192
"""Pixels of the short side from which a progressive file's first scans are read alone."""

MOST_MEMORY = 512 << 20
"""Bytes of coefficients up to which libjpeg is asked, some 150 megapixels; larger ones aren't heard."""

ENOUGH = 64 << 20
"""Bytes of files heard in a process from which our loops are worth their loading: 1.2 CPU seconds of libjpeg's."""

_DAMAGE = re.compile(r"(?:Corrupt JPEG data|Premature end of JPEG file|Inconsistent progression)[^(\n]*")
_LONGEST = 200
MOST_COLOURS = 3
"""Components to which OpenImageIO lets one be added: of CMYK the lines are read, and not whether its end follows."""

_SEQUENTIAL, _HUFFMAN = (0xC0, 0xC1), (0xC0, 0xC1, 0xC2)
_ADOBE = 0xEE

_heard = [0]


def is_worth_loops() -> bool:
    """Tell whether this process has heard so much that the loops would have cost less."""
    return _heard[0] > ENOUGH


def damage_heard(data: bytes, header: JpegHeader, limits: Limits, compiled: bool) -> str | None:
    """Say what is wrong with the coded data that is read of a JPEG; None where nothing is, or nobody can tell.

    Args:
      data, header: a JPEG as `decode.plain_jpeg` gives it.
      compiled: ask our own loops first: what they read to the last bit is what libjpeg has no word about.

    Raises:
      DecodeError: `too-much-memory`, where it takes a process of its own.
    """
    found = damage_of(data, header)
    if found or header.frame not in _HUFFMAN or header.precision != 8 or limits.side != SIDE:
        return found
    first = None
    if header.progressive and min(header.width, header.height) >= PARTLY_READ and has_end(data, header):
        first = keep_first_scans(data, header, band=False)
    if compiled and (first or not header.progressive):
        # Imported where it is needed: numba takes longer to load than a few pictures take to decode.
        from mirrorfold.transforms.fingerprint.jpeg_means import read_means

        if read_means(data, header) is not None:
            return None
    needed = _memory(header)
    if needed > MOST_MEMORY or (limits.isolated and needed > limits.max_memory):
        return None
    _heard[0] += len(data)
    if not limits.isolated:
        limits.check_memory(needed)
        if not header.plain:
            limits.isolate("a JPEG whose markers aren't plain is")
    return said(first or data, header) or None


def said(data: bytes, header: JpegHeader) -> str:
    """Give what libjpeg says of a JPEG's damage; '' for nothing."""
    # Imported where it is needed: a large library.
    from mirrorfold.transforms.fingerprint.read_oiio import warned

    known = header.frame in _HUFFMAN
    shown = read_at_once(data, header) if known else data
    found = _DAMAGE.search(warned("jpeg", shown, pixels=not known or header.components > MOST_COLOURS))
    return found[0].strip()[:_LONGEST] if found else ""


def read_at_once(data: bytes, header: JpegHeader) -> bytes:
    """Give a JPEG that libjpeg reads to its end as it starts: the coded picture alone, where the markers are plain.

    Adobe's marker is left out: of it libjpeg would speak first, and it speaks once.
    """
    out, at = [data[:2]], 2
    for start, end in header.picture_parts:
        if not header.plain:
            out.append(data[at:start])
        at = end
        segment = data[start:] if start == header.scan_marker else data[start:end]
        if segment[1] == header.frame and header.frame in _SEQUENTIAL and header.components <= MOST_COLOURS:
            segment = _one_more(segment, header)
        if segment[1] != _ADOBE:
            out.append(segment)
    return b"".join(out)


def _one_more(frame: bytes, header: JpegHeader) -> bytes:
    name = next(number for number in range(256) if number not in header.sampling)
    length = int.from_bytes(frame[2:4], "big") + 3
    count = bytes([min(255, frame[9] + 1)])
    return frame[:2] + length.to_bytes(2, "big") + frame[4:9] + count + frame[10:] + bytes([name, 0x11, frame[12]])


def _memory(header: JpegHeader) -> int:
    areas = [across * down for across, down in header.sampling.values()] or [1]
    return 2 * header.width * header.height * (sum(areas) + 1) // max(1, *areas)
