"""Inner loops over a JPEG's scans: each 8x8 block's mean, passing over what isn't needed.

libjpeg at scale 1/8 makes each pixel of a block's mean alone, yet decodes and stores every coefficient to get there.
These loops read the means, and pass over the rest several codes at a time. They give libjpeg's own pixels, bit for bit,
or a refusal: whatever isn't plainly well-formed is left to libjpeg, whose judgement on broken files stands.

Numbers of bits and positions are uint64 throughout: numba would turn a mixture with int64 into floats. What repeats is
written out: a function that is given arrays costs numba their reference counts at each call, 30 nanoseconds a block.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import threaded
from mirrorfold.transforms.fingerprint.entropy import PADDING, U, shrink_two
from mirrorfold.transforms.fingerprint.huffman import ENTRIES, LOOK

_LOW = U(64 - LOOK)
_CODES, _PASSING, _SET = U(ENTRIES), U(2 * ENTRIES), U(3 * ENTRIES)
_TOP = U(1 << 63)
_LARGEST_MEAN = 4080
"""Largest magnitude of a mean, times 8, that libjpeg's range limiter clips rather than wraps."""


@threaded
def read_means(
    buffer, starts, restart, shape, sampling, steps, lookup, ends, offsets, symbols, luma, chroma, fine, columns, rows
):
    """Read a sequential scan: every luminance block's mean, and chrominance as libjpeg gives it at scale 1/8.

    Gives False for whatever isn't well-formed to the last bit.

    Args:
      buffer, starts: what `unstuff` made.
      restart: units (MCUs) per segment, 0 for a single one.
      shape: units down and across; `sampling`: luminance blocks of a unit down and across.
      steps: int64 (components, 64), quantisation steps in zigzag order.
      lookup, ends, offsets, symbols: huffman.Tables.
      luma: uint8, one pixel per block. chroma: uint8 (2, ...), or (0, ...) for a grey picture: one pixel per block, or
        with `fine` four of them, then only where `columns` and `rows` of units say that they are needed.
    """
    window, held, at = U(0), U(0), U(0)
    grey = blue = red = 0
    block = np.zeros(64, np.int64)
    down, across = sampling
    lumas = down * across
    turn = across - 1
    left, segment = restart, 0
    for unit_row in range(shape[0]):
        for unit in range(shape[1]):
            if restart > 0:
                if left == 0:
                    end = (starts[segment + 1] - PADDING) * 8
                    taken = np.int64(at) * 8 - np.int64(held)
                    if taken > end or taken <= end - 8:
                        return False
                    segment += 1
                    window, held, at = U(0), U(0), U(starts[segment])
                    grey = blue = red = 0
                    left = restart
                left -= 1
            if np.int64(at) > starts[segment + 1] + 8:
                return False
            needed = fine and rows[unit_row] and columns[unit]
            for number in range(lumas + len(chroma)):
                component = 0 if number < lumas else number - lumas + 1
                base = _SET if component else U(0)
                codes = 2 if component else 0
                # Top up to at least 56 bits; the same eight loads stand at each look-up, and compile to one.
                word = (
                    U(buffer[at]) << U(56) | U(buffer[at + U(1)]) << U(48) | U(buffer[at + U(2)]) << U(40)
                    | U(buffer[at + U(3)]) << U(32) | U(buffer[at + U(4)]) << U(24) | U(buffer[at + U(5)]) << U(16)
                    | U(buffer[at + U(6)]) << U(8) | U(buffer[at + U(7)])
                )  # fmt: skip
                window |= word >> held
                at += (U(63) - held) >> U(3)
                held |= U(56)
                entry = U(lookup[base + (window >> _LOW)])
                if entry == U(0):
                    for length in range(LOOK + 1, 17):
                        code = np.int64(window >> U(64 - length))
                        if code < ends[codes, length]:
                            entry = U(length << 8) | U(symbols[codes, offsets[codes, length] + code])
                            break
                size = entry & U(255)
                if entry == U(0) or size > U(11):
                    return False
                rest = window << (entry >> U(8))
                negative = np.int64(rest >> U(63)) - 1
                change = np.int64((rest >> U(1)) >> (U(63) - size)) + (negative & (1 - (1 << np.int64(size))))
                window = rest << size
                held -= (entry >> U(8)) + size
                if component == 0:
                    grey += change
                    mean = grey * steps[0, 0]
                elif component == 1:
                    blue += change
                    mean = blue * steps[1, 0]
                else:
                    red += change
                    mean = red * steps[2, 0]
                if mean > _LARGEST_MEAN or mean < -_LARGEST_MEAN:
                    return False
                level = min(max(((mean + 4) >> 3) + 128, 0), 255)
                codes += 1
                filled = U(1)
                if component == 0:
                    luma[unit_row * down + (number >> turn), unit * across + (number & turn)] = level
                elif not fine:
                    chroma[component - 1, unit_row, unit] = level
                elif needed:
                    block[0] = mean
                    flat = True
                    while filled < U(64):
                        word = (
                            U(buffer[at]) << U(56) | U(buffer[at + U(1)]) << U(48) | U(buffer[at + U(2)]) << U(40)
                            | U(buffer[at + U(3)]) << U(32) | U(buffer[at + U(4)]) << U(24)
                            | U(buffer[at + U(5)]) << U(16) | U(buffer[at + U(6)]) << U(8) | U(buffer[at + U(7)])
                        )  # fmt: skip
                        window |= word >> held
                        at += (U(63) - held) >> U(3)
                        held |= U(56)
                        entry = U(lookup[base + _CODES + (window >> _LOW)])
                        if entry == U(0):
                            for length in range(LOOK + 1, 17):
                                code = np.int64(window >> U(64 - length))
                                if code < ends[codes, length]:
                                    entry = U(length << 8) | U(symbols[codes, offsets[codes, length] + code])
                                    break
                            if entry == U(0):
                                return False
                        size, run = entry & U(15), (entry >> U(4)) & U(15)
                        rest = window << (entry >> U(8))
                        window = rest << size
                        held -= (entry >> U(8)) + size
                        if size == U(0):
                            if run != U(15):
                                break
                            filled += U(16)
                            continue
                        filled += run
                        if filled > U(63):
                            return False
                        value = np.int64(rest >> (U(64) - size))
                        if rest < _TOP:
                            value += 1 - (1 << np.int64(size))
                        value *= steps[component, filled]
                        if value > 32767 or value < -32768:
                            return False
                        block[filled] = value
                        flat = False
                        filled += U(1)
                    if filled > U(64):
                        return False
                    if flat:
                        chroma[component - 1, unit_row * 2 : unit_row * 2 + 2, unit * 2 : unit * 2 + 2] = level
                        continue
                    if not shrink_two(block, chroma, component - 1, unit_row * 2, unit * 2):
                        return False
                    block[:] = 0
                    continue
                while True:
                    word = (
                        U(buffer[at]) << U(56) | U(buffer[at + U(1)]) << U(48) | U(buffer[at + U(2)]) << U(40)
                        | U(buffer[at + U(3)]) << U(32) | U(buffer[at + U(4)]) << U(24) | U(buffer[at + U(5)]) << U(16)
                        | U(buffer[at + U(6)]) << U(8) | U(buffer[at + U(7)])
                    )  # fmt: skip
                    window |= word >> held
                    at += (U(63) - held) >> U(3)
                    held |= U(56)
                    entry = U(lookup[base + _PASSING + (window >> _LOW)])
                    after = filled + (entry >> U(6))
                    if after < U(64):
                        window <<= entry & U(63)
                        held -= entry & U(63)
                        filled = after
                        continue
                    if after == U(64) or (after > U(128) and after < U(192)):
                        window <<= entry & U(63)
                        held -= entry & U(63)
                        break
                    # A long code, or codes beyond the block's end: one symbol by itself.
                    entry = U(lookup[base + _CODES + (window >> _LOW)])
                    if entry == U(0):
                        for length in range(LOOK + 1, 17):
                            code = np.int64(window >> U(64 - length))
                            if code < ends[codes, length]:
                                entry = U(length << 8) | U(symbols[codes, offsets[codes, length] + code])
                                break
                        if entry == U(0):
                            return False
                    size, run = entry & U(15), (entry >> U(4)) & U(15)
                    window <<= (entry >> U(8)) + size
                    held -= (entry >> U(8)) + size
                    if size == U(0) and run != U(15):
                        break
                    filled += run + U(1)
                    if filled > U(64):
                        return False
                    if filled == U(64):
                        break
    end = starts[segment + 1] * 8
    taken = np.int64(at) * 8 - np.int64(held)
    return taken <= end and taken > end - 8


