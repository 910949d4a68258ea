"""Find exact and near duplicates in large image archives, and decide what to keep under a written policy.

In your own code: `fingerprint` an image, `compare` two, `find_pairs` in a table of hashes, `open_run` a folder that the
command line made. docs/library.md shows each at work.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirrorfold.pipelines.errors import MirrorfoldError, UsageError
    from mirrorfold.pipelines.public import Comparison, Fingerprint, Run, compare, find_pairs, fingerprint, open_run
    from mirrorfold.transforms.fingerprint.errors import DecodeError

try:
    __version__ = version("mirrorfold")
except PackageNotFoundError:  # a checkout on the path that was never installed
    __version__ = "0+unknown"

_HOMES = {
    **dict.fromkeys(
        ("Comparison", "Fingerprint", "Run", "compare", "find_pairs", "fingerprint", "open_run"), "pipelines.public"
    ),
    "DecodeError": "transforms.fingerprint.errors",
    "MirrorfoldError": "pipelines.errors",
    "UsageError": "pipelines.errors",
}

__all__ = [
    "Comparison",
    "DecodeError",
    "Fingerprint",
    "MirrorfoldError",
    "Run",
    "UsageError",
    "__version__",
    "compare",
    "find_pairs",
    "fingerprint",
    "open_run",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: the command line and workers pay for none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mirrorfold' has no attribute {name!r}")
    return getattr(import_module(f"mirrorfold.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
