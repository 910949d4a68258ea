"""Pictures, listings and stores that the fingerprint tests share."""

from __future__ import annotations

import collections
import hashlib
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import skimage
from PIL import Image

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.stores.api import Head, ObjectRef, StoreError

DATA = Path(skimage.__file__).parent / "data"


def photo(name: str = "astronaut.png", size: tuple[int, int] | None = None) -> Image.Image:
    """Open a photograph that scikit-image's wheel carries."""
    image = Image.open(DATA / name).convert("RGB")
    return image.resize(size, Image.Resampling.LANCZOS) if size else image


def encode(image: Image.Image, kind: str, **options) -> bytes:
    """Write an image as bytes."""
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


class NoSandbox:
    """For pictures that must not need one."""

    def run(self, kind, data, limits) -> Picture:
        """Fail."""
        pytest.fail(f"{kind} went to the sandbox")


class Here:
    """Decodes in this process what a sandbox would."""

    def run(self, kind, data, limits) -> Picture:
        """Decode, with the second decoders that a sandbox asks."""
        return read(kind, data, replace(limits, isolated=True))


def inline(data: bytes) -> Picture:
    """Decode without a sandbox."""
    return decode(data, FingerprintOptions(), NoSandbox())


class MemoryStores:
    """Stores over a dict of uri to bytes or StoreError; counts reads and look-ups."""

    def __init__(self, contents: Mapping[str, bytes | StoreError], sha256_on_head: bool = True):
        self.contents, self.sha256_on_head = contents, sha256_on_head
        self.reads: collections.Counter[str] = collections.Counter()
        self.heads: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()
        self.before_read: Callable[[str], None] = lambda uri: None

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        """Give the bytes, or raise what is stored."""
        uri = f"mem://{ref.bucket}/{ref.key}"
        self.before_read(uri)
        with self.lock:
            self.reads[uri] += 1
        found = self.contents[uri]
        if isinstance(found, StoreError):
            raise found
        return found[start:stop]

    def head(self, ref: ObjectRef) -> Head:
        """Look up, as a store that keeps SHA-256."""
        uri = f"mem://{ref.bucket}/{ref.key}"
        with self.lock:
            self.heads[uri] += 1
        found = self.contents[uri]
        if isinstance(found, StoreError):
            raise found
        digest = hashlib.sha256(found).hexdigest() if self.sha256_on_head else None
        return Head(ref.etag, len(found), digest, "no", False)

    def close(self) -> None:
        """Nothing to close."""


def listing(contents: Mapping[str, bytes | StoreError], **columns: Mapping[str, object]) -> pa.Table:
    """List what a MemoryStores holds; `columns` overrides columns by uri."""
    rows = []
    for uri, data in contents.items():
        bucket, key = uri.removeprefix("mem://").split("/", 1)
        row = {
            **dict.fromkeys(OBJECTS.schema.names),
            "uri": uri,
            "library": bucket,
            "store": "s3",
            "bucket": bucket,
            "key": key,
            "version": "",
            "size": len(data) if isinstance(data, bytes) else 1000,
            "etag": "e",
            "storage_class": "STANDARD",
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
        }
        row.update({name: values[uri] for name, values in columns.items() if uri in values})
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=OBJECTS.schema)
