"""How many cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Count the cores that this process may run on: those that a container or `taskset` leaves it, where that shows."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
