"""Azure Blob (and Data Lake Gen2) as a source: bytes through obstore, look-ups and snapshots through its SDK."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from azure.core import MatchConditions
from azure.storage.blob import BlobProperties

from mirrorfold.transforms.stores.advice import unanswered
from mirrorfold.transforms.stores.api import Head, HoldAnswer, LastingAnswer, ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.azure_client import AZURE_ERRORS, azure_access, from_azure
from mirrorfold.transforms.stores.clock import in_force
from mirrorfold.transforms.stores.errors import changed
from mirrorfold.transforms.stores.keys import real_key
from mirrorfold.transforms.stores.lifecycle import Rule
from mirrorfold.transforms.stores.pace import Pace
from mirrorfold.transforms.stores.reading import Bounds, BytesReader
from mirrorfold.transforms.stores.s3_client import ONCE

SNAPSHOT = "snapshot:"
"""How `version` begins where it names a snapshot, not a version."""
_RIGHT = "Storage Blob Data Reader"
_ALL = ["versions", "snapshots", "deleted", "deletedwithversions", "immutabilitypolicy", "legalhold"]
_ASKED: tuple[list[str], ...] = (_ALL, ["snapshots", "deleted", "immutabilitypolicy", "legalhold"], ["snapshots"], [])
"""What a listing is asked to include: all, or what accounts with a hierarchy of folders and emulators know."""


class AzurePage(NamedTuple):
    """One page: blobs, and how to go on (None at the end)."""

    blobs: list[BlobProperties]
    token: str | None


class AzureSource:
    """Read blobs of one container."""

    def __init__(self, spec: SourceSpec, attempts: int = 6):
        self.spec = spec
        access = azure_access(spec)
        self.client = access.container(spec.bucket, attempts)
        self._slots, self._pace = threading.BoundedSemaphore(spec.concurrency), Pace()
        self._reader = BytesReader(access.byte_store(spec.bucket, retries=ONCE), self._slots, self._pace)
        self._asked = 0
        self._container: list[HoldAnswer] = []

    def _send(self, call: Callable[[], Any], key: str = "") -> Any:
        return self._pace.send(key, lambda: self._once(call))

    def _once(self, call: Callable[[], Any]) -> Any:
        with self._slots:
            try:
                return call()
            except AZURE_ERRORS as error:
                raise from_azure(error) from error

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        precondition = {"if_match": f'"{ref.etag}"'} if ref.etag else {}
        precondition |= {"version": ref.version} if ref.version else {}
        odd, plain = partial(self._read_odd, ref), not ref.version.startswith(SNAPSHOT)
        return self._reader.read(ref, start, stop, precondition, partial(_same_version, ref), odd, plain)

    def _read_odd(self, ref: ObjectRef, bounds: Bounds) -> bytes:
        start, stop = bounds or (0, ref.size)
        part = {"offset": start, "length": stop - start} if stop > start else {}
        options = {**_named(ref), **part, "decompress": False}
        found = self._send(lambda: self._blob(ref).download_blob(**options), ref.key)
        _same_etag(ref, found.properties.etag)
        return self._send(found.readall, ref.key)

    def _blob(self, ref: ObjectRef) -> Any:
        snapshot = ref.version.removeprefix(SNAPSHOT) if ref.version.startswith(SNAPSHOT) else None
        return self.client.get_blob_client(real_key(ref.key), snapshot=snapshot)

    def look_up(self, ref: ObjectRef) -> BlobProperties:
        """Read a blob's properties.

        Raises:
          StoreError: classified.
        """
        found = self._send(lambda: self._blob(ref).get_blob_properties(**_named(ref)), ref.key)
        _same_etag(ref, found.etag)
        return found

    def head(self, ref: ObjectRef) -> Head:
        found = self.look_up(ref)
        return Head(
            etag=etag_of(found),
            size=found.size,
            sha256=None,
            hold=self.hold_of(found).hold,
            archived=is_archived(found),
        )

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        if self.spec.object_lock == "none":
            return HoldAnswer("no", "not-supported", "the operator states that nothing here is locked")
        try:
            return self.hold_of(self.look_up(ref))
        except StoreError as error:
            return HoldAnswer("unknown", "none", unanswered(error, _RIGHT))

    def hold_of(self, blob: BlobProperties) -> HoldAnswer:
        """Read what holds a blob: its own legal hold or policy, else those of its container."""
        if self.spec.object_lock == "none":
            return HoldAnswer("no", "not-supported", "the operator states that nothing here is locked")
        if blob.has_legal_hold:
            return HoldAnswer("yes", "legal-hold", "legal hold is on")
        until = retain_until(blob)
        if until and in_force(until):
            return HoldAnswer("yes", "retention", f"immutable until {until:%Y-%m-%dT%H:%M:%SZ}")
        return self._container_hold()

    def has_lock(self) -> bool | None:
        """Tell whether the container itself holds its blobs; None where that isn't known."""
        return {"yes": True, "no": False}.get(self._container_hold().hold)

    def _container_hold(self) -> HoldAnswer:
        if not self._container:
            self._container = [self._look_up_container()]
        return self._container[0]

    def _look_up_container(self) -> HoldAnswer:
        try:
            found = self._send(self.client.get_container_properties)
        except StoreError as error:
            return HoldAnswer("unknown", "none", unanswered(error, _RIGHT))
        if found.has_legal_hold:
            return HoldAnswer("yes", "legal-hold", "its container is under a legal hold")
        if found.has_immutability_policy and not found.immutable_storage_with_versioning_enabled:
            return HoldAnswer(
                "unknown", "retention", "its container keeps blobs by a policy, whose end its owner alone sees"
            )
        return HoldAnswer("no", "none", "no legal hold and no policy in force")

    def facts(self, blob: BlobProperties) -> dict[str, Any]:
        """Give what a row of the listing says of a blob and only this room knows how to read."""
        hold = self.hold_of(blob).hold
        if hold == "no" and "legalhold" not in _ASKED[self._asked] and self.spec.object_lock is None:
            hold = "unknown"  # the listing couldn't be asked for it
        names = {"version": version_of(blob), "etag": etag_of(blob), "retain_until": retain_until(blob)}
        return {**names, "hold": hold, "archived": is_archived(blob)}

    def list_page(self, prefix: str, token: str | None = None, limit: int = 5000) -> AzurePage:
        """List one page of blobs, versions, snapshots and what is deleted but can be had back.

        Args:
          token: `AzurePage.token` of the page before, None for the first.
        """
        while True:
            include = _ASKED[self._asked]
            listing = self.client.list_blobs(prefix or None, include=include, results_per_page=limit)
            pages: Any = listing.by_page(token)
            try:
                return AzurePage(self._send(partial(_page, pages), prefix), pages.continuation_token or None)
            except StoreError as error:
                # An account that has no versions answers 400 where they are asked for.
                if token or self._asked == len(_ASKED) - 1 or not error.message.startswith(_UNKNOWN):
                    raise
                self._asked += 1

    def rules(self) -> tuple[Rule, ...] | None:
        # An account's rules are told by Azure's control plane alone.
        return () if self.spec.lifecycle == "none" else None

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        try:
            found = self._send(self._blob(ref).get_blob_tags, ref.key)
        except StoreError as error:
            return LastingAnswer("unknown", f"couldn't ask: {error.message}")
        if found.get(tag[0]) == tag[1]:
            return LastingAnswer("tagged", f"carries the quarantine's own tag {tag[0]}={tag[1]}")
        if self.spec.lifecycle == "none":
            return LastingAnswer("yes", "the operator states that no rule deletes here")
        return LastingAnswer("unknown", _SILENT)

    def close(self) -> None:
        self.client.close()


