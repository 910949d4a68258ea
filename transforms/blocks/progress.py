"""How far each step is, counted where the work is done and polled by whoever shows it. One registry per process."""

from __future__ import annotations

import threading
from typing import NamedTuple


class Done(NamedTuple):
    """Objects and bytes done so far in this process."""

    objects: int
    bytes: int


_lock = threading.Lock()
_done: dict[str, Done] = {}


def advance(step: str, objects: int, bytes: int) -> None:
    """Add to what a step has done; safe from any thread."""
    with _lock:
        before = _done.get(step, Done(0, 0))
        _done[step] = Done(before.objects + objects, before.bytes + bytes)


def snapshot() -> dict[str, Done]:
    """Give what every step has done so far."""
    with _lock:
        return dict(_done)


def reset(step: str) -> None:
    """Forget a step, before it starts anew in the same process."""
    with _lock:
        _done.pop(step, None)
