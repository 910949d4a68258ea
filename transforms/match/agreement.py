"""How well two checks agree: the share of what both show, not of all that they could show.

A check says of 128 places whether it gets darker there, lighter, or neither. Smooth pictures (skies, walls, cloth) say
"neither" nearly everywhere: of two of them most places are equal, whatever they show. So agreement is the cosine of the
two, as vectors of 1, -1 and 0: of the few places that show something, most have to be the same.
"""

from __future__ import annotations

import math

import numpy as np

STEP = 1
"""Percent of agreement more that is asked for each bit in which the hashes differ: near hashes need less support."""


def agreeing(one: np.ndarray, other: np.ndarray, distance: np.ndarray, limit: int) -> np.ndarray:
    """Tell which pairs of checks agree, in integers as the compiled `kernels.agrees` does.

    Args:
      one, other: uint64 (pairs, words): the first half says "darker", the second "lighter"; none is asked for of none.
      distance: bits in which the pairs' hashes differ.
      limit: least agreement in percent at equal hashes; 0 asks for none.
    """
    words = one.shape[1]
    if not words or limit <= 0:
        return np.ones(len(one), bool)
    net, shown = _compared(one, other)
    least = limit + STEP * distance.astype(np.int64)
    return (net > 0) & ((100 * net) ** 2 >= least**2 * shown)


def agreement(one: np.ndarray, other: np.ndarray) -> int:
    """Give how well two checks agree, whole percent rounded down as `agreeing` compares it: uint64 (words,) each."""
    net, shown = (int(values[0]) for values in _compared(one[None], other[None]))
    return math.isqrt((100 * net) ** 2 // shown) if net > 0 and shown else 0


def _compared(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give how many more places agree than disagree, and what the two show, multiplied: int64 (pairs,) each."""
    half = one.shape[1] // 2
    crossed = np.concatenate([other[:, half:], other[:, :half]], axis=1)
    return _bits(one & other) - _bits(one & crossed), _bits(one) * _bits(other)


def _bits(words: np.ndarray) -> np.ndarray:
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)
