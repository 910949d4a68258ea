"""All sources of a run behind one face."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from mirrorfold.schemas.withheld import is_withheld
from mirrorfold.transforms.stores.api import Head, HoldAnswer, LastingAnswer, ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import BOTO_ERRORS, GOOGLE_ERRORS, from_boto, from_google, store_error
from mirrorfold.transforms.stores.files import FolderSource
from mirrorfold.transforms.stores.gcs import GcsSource
from mirrorfold.transforms.stores.guard import EndpointRefusedError
from mirrorfold.transforms.stores.lifecycle import Rule
from mirrorfold.transforms.stores.s3 import S3Source


class Source(Protocol):
    """What each kind of store answers."""

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes: ...
    def head(self, ref: ObjectRef) -> Head: ...
    def hold(self, ref: ObjectRef) -> HoldAnswer: ...
    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer: ...
    def rules(self) -> tuple[Rule, ...] | None: ...
    def close(self) -> None: ...


def _azure(spec: SourceSpec) -> Source:
    # Its SDK is loaded where a run names a container only.
    from mirrorfold.transforms.stores.azure import AzureSource
    from mirrorfold.transforms.stores.azure_client import AZURE_ERRORS, from_azure

    try:
        return AzureSource(spec)
    except AZURE_ERRORS as error:
        raise from_azure(error) from error


_KINDS: dict[str, Callable[[SourceSpec], Source]] = {
    "s3": S3Source,
    "gs": GcsSource,
    "az": _azure,
    "file": FolderSource,
}


class OpenStores:
    """The `Stores` of a run: sources by store and bucket, each opened when first asked; safe for threads."""

    def __init__(self, specs: tuple[SourceSpec, ...]):
        self._specs = specs
        self._open: dict[tuple[str, str], Source] = {}
        self._lock = threading.Lock()

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        return self.source(ref.store, ref.bucket, ref.library).read(ref, start, stop)

    def head(self, ref: ObjectRef) -> Head:
        return self.source(ref.store, ref.bucket, ref.library).head(ref)

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        try:
            source = self.source(ref.store, ref.bucket, ref.library)
        except StoreError as error:
            return HoldAnswer("unknown", "none", f"couldn't ask: {error.message}")
        return source.hold(ref)

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        try:
            source = self.source(ref.store, ref.bucket, ref.library)
        except StoreError as error:
            return LastingAnswer("unknown", f"couldn't ask: {error.message}")
        return source.lasting(ref, tag)

    def source(self, store: str, bucket: str, library: str = "") -> Any:
        """Open a bucket or folder, or give it again; each kind of store lists in its own way besides.

        Raises:
          StoreError: its credentials, profile or endpoint can't be used, or its name stayed with its owner.
        """
        if is_withheld(bucket):
            raise StoreError("denied", "its name stayed with its owner, who alone can be asked")
        name = (store, bucket)
        found = self._open.get(name)
        if found is not None:
            return found
        with self._lock:
            if name not in self._open:
                self._open[name] = open_source(self._spec(store, bucket, library))
            return self._open[name]

    def _spec(self, store: str, bucket: str, library: str) -> SourceSpec:
        """Choose whose settings reach a bucket: the spec that names it, else a report that lists into it."""
        exact = [spec for spec in self._specs if (spec.store, spec.bucket) == (store, bucket)]
        reports = [spec for spec in self._specs if spec.kind != "live" and spec.library == library]
        for spec in sorted(exact, key=lambda spec: spec.library != library) + reports:
            return replace(spec, store=store, bucket=bucket)
        return SourceSpec(library, "live", store, bucket)

    def close(self) -> None:
        with self._lock:
            for source in self._open.values():
                source.close()
            self._open.clear()


def open_source(spec: SourceSpec) -> Source:
    """Open one bucket or folder.

    Raises:
      StoreError: its credentials, profile or endpoint can't be used.
    """
    try:
        return _KINDS[spec.store](spec)
    except EndpointRefusedError as error:
        raise StoreError("denied", str(error)) from error
    except BOTO_ERRORS as error:
        raise from_boto(error) from error
    except GOOGLE_ERRORS as error:
        raise from_google(error) from error
    except KeyError as error:
        raise store_error("unreachable", f"no store is called {spec.store!r}") from error


_OPENED: dict[tuple, OpenStores] = {}
_OPENING = threading.Lock()
_ENVIRONMENT = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")
"""What the SDKs' default chains read: clients opened under other values aren't the same clients."""


def open_stores(specs: tuple[SourceSpec, ...]) -> OpenStores:
    """Open the sources of a run: one set of clients per process, shared by its threads."""
    name = (specs, *sorted(item for item in os.environ.items() if item[0].startswith(_ENVIRONMENT)))
    with _OPENING:
        if name not in _OPENED:
            _OPENED[name] = OpenStores(specs)
        return _OPENED[name]
