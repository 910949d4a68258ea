"""A ceiling over what a worker process may take while it fingerprints, where the system has one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_lock = threading.Lock()
_holders = 0
_before: tuple[int, int] | None = None


@contextmanager
def ceiling(allowance: int) -> Iterator[None]:
    """Let this process take at most `allowance` bytes more than it holds; beyond, whoever asks meets a MemoryError.

    Headers are checked before anything is decoded, and what is large goes to the sandbox: this is the net below, for a
    decoder that takes what no header declared. Without it, the kernel ends the process that suits it. Linux alone
    holds a process's private memory to a limit (RLIMIT_DATA, from 4.7 on); elsewhere nothing is done. Nested and
    parallel calls share the first one's ceiling.
    """
    _enter(allowance)
    try:
        yield
    finally:
        _leave()


def _enter(allowance: int) -> None:
    global _holders, _before
    with _lock:
        _holders += 1
        held = _private_bytes() if _holders == 1 else None
        if held is None:
            return
        import resource

        _before = resource.getrlimit(resource.RLIMIT_DATA)
        soft, hard = _before
        limits = [held + allowance, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


def _leave() -> None:
    global _holders, _before
    with _lock:
        _holders -= 1
        if _holders == 0 and _before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, _before)
            _before = None


def _has_limits() -> bool:
    try:
        import resource  # noqa: F401
    except ImportError:
        return False
    return True


def _private_bytes() -> int | None:
    """Give the bytes that count towards the limit; None where the system keeps no such account."""
    if sys.platform != "linux" or not _has_limits():
        return None
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(found[0]) << 10 if found else None
