"""Compile inner loops, and keep what was compiled where the machine lets us."""

from __future__ import annotations

from collections.abc import Callable

from numba import njit


def compiled(function: Callable, **options) -> Callable:
    """Compile a function with numba on its first call.

    The machine code is cached beside the source or in the user's cache folder; where both are read-only (a hardened
    container), it is compiled anew in each process.
    """
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


def inlined(function: Callable) -> Callable:
    """Compile a small function into its callers."""
    return compiled(function, inline="always")
