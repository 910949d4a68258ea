"""Large folders cut into parts by their sub-folders, so that several workers list one file server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from mirrorfold.transforms.listing.folder import PLAIN, Entry, Way, entries_of, scan, walk

SMALL = 5_000
"""Entries up to which a folder is one part: looking at them takes some milliseconds."""
PIECES = 32


class FolderPart(NamedTuple):
    """Sub-folders of a source, by their paths below it.

    Attributes:
      whole: listed with everything below them; flat: only the files that lie directly in them.
    """

    whole: tuple[bytes, ...]
    flat: tuple[bytes, ...]


EVERYTHING = FolderPart((b"",), ())


def plan_folder(folder: bytes, small: int = SMALL, pieces: int = PIECES, way: Way = PLAIN) -> list[FolderPart]:
    """Cut a folder where it is large: level by level, until there are some sub-folders for each piece.

    Raises:
      StoreError: a folder that can't be read, by name.
    """
    if _is_small(folder, small, way):
        return [EVERYTHING]
    flat, level = [], [b""]
    while level and len(level) < 2 * pieces:
        flat += level
        level = sorted(inner for below in level for inner in _folders_in(folder, below, way))
    parts = [FolderPart(tuple(level[piece::pieces]), ()) for piece in range(min(pieces, len(level)))]
    return [FolderPart((), tuple(flat)), *parts]


def list_part(folder: bytes, part: FolderPart, way: Way = PLAIN) -> Iterator[Entry]:
    """Find the files of a part, in no order."""
    for below in part.flat:
        yield from entries_of(folder, below, way)
    for below in part.whole:
        yield from walk(folder, below, way)


def _is_small(folder: bytes, small: int, way: Way) -> bool:
    seen, waiting = 0, [b""]
    while waiting and seen <= small:
        below = waiting.pop()
        for entry in scan(folder, below):
            seen += 1
            if entry.is_dir(follow_symlinks=False) and way.enters(folder, os.path.join(below, entry.name)):
                waiting.append(os.path.join(below, entry.name))
    return seen <= small


def _folders_in(folder: bytes, below: bytes, way: Way) -> Iterator[bytes]:
    for entry in scan(folder, below):
        if entry.is_dir(follow_symlinks=False) and way.enters(folder, os.path.join(below, entry.name)):
            yield os.path.join(below, entry.name)
