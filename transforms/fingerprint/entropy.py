"""A JPEG's entropy-coded data without its stuffing, and one block of it as libjpeg shrinks it."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled, threaded

U = np.uint64
PADDING = 16
"""Zero bytes after each segment."""

TAIL = 4096
"""Bytes behind the last segment: a unit's codes may be read beyond the end before that is seen. A unit has at most 10
blocks of 64 codes of 31 bits."""

_ONES, _SEVENS, _TOPS = U(0x0101010101010101), U(0x7F7F7F7F7F7F7F7F), U(0x8080808080808080)
_NATURAL = (
    0, 1, 5, 6, 14, 15, 27, 28, 2, 4, 7, 13, 16, 26, 29, 42,
    3, 8, 12, 17, 25, 30, 41, 43, 9, 11, 18, 24, 31, 40, 44, 53,
    10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38, 46, 51, 55, 60,
    21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63,
)  # fmt: skip
ZIGZAG = np.array(_NATURAL, np.int64)
"""Zigzag index of each coefficient, row by row."""

_COLUMNS, _WEIGHTS = (0, 1, 3, 5, 7), (0, 29692, -10426, 6967, -5906)
"""What a block's halves are made of: the mean and the odd frequencies, whose weights have 13 fraction bits."""


@threaded
def unstuff(data, start, restarts, out, starts):
    """Copy entropy-coded data without its stuffing; give where it ends, or -1 where its restarts aren't as stated.

    Args:
      data: uint8, the file; `start`: where the scan's data begins.
      restarts: restart markers that the scan must hold.
      out: uint8, at least as large as the rest of the file, PADDING for each segment and 8 more.
      starts: int64 (restarts + 2,): set to where each segment starts in `out`; the last, where the final one ends.
    """
    at, stop, made = U(start), U(len(data)), U(0)
    segment = 0
    starts[0] = 0
    while True:
        while at + U(8) <= stop:
            word = (
                U(data[at]) | U(data[at + U(1)]) << U(8) | U(data[at + U(2)]) << U(16) | U(data[at + U(3)]) << U(24)
                | U(data[at + U(4)]) << U(32) | U(data[at + U(5)]) << U(40) | U(data[at + U(6)]) << U(48)
                | U(data[at + U(7)]) << U(56)
            )  # fmt: skip
            if ((word & _SEVENS) + _ONES) & word & _TOPS:
                break  # a byte of ones is among the eight
            for index in range(8):
                out[made + U(index)] = data[at + U(index)]
            at += U(8)
            made += U(8)
        while at < stop and data[at] != 0xFF:
            out[made] = data[at]
            at += U(1)
            made += U(1)
        if at + U(2) > stop:
            return np.int64(-1)
        follows = np.int64(data[at + U(1)])
        if follows == 0:
            out[made] = 0xFF
            at += U(2)
            made += U(1)
            continue
        for index in range(PADDING):
            out[made + U(index)] = 0
        if segment == restarts:
            starts[segment + 1] = np.int64(made)
            return np.int64(-1) if 0xD0 <= follows <= 0xD7 or follows == 0xFF else np.int64(at)
        if follows != 0xD0 + (segment & 7):
            return np.int64(-1)
        made += U(PADDING)
        at += U(2)
        segment += 1
        starts[segment] = np.int64(made)


@compiled
def shrink_two(block, planes, plane, top, left):
    """Set 2x2 pixels of a block as libjpeg's inverse transform at 2/8 does; False where its arithmetic would overflow.

    Args:
      block: int64 (64,), dequantised coefficients in zigzag order.
    """
    even_above = even_below = odd_above = odd_below = 0
    for index in range(5):
        column = _COLUMNS[index]
        odd = 0
        for step in range(1, 5):
            odd += _WEIGHTS[step] * block[ZIGZAG[8 * _COLUMNS[step] + column]]
        even = block[ZIGZAG[column]] << 15
        above, below = (even + odd + (1 << 12)) >> 13, (even - odd + (1 << 12)) >> 13
        if max(abs(above), abs(below)) > 32767:
            return False
        if index == 0:
            even_above, even_below = above << 15, below << 15
        else:
            odd_above += _WEIGHTS[index] * above
            odd_below += _WEIGHTS[index] * below
    for down in range(2):
        even, odd = (even_below, odd_below) if down else (even_above, odd_above)
        for across in range(2):
            level = ((even - odd if across else even + odd) + (1 << 19)) >> 20
            if level < -511 or level > 511:
                return False
            planes[plane, top + down, left + across] = min(max(level + 128, 0), 255)
    return True
