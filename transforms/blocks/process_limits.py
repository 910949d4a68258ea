"""Limits that a process sets itself before it opens a stranger's file, where the system knows them.

Windows has none of them, macOS refuses some: there the time-out of whoever started the process is what ends it.
"""

from __future__ import annotations

import contextlib
from types import ModuleType


def _resource() -> ModuleType | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource


def limit_memory(size: int) -> None:
    """Let this process have at most `size` bytes of address space, and leave no core dump."""
    known = _resource()
    if known is None:
        return
    for what, limit in ((known.RLIMIT_CORE, 0), (known.RLIMIT_AS, size)):
        with contextlib.suppress(ValueError, OSError):  # macOS
            known.setrlimit(what, (limit, limit))


def limit_processor_time(seconds: float) -> None:
    """Let this process use at most about `seconds` more seconds of processor time."""
    known = _resource()
    if known is None:
        return
    used = known.getrusage(known.RUSAGE_SELF)
    ends = int(used.ru_utime + used.ru_stime + seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        known.setrlimit(known.RLIMIT_CPU, (ends, known.getrlimit(known.RLIMIT_CPU)[1]))


def address_space() -> int | None:
    """Give the bytes of address space that this process may have; None where there is no limit."""
    known = _resource()
    if known is None:
        return None
    soft = known.getrlimit(known.RLIMIT_AS)[0]
    return None if soft == known.RLIM_INFINITY else soft
