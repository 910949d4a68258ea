"""Compile inner loops when they are first called, and keep what was compiled where the machine lets us."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

_lock = threading.RLock()


class Compiled:
    """A function that numba compiles on its first call: a run that needs no kernel doesn't import numba either.

    Import, and load of a dozen kernels out of the cache, cost 0.7 CPU seconds.
    """

    def __init__(self, function: Callable, options: dict):
        functools.update_wrapper(self, function)
        self._function, self._options = function, options
        self._dispatcher: Callable | None = None

    def __call__(self, *args):
        return (self._dispatcher or self.dispatcher())(*args)

    def dispatcher(self) -> Callable:
        """Give numba's own object.

        The machine code is cached beside the source or in the user's cache folder; where both are read-only (a
        hardened container), it is compiled anew in each process.
        """
        with _lock:
            if self._dispatcher is None:
                from numba import njit

                _resolve(self._function)
                try:
                    self._dispatcher = njit(cache=True, **self._options)(self._function)
                except RuntimeError:
                    self._dispatcher = njit(**self._options)(self._function)
            return self._dispatcher


def _resolve(function: Callable) -> None:
    """Put numba's objects in place of the compiled functions that a function names: numba knows no others."""
    names = function.__globals__
    for name in function.__code__.co_names:
        if isinstance(names.get(name), Compiled):
            names[name] = names[name].dispatcher()


def compiled(function: Callable, **options) -> Compiled:
    """Mark a function to be compiled on its first call."""
    return Compiled(function, options)


def inlined(function: Callable) -> Compiled:
    """Mark a small function to be compiled into its callers."""
    return Compiled(function, {"inline": "always"})


def threaded(function: Callable) -> Compiled:
    """Mark a function to be compiled so that Python's other threads run while it does."""
    return Compiled(function, {"nogil": True})
