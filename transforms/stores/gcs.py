"""GCS as a source: bytes through obstore, look-ups and refused keys through google-cloud-storage."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from google.cloud.storage import Blob
from google.cloud.storage.retry import DEFAULT_RETRY

from mirrorfold.transforms.stores.advice import unanswered
from mirrorfold.transforms.stores.api import Head, HoldAnswer, LastingAnswer, ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.clock import in_force
from mirrorfold.transforms.stores.errors import GOOGLE_ERRORS, changed, from_google, store_error
from mirrorfold.transforms.stores.gcs_client import gcs_access
from mirrorfold.transforms.stores.keys import real_key
from mirrorfold.transforms.stores.lifecycle import Rule, gcs_rules, listed_object, matches
from mirrorfold.transforms.stores.pace import Pace
from mirrorfold.transforms.stores.reading import Bounds, BytesReader
from mirrorfold.transforms.stores.s3_client import ONCE

T = TypeVar("T")

RETRY = DEFAULT_RETRY.with_timeout(180).with_delay(initial=0.5, maximum=20, multiplier=2)


_LISTED = (
    "nextPageToken,items(name,bucket,generation,size,md5Hash,crc32c,etag,storageClass,timeCreated,updated,timeDeleted,"
    "contentType,temporaryHold,eventBasedHold,retentionExpirationTime,retention,kmsKeyName,customerEncryption)"
)


class GcsPage(NamedTuple):
    """One page: blobs, and how to go on (None at the end)."""

    blobs: list[Blob]
    token: str | None


class GcsSource:
    """Read objects of one bucket."""

    def __init__(self, spec: SourceSpec):
        self.spec = spec
        access = gcs_access(spec)
        self.user_project = access.project if spec.requester_pays else None
        self.client = access.client()
        self.bucket = self.client.bucket(spec.bucket, user_project=self.user_project)
        self._slots, self._pace = threading.BoundedSemaphore(spec.concurrency), Pace()
        store = access.byte_store(spec.bucket, user_project=self.user_project, retries=ONCE)
        self._reader = BytesReader(store, self._slots, self._pace)
        self._rules: list[tuple[Rule, ...] | None] = []

    def _send(self, key: str, call: Callable[[], T]) -> T:
        def ask() -> T:
            with self._slots:
                try:
                    return call()
                except GOOGLE_ERRORS as error:
                    raise from_google(error) from error

        return self._pace.send(key, ask)

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        def same(meta: Mapping[str, Any]) -> None:
            if ref.version and meta["version"] and meta["version"] != ref.version:  # emulators ignore the generation
                raise changed()

        precondition = {"version": ref.version} if ref.version else {}
        return self._reader.read(ref, start, stop, precondition, same, partial(self._read_odd, ref))

    def _read_odd(self, ref: ObjectRef, bounds: Bounds) -> bytes:
        blob = self._blob(ref)
        start, end = (bounds[0], bounds[1] - 1) if bounds else (None, None)
        options = {"start": start, "end": end, "raw_download": True, "checksum": None, "retry": RETRY}
        data = self._send(ref.key, lambda: blob.download_as_bytes(**options))
        if ref.version and blob.generation and str(blob.generation) != ref.version:
            raise changed()
        return data

    def list_page(self, prefix: str, after: str | None, token: str | None = None, limit: int = 1000) -> GcsPage:
        """List one page of names, all versions, from `after` (included) on.

        Args:
          token: `GcsPage.token` of the page before, None for the first.
        """
        options: Any = {"prefix": prefix or None, "start_offset": after, "page_token": token, "page_size": limit}

        def page() -> GcsPage:
            listing = self.bucket.list_blobs(versions=True, projection="noAcl", fields=_LISTED, retry=RETRY, **options)
            return GcsPage(list(next(listing.pages, ())), listing.next_page_token)

        return self._send(prefix, page)

    def _blob(self, ref: ObjectRef) -> Blob:
        return self.bucket.blob(real_key(ref.key), generation=int(ref.version) if ref.version else None)

    def look_up(self, ref: ObjectRef) -> Blob:
        """Read an object's metadata.

        Raises:
          StoreError: classified.
        """
        blob = self._blob(ref)
        self._send(ref.key, lambda: blob.reload(retry=RETRY, projection="noAcl"))
        if ref.version and str(blob.generation) != ref.version:
            raise changed()
        return blob

    def head(self, ref: ObjectRef) -> Head:
        blob = self.look_up(ref)
        if blob.size is None:
            raise store_error("unreachable", "metadata without a size")
        return Head(
            etag=blob.etag or "",
            size=blob.size,
            sha256=None,
            hold=hold_of_blob(blob).hold,
            archived=False,
        )

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        try:
            return hold_of_blob(self.look_up(ref))
        except StoreError as error:
            return HoldAnswer("unknown", "none", unanswered(error, "storage.objects.get"))

    def rules(self) -> tuple[Rule, ...] | None:
        """Read the bucket's lifecycle rules; None where that was refused or failed."""
        if not self._rules:
            self._rules = [self._look_up_rules()]
        return self._rules[0]

    def _look_up_rules(self) -> tuple[Rule, ...] | None:
        try:
            self._send("", lambda: self.bucket.reload(retry=RETRY, projection="noAcl"))
        except StoreError:
            return None
        return gcs_rules(list(self.bucket.lifecycle_rules))

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        every = self.rules() or ()
        rules = [rule for rule in every if rule.custom_time and rule.to_class is None]
        try:
            blob = self.look_up(ref)
        except StoreError as error:
            return LastingAnswer("unknown", f"couldn't ask: {error.message}")
        if (blob.metadata or {}).get(tag[0]) == tag[1]:
            return LastingAnswer("tagged", f"carries the quarantine's own mark {tag[0]}={tag[1]}")
        object_ = listed_object(ref, blob.time_created, blob.storage_class or "STANDARD")
        if blob.custom_time and any(matches(object_, rule, every)[0].as_py() for rule in rules):
            return LastingAnswer("no", "a lifecycle rule goes by the custom time it has")
        return LastingAnswer("yes", "no rule goes by a custom time of its own")

    def close(self) -> None:
        self.client.close()


def hold_of_blob(blob: Blob) -> HoldAnswer:
    """Read the hold of an object from its metadata, which always states it."""
    if blob.temporary_hold:
        return HoldAnswer("yes", "temporary", "temporary hold")
    if blob.event_based_hold:
        return HoldAnswer("yes", "event-based", "event-based hold")
    until = retain_until(blob)
    if until and in_force(until):
        return HoldAnswer("yes", "retention", f"retained until {until:%Y-%m-%dT%H:%M:%SZ}")
    return HoldAnswer("no", "none", "no hold and no retention in force")


def retain_until(blob: Blob) -> datetime.datetime | None:
    """Give the later end of the bucket's and the object's own retention."""
    ends = [end for end in (blob.retention_expiration_time, blob.retention.retain_until_time) if end]
    return max(ends, default=None)
