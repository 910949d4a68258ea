"""Folders -> rows."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key, make_uri
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.files import file_etag, physical_id


class Entry(NamedTuple):
    """A file: its path below the source folder, and the state of what it is or points at.

    Attributes:
      passing: link, or link-out where it leads out of its source and isn't followed; None for a file.
    """

    path: bytes
    found: os.stat_result
    size: int
    passing: str | None = None


class Way(NamedTuple):
    """How a folder is gone through.

    Attributes:
      prune: folders that aren't looked into, by an expression over their URIs.
      follow: follow links that lead out of the folder.
    """

    prune: re.Pattern[str] | None = None
    follow: bool = False

    def enters(self, folder: bytes, inner: bytes) -> bool:
        """Tell whether a folder below is looked into."""
        if self.prune is None:
            return True
        return self.prune.search(make_uri("file", escape_key(folder), escape_key(inner))) is None


PLAIN = Way()
"""Everything is looked into, and no link out of the folder is followed."""


def walk(folder: bytes, below: bytes = b"", way: Way = PLAIN) -> Iterator[Entry]:
    """Find all files below a folder, in no order.

    Symlinked files are listed as links, with the device and inode of what they point at; one that leads out of the
    folder is listed as it is itself, unless such links are followed. Symlinked folders aren't followed (they may form
    cycles). A link to nothing is listed as it is, so that it isn't lost. Sockets, pipes and devices are no objects.

    Raises:
      StoreError: a folder that can't be read, by name.
    """
    waiting = [below]
    while waiting:
        inner = waiting.pop()
        for entry in scan(folder, inner):
            path = os.path.join(inner, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if way.enters(folder, path):
                    waiting.append(path)
            elif (found := _entry(folder, path, entry, way)) is not None:
                yield found


def entries_of(folder: bytes, below: bytes, way: Way = PLAIN) -> Iterator[Entry]:
    """Find the files that lie directly in one folder, as `walk` does.

    Raises:
      StoreError: it can't be read.
    """
    for entry in scan(folder, below):
        if not entry.is_dir(follow_symlinks=False):
            found = _entry(folder, os.path.join(below, entry.name), entry, way)
            if found is not None:
                yield found


def scan(folder: bytes, below: bytes) -> list[os.DirEntry]:
    """Read one folder's entries.

    Raises:
      StoreError: naming the folder.
    """
    path = os.path.join(folder, below)
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError as error:
        code = "denied" if isinstance(error, PermissionError) else "unreachable"
        raise StoreError(code, f"can't read the folder {escape_key(path)}: {error.strerror}") from error


def _entry(folder: bytes, path: bytes, entry: os.DirEntry, way: Way) -> Entry | None:
    link = entry.is_symlink()
    try:
        found = entry.stat()
    except OSError as error:
        if error.errno == errno.ENOENT and not link:
            return None  # gone since its folder was read
        if not link:
            raise StoreError("denied", f"can't look at {escape_key(entry.path)}: {error.strerror}") from error
        found = entry.stat(follow_symlinks=False)
        # What points at nothing has no bytes; what points at a place we may not see fails when it is read.
        size = 0 if error.errno in (errno.ENOENT, errno.ELOOP) else found.st_size
        return Entry(path, found, size, "link")
    if not stat.S_ISREG(found.st_mode):
        return None
    if link and not way.follow and leads_out(folder, entry.path):
        found = entry.stat(follow_symlinks=False)
        return Entry(path, found, found.st_size, "link-out")
    return Entry(path, found, found.st_size, "link" if link else None)


def leads_out(folder: bytes, path: bytes) -> bool:
    """Tell whether what a link points at lies outside a folder (a real path)."""
    return not os.path.realpath(path).startswith(folder.rstrip(b"/") + b"/")


def folder_rows(entries: Sequence[Entry], *, library: str, bucket: str, rank: int) -> pa.Table:
    """Make a block of RAW from files; `bucket` is the folder's escaped real path."""
    keys = [escape_key(entry.path) for entry in entries]
    modified = pa.array([entry.found.st_mtime_ns // 1000 for entry in entries], pa.int64())
    return block_of(
        len(entries),
        {
            RANK: rank,
            "uri": [make_uri("file", bucket, key) for key in keys],
            "library": library,
            "store": "file",
            "bucket": bucket,
            "key": keys,
            "version": "",
            "size": [entry.size for entry in entries],
            "etag": [file_etag(entry.found, entry.size) for entry in entries],
            "storage_class": "FILE",
            "last_modified": modified.cast(pa.timestamp("us", tz="UTC")),
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
            "physical_id": [physical_id(entry.found) for entry in entries],
            "passing": [entry.passing for entry in entries],
        },
    )
