"""A budget of bytes that threads share: memory in flight is bounded by bytes, not by a number of files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ByteBudget:
    """At most `total` bytes held at once; a request above the total waits until it is alone."""

    def __init__(self, total: int):
        self.total, self._free = total, total
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Wait for `count` bytes, hold them for the block, and give them back."""
        taken = min(count, self.total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()
