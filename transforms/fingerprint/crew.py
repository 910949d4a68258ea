"""How many threads of a process fetch and decode: no more decode than it has cores, and enough fetch to feed them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WEIGHT = 0.05
"""Weight of the newest file in the mean times: some twenty files are remembered."""


class Crew:
    """Mean times of fetching and of decoding a file, and the right to decode.

    Threads that aren't needed cost: on two cores 16 threads over a folder took 1.3 times the wall of two, because they
    wait for the interpreter's lock and push each other's blocks out of the cache. A distant store needs many.

    Args:
      decoders: threads that may decode at once.
    """

    def __init__(self, decoders: int):
        self.decoders = decoders
        self._slots = threading.BoundedSemaphore(decoders)
        self._fetch = self._decode = 0.0

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """Measure a fetch."""
        started = time.perf_counter()
        yield
        self._fetch += WEIGHT * (time.perf_counter() - started - self._fetch)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Wait for the right to decode, and measure the decoding."""
        with self._slots:
            started = time.perf_counter()
            yield
            self._decode += WEIGHT * (time.perf_counter() - started - self._decode)

    def threads(self, most: int) -> int:
        """Tell how many threads keep the decoders busy, by what fetching and decoding have taken so far."""
        if not self._decode:
            return min(most, self.decoders)
        return min(most, int(self.decoders * (1 + self._fetch / self._decode)))