@threaded
def read_first_means(buffer, starts, restart, shape, blocks, steps, low, lookup, ends, offsets, symbols, planes):
    """Read a progressive file's first scan of means, all but their `low` lowest bits.

    Gives False for whatever isn't well-formed to the last bit.

    Args:
      buffer, starts, restart: as in `read_means`.
      shape: units down and across.
      blocks: int64 (blocks of a unit, 6): component, place down and across in the unit, the component's blocks of a
        unit down and across, and the set of tables.
      steps: int64 (components,).
      planes: uint8 (components, ...), set to one pixel per block.
    """
    window, held, at = U(0), U(0), U(0)
    means = np.zeros(3, np.int64)
    left, segment = restart, 0
    for unit_row in range(shape[0]):
        for unit in range(shape[1]):
            if restart > 0:
                if left == 0:
                    end = (starts[segment + 1] - PADDING) * 8
                    taken = np.int64(at) * 8 - np.int64(held)
                    if taken > end or taken <= end - 8:
                        return False
                    segment += 1
                    window, held, at = U(0), U(0), U(starts[segment])
                    means[:] = 0
                    left = restart
                left -= 1
            if np.int64(at) > starts[segment + 1] + 8:
                return False
            for number in range(len(blocks)):
                component = blocks[number, 0]
                codes = blocks[number, 5] * 2
                word = (
                    U(buffer[at]) << U(56) | U(buffer[at + U(1)]) << U(48) | U(buffer[at + U(2)]) << U(40)
                    | U(buffer[at + U(3)]) << U(32) | U(buffer[at + U(4)]) << U(24) | U(buffer[at + U(5)]) << U(16)
                    | U(buffer[at + U(6)]) << U(8) | U(buffer[at + U(7)])
                )  # fmt: skip
                window |= word >> held
                at += (U(63) - held) >> U(3)
                held |= U(56)
                entry = U(lookup[U(blocks[number, 5]) * _SET + (window >> _LOW)])
                if entry == U(0):
                    for length in range(LOOK + 1, 17):
                        code = np.int64(window >> U(64 - length))
                        if code < ends[codes, length]:
                            entry = U(length << 8) | U(symbols[codes, offsets[codes, length] + code])
                            break
                size = entry & U(255)
                if entry == U(0) or size > U(11):
                    return False
                rest = window << (entry >> U(8))
                negative = np.int64(rest >> U(63)) - 1
                means[component] += np.int64((rest >> U(1)) >> (U(63) - size)) + (
                    negative & (1 - (1 << np.int64(size)))
                )
                window = rest << size
                held -= (entry >> U(8)) + size
                mean = (means[component] << low) * steps[component]
                if mean > _LARGEST_MEAN or mean < -_LARGEST_MEAN:
                    return False
                planes[
                    component,
                    unit_row * blocks[number, 3] + blocks[number, 1],
                    unit * blocks[number, 4] + blocks[number, 2],
                ] = min(max(((mean + 4) >> 3) + 128, 0), 255)
    end = starts[segment + 1] * 8
    taken = np.int64(at) * 8 - np.int64(held)
    return taken <= end and taken > end - 8
