"""Live listing of one source: a range of a bucket, or a folder, as blocks of rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.listing.folder import folder_of, folder_rows, walk
from mirrorfold.transforms.listing.gcs_rows import gcs_rows
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.listing.s3_rows import s3_rows
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.sources import open_stores

ROWS = 20_000
"""Rows of a raw block: small enough to stream, large enough for Parquet."""


def list_live(spec: SourceSpec, rank: int, keys: KeyRange) -> Iterator[pa.Table]:
    """List a source's keys in a range, as blocks of RAW of about ROWS rows.

    Raises:
      StoreError: the store refuses or doesn't answer, or a folder can't be read.
    """
    if spec.store == "file":
        found = walk(folder_of(spec.bucket))
        while entries := list(islice(found, ROWS)):
            yield folder_rows(entries, library=spec.library, bucket=spec.bucket, rank=rank)
        return
    pages = list_s3(spec, rank, keys) if spec.store == "s3" else list_gcs(spec, rank, keys)
    yield from in_blocks(pages)


def in_blocks(pages: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join pages into blocks of about ROWS rows."""
    waiting: list[pa.Table] = []
    for page in pages:
        waiting.append(page)
        if sum(block.num_rows for block in waiting) >= ROWS:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def list_s3(spec: SourceSpec, rank: int, keys: KeyRange) -> Iterator[pa.Table]:
    """List a range of an S3 bucket, page by page, with holds where the bucket can have any."""
    source: Any = open_stores((spec,)).source("s3", spec.bucket)
    locked = source.has_lock() is not False
    token = None
    with ThreadPoolExecutor(spec.concurrency, "holds") as pool:
        while True:
            page = source.list_page(spec.prefix, keys.after, token)
            entries = [entry for entry in page.entries if keys.holds(entry["Key"])]
            markers = [entry for entry in page.delete_markers if keys.holds(entry["Key"])]
            refs = [_ref(spec, entry, page.versioned) for entry in entries] if locked else []
            yield s3_rows(
                entries,
                markers=markers,
                library=spec.library,
                bucket=spec.bucket,
                rank=rank,
                versioned=page.versioned,
                plain_etags=source.etag_is_md5(),
                holds=list(pool.map(source.listed_hold, refs)) if locked else None,
            )
            seen = len(entries) + len(markers) < len(page.entries) + len(page.delete_markers)
            if page.token is None or (seen and keys.upto is not None):
                return
            token = page.token


def _ref(spec: SourceSpec, entry: dict[str, Any], versioned: bool) -> ObjectRef:
    return ObjectRef(
        library=spec.library,
        store="s3",
        bucket=spec.bucket,
        key=escape_key(entry["Key"].encode()),
        version=entry["VersionId"] if versioned else "",
        etag=entry["ETag"].strip('"'),
        size=entry["Size"],
    )


def list_gcs(spec: SourceSpec, rank: int, keys: KeyRange) -> Iterator[pa.Table]:
    """List a range of a GCS bucket, page by page."""
    source: Any = open_stores((spec,)).source("gs", spec.bucket)
    now = datetime.datetime.now(datetime.UTC)
    token = None
    while True:
        page = source.list_page(spec.prefix, keys.after, token)
        blobs = [blob for blob in page.blobs if keys.holds(blob.name)]
        yield gcs_rows(blobs, library=spec.library, bucket=spec.bucket, rank=rank, now=now)
        past = bool(page.blobs) and keys.upto is not None and page.blobs[-1].name > keys.upto
        if page.token is None or past:
            return
        token = page.token
