"""How S3, GCS and Azure list, for whoever lists ranges: pages of entries, and rows made of them."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.listing.azure_rows import azure_rows
from mirrorfold.transforms.listing.gcs_rows import gcs_rows
from mirrorfold.transforms.listing.pages import Page, Pages
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.listing.s3_rows import s3_rows
from mirrorfold.transforms.listing.watch import in_order, out_of_order
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.etags import etag_of
from mirrorfold.transforms.stores.sources import open_stores

PAGE = 1000


def open_pages(spec: SourceSpec, rank: int, limit: int = PAGE) -> S3Pages | GcsPages | AzurePages:
    """Open a bucket or container for listing."""
    kinds: dict[str, Any] = {"s3": S3Pages, "gs": GcsPages, "az": AzurePages}
    return kinds[spec.store](spec, rank, limit)


def is_small(pages: Pages, keys: KeyRange) -> bool:
    """Tell whether a range fits one page.

    Raises:
      StoreError: the store lists in an order of its own, in which ranges would lose keys.
    """
    page = pages.page(keys.after, None)
    if not in_order(pages, page.entries):
        raise out_of_order()
    return page.token is None or (keys.upto is not None and page.last is not None and page.last > keys.upto)


class S3Pages:
    """Pages of an S3 bucket, with versions where it has them and holds where it can have any."""

    cuttable = True

    def __init__(self, spec: SourceSpec, rank: int, limit: int):
        self.spec, self.rank, self.limit = spec, rank, limit
        self.source = open_stores((spec,)).source("s3", spec.bucket)
        locked = self.source.has_lock() is not False
        self.pool = ThreadPoolExecutor(spec.concurrency, "holds") if locked else None

    def probe(self, after: str | None) -> str | None:
        token = None
        while True:
            found = self.source.list_page(self.spec.prefix, after, token, limit=1)
            if found.entries:
                return min(entry["Key"] for entry in found.entries)
            if found.token in (None, token):  # a store that stays where it is: its pages tell
                return None
            token = found.token

    def page(self, after: str | None, token: Any) -> Page:
        if not self.source.versioned():
            found = self.source.list_page(self.spec.prefix, after, token, self.limit)
            return Page(found.entries, found.entries[-1]["Key"] if found.entries else None, found.token)
        # Some servers give the version that a page ended with once more: what the last key showed travels along.
        token, last, seen = token or (None, None, frozenset())
        found = self.source.list_page(self.spec.prefix, after, token, self.limit)
        # Versions and delete markers come apart, each in order.
        entries = sorted(found.entries, key=lambda entry: entry["Key"])
        entries = [entry for entry in entries if entry["Key"] != last or entry["VersionId"] not in seen]
        if entries:
            seen = seen if entries[-1]["Key"] == last else frozenset()
            last = entries[-1]["Key"]
            seen |= {entry["VersionId"] for entry in entries if entry["Key"] == last}
        return Page(entries, last, found.token and (found.token, last, seen))

    def key(self, entry: dict[str, Any]) -> str:
        return entry["Key"]

    def rows(self, entries: list[dict[str, Any]]) -> pa.Table:
        versioned = self.source.versioned()
        return s3_rows(
            entries,
            library=self.spec.library,
            bucket=self.spec.bucket,
            rank=self.rank,
            versioned=versioned,
            plain_etags=self.source.etag_is_md5(),
            holds=list(self.pool.map(self._hold, entries)) if self.pool else None,
        )

    def _hold(self, entry: dict[str, Any]) -> tuple[str, datetime.datetime | None]:
        if entry.get("IsDeleteMarker"):
            return "no", None
        ref = ObjectRef(
            library=self.spec.library,
            store="s3",
            bucket=self.spec.bucket,
            key=escape_key(entry["Key"].encode()),
            version=entry.get("VersionId", "") if self.source.versioned() else "",
            etag=etag_of(entry),
            size=entry["Size"],
        )
        return self.source.listed_hold(ref)

    def close(self) -> None:
        """End the threads that look up holds."""
        if self.pool:
            self.pool.shutdown()


class GcsPages:
    """Pages of a GCS bucket, with all generations."""

    cuttable = True

    def __init__(self, spec: SourceSpec, rank: int, limit: int):
        self.spec, self.rank, self.limit = spec, rank, limit
        self.source = open_stores((spec,)).source("gs", spec.bucket)
        self.now = datetime.datetime.now(datetime.UTC)

    def probe(self, after: str | None) -> str | None:
        # Offsets include the key itself, with all its generations; most probed names aren't keys, so try one first.
        token, limit = None, 1
        while True:
            found = self.source.list_page(self.spec.prefix, after, token, limit)
            behind = [blob.name for blob in found.blobs if after is None or blob.name > after]
            if behind:
                return behind[0]
            if found.token in (None, token):
                return None
            token, limit = found.token, self.limit

    def page(self, after: str | None, token: Any) -> Page:
        found = self.source.list_page(self.spec.prefix, after, token, self.limit)
        return Page(found.blobs, found.blobs[-1].name if found.blobs else None, found.token)

    def key(self, entry: Any) -> str:
        return entry.name

    def rows(self, entries: list[Any]) -> pa.Table:
        return gcs_rows(entries, library=self.spec.library, bucket=self.spec.bucket, rank=self.rank, now=self.now)

    def close(self) -> None:
        """Nothing stays open."""


class AzurePages:
    """Pages of a container, with versions, snapshots and what is deleted but kept for a while.

    They can't be cut: accounts with a hierarchy of folders list in another order than others.
    """

    cuttable = False

    def __init__(self, spec: SourceSpec, rank: int, limit: int):
        self.spec, self.rank, self.limit = spec, rank, limit
        self.source = open_stores((spec,)).source("az", spec.bucket)

    def probe(self, after: str | None) -> str | None:
        """Nothing can be asked for behind a key."""
        return None

    def page(self, after: str | None, token: Any) -> Page:
        found = self.source.list_page(self.spec.prefix, token, self.limit)
        return Page(found.blobs, found.blobs[-1].name if found.blobs else None, found.token)

    def key(self, entry: Any) -> str:
        return entry.name

    def rows(self, entries: list[Any]) -> pa.Table:
        place: dict[str, Any] = {"library": self.spec.library, "bucket": self.spec.bucket, "rank": self.rank}
        return azure_rows(entries, [self.source.facts(blob) for blob in entries], **place)

    def close(self) -> None:
        """Nothing stays open."""
