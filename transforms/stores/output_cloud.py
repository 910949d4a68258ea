"""DIR on S3 or GCS. A put of an object store is atomic by itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

import botocore.exceptions
import obstore
from obstore.store import GCSStore, S3Store

from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.errors import OBSTORE_ERRORS, from_obstore
from mirrorfold.transforms.stores.gcs_client import gcs_access
from mirrorfold.transforms.stores.output import OutputStore
from mirrorfold.transforms.stores.s3_client import s3_access

Answer = TypeVar("Answer")


class CloudOutput(OutputStore):
    """DIR under `s3://bucket/prefix` or `gs://bucket/prefix`.

    Raises:
      StoreError: from every call, where the bucket is denied, absent or doesn't answer.
    """

    def __init__(self, url: str):
        scheme, _, rest = url.partition("://")
        bucket, _, prefix = rest.strip("/").partition("/")
        self._url = f"{scheme}://{rest.strip('/')}"
        spec = SourceSpec(library="output", kind="live", store=scheme, bucket=bucket)
        self._store: S3Store | GCSStore
        if scheme == "s3":
            self._store = s3_access(spec).byte_store(bucket, prefix=prefix or None)
        else:
            self._store = gcs_access(spec, write=True).byte_store(bucket, prefix=prefix or None)

    def put(self, path: str, data: bytes) -> None:
        _ask(lambda: obstore.put(self._store, _inside(path), data))

    def get(self, path: str) -> bytes:
        return _ask(lambda: obstore.get(self._store, _inside(path)).bytes().to_bytes())

    def open(self, path: str) -> BinaryIO:
        # Our files are shards of some tens of MB that are read whole or nearly so.
        return io.BytesIO(self.get(path))

    def exists(self, path: str) -> bool:
        try:
            _ask(lambda: obstore.head(self._store, _inside(path)))
        except FileNotFoundError:
            return False
        return True

    def list(self, prefix: str = "") -> list[str]:
        pages = obstore.list(self._store, prefix=prefix or None)
        return _ask(lambda: [found["path"] for page in pages for found in page])

    def delete(self, path: str) -> None:
        try:
            _ask(lambda: obstore.delete(self._store, _inside(path)))
        except FileNotFoundError:
            return

    def url(self, path: str = "") -> str:
        return f"{self._url}/{_inside(path)}" if path else self._url


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"path outside the output folder: {path!r}")
    return path


def _ask(call: Callable[[], Any]) -> Any:
    """Send a request; what is absent is a `FileNotFoundError`, as for a local folder."""
    try:
        return call()
    except FileNotFoundError as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise from_obstore(error) from error
        raise
    except (*OBSTORE_ERRORS, botocore.exceptions.BotoCoreError) as error:
        raise from_obstore(error) from error