_SILENT = "Azure shows an account's lifecycle rules to its owner alone: where none deletes, say `lifecycle: none`"
_UNKNOWN = "the store didn't answer (400 "


def _page(pages: Any) -> list[BlobProperties]:
    return list(next(pages, ()))


def _named(ref: ObjectRef) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if ref.etag:
        named |= {"etag": f'"{ref.etag}"', "match_condition": MatchConditions.IfNotModified}
    if ref.version and not ref.version.startswith(SNAPSHOT):
        named["version_id"] = ref.version
    return named


def _same_version(ref: ObjectRef, meta: Mapping[str, Any]) -> None:
    _same_etag(ref, meta["e_tag"])


def _same_etag(ref: ObjectRef, found: str | None) -> None:
    if ref.etag and found and found.strip('"') != ref.etag:
        raise changed()


def etag_of(blob: BlobProperties) -> str:
    """Give a blob's ETag without quotes."""
    return (blob.etag or "").strip('"')


def version_of(blob: BlobProperties) -> str:
    """Name a blob's version or snapshot; '' where it is neither."""
    return f"{SNAPSHOT}{blob.snapshot}" if blob.snapshot else blob.version_id or ""


def is_archived(blob: BlobProperties) -> bool:
    """Tell whether the bytes can't be read now: archived, or deleted and kept for a while (undelete it first)."""
    return blob.blob_tier == "Archive" or bool(blob.deleted)


def retain_until(blob: BlobProperties) -> Any:
    """Give the end of a blob's own immutability policy."""
    return blob.immutability_policy.expiry_time if blob.immutability_policy else None
