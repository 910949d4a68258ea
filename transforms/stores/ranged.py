"""A file in a bucket that is read in parts, and DIR as a file system for those who read tables by themselves."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import fsspec

from mirrorfold.transforms.stores.output import OutputStore


class RangedFile(io.RawIOBase):
    """A file of `size` bytes; each read asks for its bytes alone."""

    def __init__(self, size: int, part: Callable[[int, int], bytes]):
        super().__init__()
        self._size, self._part, self._at = size, part, 0

    def readable(self) -> bool:
        """Only reads are possible."""
        return True

    def seekable(self) -> bool:
        """Any place can be read."""
        return True

    def tell(self) -> int:
        """Give the place that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the place that is read next."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Read up to `size` bytes, all that is left where it is negative or None."""
        stop = self._size if size is None or size < 0 else min(self._size, self._at + size)
        if stop <= self._at:
            return b""
        data = self._part(self._at, stop)
        self._at += len(data)
        return data

    def readall(self) -> bytes:
        """Read all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as the buffer has room for."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class OutputFiles(fsspec.AbstractFileSystem):
    """DIR's files under `dir://PATH`, as DuckDB asks for them: read only, in parts, by our own clients."""

    protocol = "dir"

    def __init__(self, store: OutputStore):
        super().__init__(skip_instance_cache=True)
        self._store = store

    def name(self, path: str) -> str:
        """Name a file of DIR for this file system."""
        return f"{self.protocol}://{path}"

    def glob(self, path: str, **_: Any) -> list[str]:
        """Give the one file of that name: no name is a pattern."""
        return [self._strip_protocol(path)]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Give name, size and type."""
        name = self._strip_protocol(path)
        return {"name": name, "size": self._store.size(name), "type": "file"}

    def modified(self, path: str) -> datetime.datetime:
        """Give one time for all: a finished run's files don't change."""
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{path}: only reads are possible")
        return self._store.open_part(self._strip_protocol(path))
