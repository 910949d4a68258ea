"""Find exact and near duplicates in large image archives, and decide what to keep under a written policy."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mirrorfold")
except PackageNotFoundError:  # a checkout on the path that was never installed
    __version__ = "0+unknown"
