"""The output folder, DIR: local, s3://, gs:// or az://. The only place mirrorfold ever writes to."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import IO


class OutputStore(ABC):
    """Files under DIR by relative path. Writes are atomic: a path holds a whole file or none."""

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Write a file whole, replacing what was there."""

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Read a file; `FileNotFoundError` where there is none."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """Open a file for random reads."""

    def open_part(self, path: str) -> IO[bytes]:
        """Open a file of which only parts are read: each read of a cloud's file is a request, for those bytes alone."""
        return self.open(path)

    @abstractmethod
    def size(self, path: str) -> int:
        """Give a file's size in bytes; `FileNotFoundError` where there is none."""

    @abstractmethod
    def list(self, prefix: str = "") -> list[str]:
        """List the relative paths of all files below a prefix (a folder, ending in /), in no order."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete one of our own earlier files; absent is fine."""

    @abstractmethod
    def url(self, path: str = "") -> str:
        """Name a file for people: a local path or a URL."""

    def exists(self, path: str) -> bool:
        """Tell whether a file is there."""
        try:
            self.open(path).close()
        except FileNotFoundError:
            return False
        return True


class LocalOutput(OutputStore):
    """DIR as a local folder."""

    def __init__(self, root: str):
        self.root = os.path.abspath(root)

    def _path(self, path: str) -> str:
        full = os.path.normpath(os.path.join(self.root, path))
        if full != self.root and not full.startswith(self.root + os.sep):
            raise ValueError(f"path outside the output folder: {path!r}")
        return full

    def put(self, path: str, data: bytes) -> None:
        full = self._path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".part-", dir=os.path.dirname(full))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, full)
        except BaseException:
            os.unlink(temporary)
            raise

    def get(self, path: str) -> bytes:
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> IO[bytes]:
        return open(self._path(path), "rb")

    def size(self, path: str) -> int:
        return os.path.getsize(self._path(path))

    def list(self, prefix: str = "") -> list[str]:
        found = []
        for folder, _, names in os.walk(self._path(prefix)):
            found += [
                os.path.relpath(os.path.join(folder, name), self.root)
                for name in names
                if not name.startswith(".part-")
            ]
        return found

    def delete(self, path: str) -> None:
        try:
            os.unlink(self._path(path))
        except FileNotFoundError:
            return

    def url(self, path: str = "") -> str:
        return self._path(path) if path else self.root


@lru_cache(maxsize=8)
def open_output(url: str) -> OutputStore:
    """Open DIR by its URL; one store per process and DIR."""
    if url.startswith(("s3://", "gs://", "az://")):
        from mirrorfold.transforms.stores.output_cloud import CloudOutput

        return CloudOutput(url)
    return LocalOutput(url.removeprefix("file://"))
