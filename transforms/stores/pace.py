"""How fast a store is asked: a prefix slows down when the store asks for it, across a worker's threads, and recovers.

Additive increase, multiplicative decrease (Chiu and Jain, 1989), as TCP shares a line: workers that know nothing of
each other settle at fair shares of what a prefix gives, and none has to be told a number.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mirrorfold.transforms.stores.api import StoreError

SLOWEST = 0.2
"""Requests a second that a prefix is asked for at least."""
STEP = 5.0
"""Requests a second by which its rate grows in each second in which it served, or by a quarter where that is less."""
PATIENCE = 180.0
"""Seconds without one answer of a prefix after which a request is a failure; while it serves at all, none is."""
UNANSWERED = 8
"""Times that a request is sent again which got no answer, or an error of the server's."""
LEVELS = 2
"""Folders of a key that count as its prefix: stores share their load out by ranges of keys."""

T = TypeVar("T")


def prefix_of(key: str) -> str:
    """Give the folders of a key that a store would slow down together."""
    return "/".join(key.split("/")[:-1][:LEVELS])


class Prefix:
    """The rate at which one prefix is asked, once it has asked for less; safe for threads.

    Args:
      rate: requests a second at which it was asked until then.
    """

    def __init__(self, rate: float, clock: Callable[[], float], sleep: Callable[[float], None]):
        self.rate = rate
        self._clock, self._sleep, self._lock = clock, sleep, threading.Lock()
        self._next = self._cut = self._served = clock()

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + 1 / self.rate
        if turn > now:
            self._sleep(turn - now)

    def served(self) -> None:
        """Note an answer: the rate grows by `STEP` with each second of them."""
        with self._lock:
            self._served = self._clock()
            self.rate += min(STEP / self.rate, 0.25)

    def slow_down(self, sent: float) -> bool:
        """Note that the store asked for less; False where it has given nothing for too long.

        Requests that were on their way when the rate was halved tell nothing new.
        """
        with self._lock:
            now = self._clock()
            if sent >= self._cut:
                self.rate = max(SLOWEST, self.rate / 2)
                self._cut = now
                self._next = max(self._next, now + random.uniform(0.5, 1) / self.rate)
            return now - self._served < PATIENCE


class Pace:
    """Sends requests to one bucket, each again as long as that has a point; safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep):
        self._clock, self._sleep, self._lock = clock, sleep, threading.Lock()
        self._slowed: dict[str, Prefix] = {}
        self._since, self._begun, self._before = clock(), 0, 0.0

    def send(self, key: str, request: Callable[[], T]) -> T:
        """Send a request about a key.

        Raises:
          StoreError: classified; `throttled` only where the prefix answered nothing at all for `PATIENCE` seconds.
        """
        name, unanswered = prefix_of(key), 0
        while True:
            prefix = self._slowed.get(name)
            if prefix:
                prefix.wait()
            sent = self._begin()
            try:
                found = request()
            except StoreError as error:
                if error.code == "throttled":
                    if not self._prefix(name).slow_down(sent):
                        raise
                elif error.again and unanswered < UNANSWERED:
                    unanswered += 1
                    self._sleep(min(20.0, 0.1 * 2**unanswered) * random.uniform(0.5, 1))
                else:
                    raise
                continue
            if prefix:
                prefix.served()
            return found

    def _begin(self) -> float:
        """Count a request; give its time."""
        with self._lock:
            now = self._clock()
            if now - self._since > 1:
                self._before, self._begun, self._since = self._begun / (now - self._since), 0, now
            self._begun += 1
            return now

    def _prefix(self, name: str) -> Prefix:
        with self._lock:
            if name not in self._slowed:
                now = self._begun / max(0.1, self._clock() - self._since)
                self._slowed[name] = Prefix(max(now, self._before, 1.0), self._clock, self._sleep)
            return self._slowed[name]
