"""Walk a JPEG from its first scan to its end by its markers alone: noise in their place betrays damage, undecoded.

libjpeg passes over it in silence, and of a progressive file only the first scans are read. Coded data can't hold a
marker by chance: a byte of ones is followed by a zero there.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.fingerprint.jpeg import JpegHeader, Scan, read_scan

_END, _SCAN, _RESTARTS = 0xD9, 0xDA, 0xDD
_SEGMENTS = frozenset({0xC4, 0xCC, 0xDB, 0xDC, _RESTARTS, _SCAN, 0xFE, *range(0xE0, 0xF0)})
"""Markers of segments that may stand between scans: tables, the number of lines, restarts, metadata."""
_AGAIN = range(0xD0, 0xD8)
MOST_SEGMENTS = 10_000


class _Lacks:
    """Which bits of which coefficients of a progressive file its scans haven't sent yet."""

    def __init__(self, header: JpegHeader, first: Scan | None):
        self._bits = {name: np.full(64, 14) for name in header.sampling}
        if first is not None:
            self.take(first)

    def take(self, scan: Scan) -> None:
        """Count a scan in."""
        for name in scan.components:
            if name in self._bits:
                self._bits[name][scan.band[0] : scan.band[1] + 1] = scan.band[3]

    def any(self) -> bool:
        """Tell whether anything is left to be sent."""
        return any(bits.any() for bits in self._bits.values())


def damage_of(data: bytes, header: JpegHeader) -> str | None:
    """Say what stands among a JPEG's scans that can't; None where the markers tell of no damage, which proves none."""
    view = np.frombuffer(data, np.uint8, offset=header.scan)
    ones = np.flatnonzero(view[:-1] == 0xFF)
    kinds = view[ones + 1]
    marks = (kinds != 0) & (kinds != 0xFF)
    places, kinds = ones[marks], kinds[marks]
    again = (kinds >= _AGAIN.start) & (kinds < _AGAIN.stop)
    stops, names, restarts = places[~again], kinds[~again], places[again]
    lacks = _Lacks(header, read_scan(data, header.scan_marker)) if header.progressive else None
    at, counted = 0, header.restart > 0
    for _ in range(MOST_SEGMENTS):
        index = int(np.searchsorted(stops, at))
        end = int(stops[index]) if index < len(stops) else len(view)
        if not counted and np.searchsorted(restarts, end) > np.searchsorted(restarts, at):
            return "a restart marker where the file has none"
        if end == len(view):
            return None  # cut, as decoders say
        kind, start = int(names[index]), header.scan + end
        if kind == _END:
            return "its last scans are missing" if lacks is not None and lacks.any() else None
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        scan = read_scan(data, start) if kind == _SCAN else None
        known = scan is not None and set(scan.components) <= set(header.sampling) if kind == _SCAN else length >= 2
        if kind not in _SEGMENTS or not known or start + 2 + length > len(data):
            return f"marker 0x{kind:02x} within the coded picture"
        if scan is not None and lacks is not None:
            lacks.take(scan)
        counted = counted or (kind == _RESTARTS and any(data[start + 4 : start + 6]))
        at = end + 2 + length
    return None
