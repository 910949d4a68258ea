"""Packages that a source lies within: a payload may be listed without the file that says what it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from mirrorfold.schemas.uri import escape_key, make_uri, unescape_key
from mirrorfold.transforms.stores.api import SourceSpec

_SAYS = {"bagit": re.compile(r"(?i)bagit\.txt$"), "ocfl": re.compile(r"0=ocfl_object_[0-9.]+$")}
"""Names that make a folder a package whatever else lies there; a stray METS file far above would take in everything."""


def packages_around(sources: Iterable[SourceSpec]) -> dict[str, str]:
    """Find bags and OCFL objects above the folders that are listed: kind by the URI of the package's folder.

    A folder that may not be read says nothing. Above a bucket's prefix nothing is looked for: nobody asked for that.
    """
    found: dict[str, str] = {}
    for spec in sources:
        folder = unescape_key(spec.bucket) if spec.store == "file" and spec.kind == "live" else b"/"
        while (folder := os.path.dirname(folder.rstrip(b"/"))) not in (b"", b"/"):
            for kind, says in _SAYS.items():
                if any(says.match(name) for name in _names(folder)):
                    found.setdefault(make_uri("file", escape_key(folder), ""), kind)
    return found


def _names(folder: bytes) -> list[str]:
    try:
        return [os.fsdecode(name) for name in os.listdir(folder)]
    except OSError:
        return []
