"""Make of a progressive JPEG a small one that holds only what the canonical picture needs, and that decodes fast.

A progressive file sends each 8x8 block's mean first, then bands of finer coefficients. Kept are the means of all
components, and for smaller pictures the first band of luminance. libjpeg would then guess what is missing, from 25
neighbours of each block, at several times the cost of decoding; so the remaining bands are stated to be zero, in scans
of a few bytes each, and bits that the kept band still lacks move into the quantisation table.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mirrorfold.transforms.fingerprint.jpeg import JpegHeader

BAND_END = 5
"""Last zigzag coefficient that the first luminance band must reach: enough for 3/8 of the full resolution."""

MAX_MARKERS = 64
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SOS, _EOI = 0xDA, b"\xff\xd9"
_NO_RESTARTS = b"\xff\xdd\x00\x04\x00\x00"
_RUNS_TABLE = b"\xff\xc4\x00\x22\x10" + bytes([0, 0, 0, 15, *[0] * 12]) + bytes(n << 4 for n in range(15))
"""A Huffman table whose 4-bit code n means: the next 2**n (and n more bits) blocks have nothing more."""


class Scan(NamedTuple):
    """One scan: byte offsets of its marker, of its coded data and of its end; its components and band."""

    start: int
    coded: int
    end: int
    components: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int


def keep_first_scans(data: bytes, header: JpegHeader, band: bool) -> bytes | None:
    """Give a JPEG of the means, and with `band` of the first luminance coefficients; None where the file has no such.

    Args:
      data: a whole progressive JPEG.
      header: what its markers say.
      band: whether the means alone are too few samples.
    """
    if not header.sampling or header.luma_table is None:
        return None
    parts: list[bytes] = []
    missing, luma = set(header.sampling), next(iter(header.sampling))
    step = 0 if band else -1
    position = header.scan_marker
    for _ in range(MAX_MARKERS):
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] != _SOS:
            parts.append(data[position : position + 2 + length])
            position += 2 + length
        else:
            scan = _read_scan(data, position, length)
            if scan is None:
                return None
            if scan.high == 0 and scan.first == 0 and scan.last == 0:
                parts.append(data[scan.start : scan.end])
                missing -= set(scan.components)
            elif step == 0 and scan.high == 0 and scan.components == (luma,) and scan.first == 1 <= scan.last - 4:
                parts.append(data[scan.start : scan.coded - 1] + b"\0" + data[scan.coded : scan.end])
                step, lack = scan.last, scan.low
            position = scan.end
        if not missing and step:
            break
        if data[position : position + 1] != b"\xff" or data[position + 1] == 0xD9:
            return None
    else:
        return None
    head = data[: header.scan_marker]
    if step > 0:
        head += _scaled_table(header, step, lack)
    zeros = [_zero_scan(header, name, step + 1 if name == luma and step > 0 else 1) for name in header.sampling]
    return b"".join([head, *parts, _NO_RESTARTS, _RUNS_TABLE, *zeros, _EOI])


def _read_scan(data: bytes, start: int, length: int) -> Scan | None:
    count, coded = data[start + 4], start + 2 + length
    found = _NEXT_MARKER.search(data, coded)
    if found is None or length != 6 + 2 * count:
        return None
    names = tuple(data[start + 5 : start + 5 + 2 * count : 2])
    first, last, bits = data[coded - 3 : coded]
    return Scan(start, coded, found.start(), names, first, last, bits >> 4, bits & 15)


def _scaled_table(header: JpegHeader, last: int, lack: int) -> bytes:
    """Restate luminance's quantisation table with the band's steps times 2**lack: the same values, all bits known."""
    assert header.luma_table is not None  # `keep_first_scans` has looked
    number, steps = header.luma_table
    scaled = [min(65535, step << lack) if 1 <= index <= last else step for index, step in enumerate(steps)]
    return b"\xff\xdb\x00\x83" + bytes([0x10 | number]) + b"".join(step.to_bytes(2, "big") for step in scaled)


def _zero_scan(header: JpegHeader, name: int, first: int) -> bytes:
    """State that a component's coefficients from `first` on are zero, in every block."""
    across, down = header.sampling[name]
    most_across = max(a for a, _ in header.sampling.values())
    most_down = max(d for _, d in header.sampling.values())
    width, height = -(-header.width * across // most_across), -(-header.height * down // most_down)
    blocks = -(-width // 8) * -(-height // 8)
    return b"\xff\xda\x00\x08\x01" + bytes([name, 0, first, 63, 0]) + _runs(blocks)


def _runs(blocks: int) -> bytes:
    bits = ""
    while blocks:
        size = min(14, blocks.bit_length() - 1)
        run = min(blocks, (2 << size) - 1)
        bits += f"{size:04b}" + (f"{run - (1 << size):0{size}b}" if size else "")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
