"""Files of a report, in a bucket or a folder: read whole, or brought to disk with their MD5 checked."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import obstore

from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import (
    BOTO_ERRORS,
    GOOGLE_ERRORS,
    OBSTORE_ERRORS,
    from_boto,
    from_google,
    from_obstore,
)
from mirrorfold.transforms.stores.gcs_client import gcs_access
from mirrorfold.transforms.stores.guard import EndpointRefusedError
from mirrorfold.transforms.stores.s3_client import s3_access

_CHUNK = 8 << 20


class ReportFiles:
    """Files beside a report's manifest, by URI or path.

    Raises:
      StoreError: from every call, in words for a person.
    """

    def __init__(self, spec: SourceSpec):
        self.spec = spec

    def get(self, place: str) -> bytes:
        """Read a small file."""
        return b"".join(self._chunks(place))

    def exists(self, place: str) -> bool:
        """Tell whether a local file is there; objects are taken to be where the manifest says."""
        return "://" in place or os.path.isfile(place)

    @contextlib.contextmanager
    def on_disk(self, place: str, md5: str | None) -> Iterator[str]:
        """Give a file's path on disk for as long as the block lasts, once its MD5 (hex, where stated) holds."""
        if "://" not in place:
            self._check(place, md5, self._chunks(place), lambda chunk: None)
            yield place
            return
        with tempfile.NamedTemporaryFile(prefix="mirrorfold-") as copy:
            self._check(place, md5, self._chunks(place), copy.write)
            copy.flush()
            yield copy.name

    def _check(self, place: str, md5: str | None, chunks: Iterator[Any], write: Callable[[bytes], Any]) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in chunks:
            digest.update(chunk)
            write(chunk)
        if md5 and digest.hexdigest() != md5.lower():
            raise StoreError("vanished", f"{place} isn't the file that the manifest names: its MD5 differs")

    def _chunks(self, place: str) -> Iterator[Any]:
        try:
            if "://" not in place:
                with open(place, "rb") as file:
                    while chunk := file.read(_CHUNK):
                        yield chunk
                return
            scheme, _, rest = place.partition("://")
            bucket, _, key = rest.partition("/")
            store = self._byte_store(scheme, bucket)
            yield from obstore.get(store, key).stream(min_chunk_size=_CHUNK)
        except OBSTORE_ERRORS as error:
            said = from_obstore(error) if "://" in place else None
            reason = said.message if said else getattr(error, "strerror", None) or str(error)
            raise StoreError(said.code if said else "unreachable", f"can't read {place}: {reason}") from error

    def _byte_store(self, scheme: str, bucket: str) -> Any:
        spec = replace(self.spec, store=scheme, bucket=bucket)
        try:
            if scheme == "s3":
                return s3_access(spec).byte_store(bucket, requester_pays=spec.requester_pays)
            if scheme == "az":
                from mirrorfold.transforms.stores.azure_client import azure_access

                return azure_access(spec).byte_store(bucket)
            access = gcs_access(spec)
            return access.byte_store(bucket, user_project=access.project if spec.requester_pays else None)
        except EndpointRefusedError as error:
            raise StoreError("denied", str(error)) from error
        except BOTO_ERRORS as error:
            raise from_boto(error) from error
        except GOOGLE_ERRORS as error:
            raise from_google(error) from error
