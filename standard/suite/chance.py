"""Chance that is the same everywhere: numbers out of SHAKE-256 (FIPS 202), whatever the version of Python or numpy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
LETTERS = "bcdfghjklmnpqrstvwxz"
"""No vowels, no digits: a made-up name is neither a word nor a page's number."""


class Chance:
    """A stream of numbers that a key alone decides."""

    def __init__(self, *key: object):
        self._key = "/".join(map(str, key))
        self._taken = 0

    def below(self, limit: int) -> int:
        """Give a whole number from 0 to limit - 1; the bias of taking a remainder is below 2**-40."""
        self._taken += 1
        digest = hashlib.shake_256(f"{self._key}#{self._taken}".encode()).digest(8)
        return int.from_bytes(digest, "big") % limit

    def between(self, low: int, high: int) -> int:
        """Give a whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """Give one of some things."""
        return choices[self.below(len(choices))]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """Give the things in another order (Fisher and Yates)."""
        out = list(things)
        for last in range(len(out) - 1, 0, -1):
            other = self.below(last + 1)
            out[last], out[other] = out[other], out[last]
        return out

    def noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Give an array of numbers from -64 to 63, a sum of two, so that small ones are commoner; int64."""
        self._taken += 1
        count = int(np.prod(shape))
        digest = hashlib.shake_256(f"{self._key}#{self._taken}".encode()).digest(2 * count)
        pair = (np.frombuffer(digest, np.uint8) & 63).astype(np.int64).reshape(2, *shape)
        return pair[0] + pair[1] - 63

    def name(self, length: int = 7) -> str:
        """Make a name up."""
        return "".join(self.pick(LETTERS) for _ in range(length))
