"""Folders as sources: reads pinned to the size and modification time that were listed."""

from __future__ import annotations

import os
import stat
import threading

from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.stores.api import Head, HoldAnswer, LastingAnswer, ObjectRef, SourceSpec
from mirrorfold.transforms.stores.errors import changed, from_os
from mirrorfold.transforms.stores.lifecycle import Rule


def file_etag(found: os.stat_result, size: int | None = None) -> str:
    """Name a file's state: size, times of modification and change (ns) and inode, in hex.

    A program may set the time of modification back; that of change is the kernel's own.
    """
    size = found.st_size if size is None else size
    return f"{size:x}-{found.st_mtime_ns:x}-{found.st_ctime_ns:x}-{found.st_ino:x}"


def physical_id(found: os.stat_result) -> str:
    """Name what physically holds a file's bytes: equal means one copy under several names."""
    return f"{found.st_dev}:{found.st_ino}"


def file_path(bucket: str, key: str) -> bytes:
    """Join a folder and a key, both escaped as in the tables, to a path on disk."""
    return os.path.join(unescape_key(bucket), unescape_key(key))


class FolderSource:
    """Read files below a folder."""

    def __init__(self, spec: SourceSpec):
        self._slots = threading.BoundedSemaphore(spec.concurrency)

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        stop = ref.size if stop is None else min(stop, ref.size)
        with self._slots:
            try:
                return self._read(ref, start, max(start, stop))
            except OSError as error:
                raise from_os(error) from error

    def _read(self, ref: ObjectRef, start: int, stop: int) -> bytes:
        # Without O_NONBLOCK a named pipe put in a file's place would hang the worker.
        handle = os.open(file_path(ref.bucket, ref.key), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as file:
            self._check(ref, os.fstat(handle))
            file.seek(start)
            data = _read_exactly(file, stop - start)
            self._check(ref, os.fstat(handle))  # it may have changed while it was read
        if len(data) != stop - start:
            raise changed()
        return data

    def head(self, ref: ObjectRef) -> Head:
        with self._slots:
            try:
                found = os.stat(file_path(ref.bucket, ref.key))
            except OSError as error:
                raise from_os(error) from error
        self._check(ref, found)
        return Head(etag=file_etag(found), size=found.st_size, sha256=None, hold="no", archived=False)

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        return HoldAnswer("no", "not-supported", "folders have no holds")

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        return LastingAnswer("yes", "folders have no rules")

    def rules(self) -> tuple[Rule, ...] | None:
        return ()

    def close(self) -> None:
        """Nothing stays open."""

    def _check(self, ref: ObjectRef, found: os.stat_result) -> None:
        # Some mounts make inodes up anew: between the listing and a read, size and times must do.
        state = file_etag(found).rpartition("-")[0]
        if not stat.S_ISREG(found.st_mode) or (ref.etag and state != ref.etag.rpartition("-")[0]):
            raise changed()


def _read_exactly(file, size: int) -> bytes:
    data = file.read(size)
    if len(data) == size or not data:
        return data
    parts = [data]
    while size > sum(map(len, parts)) and (more := file.read(size - sum(map(len, parts)))):
        parts.append(more)
    return b"".join(parts)
