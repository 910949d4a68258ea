"""Folders -> rows."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key, make_uri
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.files import file_etag


class Entry(NamedTuple):
    """A file: its path below the source folder, and the state of what it is or points at."""

    path: bytes
    size: int
    modified_ns: int
    physical_id: str


def walk(folder: bytes, below: bytes = b"") -> Iterator[Entry]:
    """Find all files below a folder, in no order.

    Symlinked files are listed, with the device and inode of what they point at; symlinked folders aren't followed (they
    may form cycles). A link to nothing is listed as it is, so that it isn't lost. Sockets, pipes and devices are no
    objects.

    Raises:
      StoreError: a folder that can't be read, by name.
    """
    waiting = [below]
    while waiting:
        inner = waiting.pop()
        for entry in scan(folder, inner):
            path = os.path.join(inner, entry.name)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif (found := _entry(path, entry)) is not None:
                yield found


def entries_of(folder: bytes, below: bytes) -> Iterator[Entry]:
    """Find the files that lie directly in one folder, as `walk` does.

    Raises:
      StoreError: it can't be read.
    """
    for entry in scan(folder, below):
        if not entry.is_dir(follow_symlinks=False):
            found = _entry(os.path.join(below, entry.name), entry)
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


def _entry(path: bytes, entry: os.DirEntry) -> Entry | None:
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
        return Entry(path, size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")
    if not stat.S_ISREG(found.st_mode):
        return None
    return Entry(path, found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")


def folder_rows(entries: Sequence[Entry], *, library: str, bucket: str, rank: int) -> pa.Table:
    """Make a block of RAW from files; `bucket` is the folder's escaped real path."""
    keys = [escape_key(entry.path) for entry in entries]
    modified = pa.array([entry.modified_ns // 1000 for entry in entries], pa.int64())
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
            "etag": [file_etag(entry.size, entry.modified_ns) for entry in entries],
            "storage_class": "FILE",
            "last_modified": modified.cast(pa.timestamp("us", tz="UTC")),
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
            "physical_id": [entry.physical_id for entry in entries],
        },
    )
