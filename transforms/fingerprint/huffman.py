"""A JPEG's Huffman codes as look-up tables, among them one that passes over several symbols at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mirrorfold.transforms.blocks.compiled import threaded

LOOK = 12
"""Bits that a look-up sees: larger tables leave the processor's first cache, smaller ones hold fewer symbols."""

ENTRIES = 1 << LOOK
END = 128
"""Added to an entry's advance where the block ends."""

UNKNOWN = 64
"""An advance that no block can take: the code is longer than LOOK bits, or none."""

CACHED = 64
"""Sets of tables that are kept: most cameras and programs write one of a few."""


class Tables(NamedTuple):
    """Look-up tables of two sets of codes, luminance's and chrominance's.

    Attributes:
      lookup: uint16 (6 * ENTRIES,): for each set its DC and AC codes (length << 8 | symbol, 0 for longer ones), then
        what the AC codes in LOOK bits pass over together (advance << 6 | bits).
      ends: int64 (4, 17), for DC and AC of each set and every length the first number that is no code of it.
      offsets: int64 (4, 17), index of a code's symbol less the code.
      symbols: uint8 (4, 256).
    """

    lookup: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray
    symbols: np.ndarray


@threaded
def fill_codes(counts, symbols, lookup, ends, offsets):
    """Fill the tables of one set of codes; False where the counts make no prefix code."""
    code = at = 0
    for length in range(1, 17):
        offsets[length] = at - code
        for _ in range(counts[length - 1]):
            if at >= len(symbols) or code >= (1 << length):
                return False
            if length <= LOOK:
                first = code << (LOOK - length)
                for index in range(first, min(ENTRIES, first + (1 << (LOOK - length)))):
                    lookup[index] = length << 8 | symbols[at]
            code += 1
            at += 1
        # A code of ones alone is forbidden: libjpeg refuses it.
        if counts[length - 1] and code >= (1 << length):
            return False
        ends[length] = code
        code <<= 1
    return True


@threaded
def fill_passing(lookup, passing):
    """Fill, for each window of LOOK bits, how many bits and coefficients the AC codes that begin in it take."""
    for window in range(ENTRIES):
        bits = advance = 0
        while bits < LOOK:
            entry = np.int64(lookup[(window << bits) & (ENTRIES - 1)])
            length, run, size = entry >> 8, (entry >> 4) & 15, entry & 15
            if length == 0 or bits + length > LOOK:
                break
            if size == 0 and run != 15:
                bits += length
                advance += END
                break
            if advance + run + 1 > 63:
                break
            bits += length + size
            advance += run + 1
        passing[window] = (advance if bits else UNKNOWN) << 6 | bits


@lru_cache(maxsize=CACHED)
def make_tables(definitions: bytes, chosen: Sequence[tuple[int, int]]) -> Tables | None:
    """Make the tables of two sets; None where libjpeg would have something to say about a code.

    Args:
      definitions: the contents of all DHT segments so far, joined.
      chosen: for each of the two sets its DC and AC table's number; -1 for one that isn't used.
    """
    stated = _parse(definitions)
    if stated is None:
        return None
    lookup = np.zeros((2, 3, ENTRIES), np.uint16)
    ends, offsets = np.zeros((2, 2, 17), np.int64), np.zeros((2, 2, 17), np.int64)
    symbols = np.zeros((2, 2, 256), np.uint8)
    for index, numbers in enumerate(chosen):
        for kind, number in enumerate(numbers):
            if number < 0:
                continue
            if (kind, number) not in stated:
                return None
            counts, values = stated[kind, number]
            if (kind == 0 and values.size and values.max() > 15) or not fill_codes(
                counts, values, lookup[index, kind], ends[index, kind], offsets[index, kind]
            ):
                return None
            symbols[index, kind, : len(values)] = values
        fill_passing(lookup[index, 1], lookup[index, 2])
    return Tables(lookup.reshape(-1), ends.reshape(4, 17), offsets.reshape(4, 17), symbols.reshape(4, 256))


def _parse(definitions: bytes) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] | None:
    """Read DHT contents: (class, number) to the counts of each length and the symbols; later ones replace earlier."""
    found, at = {}, 0
    while at < len(definitions):
        kind, number = definitions[at] >> 4, definitions[at] & 15
        counts = np.frombuffer(definitions[at + 1 : at + 17], np.uint8)
        total = int(counts.sum())
        values = np.frombuffer(definitions[at + 17 : at + 17 + total], np.uint8)
        if kind > 1 or number > 3 or len(counts) < 16 or total > 256 or len(values) < total:
            return None
        found[kind, number] = (counts, values)
        at += 17 + total
    return found
