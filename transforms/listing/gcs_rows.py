"""GCS listing pages -> rows."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key, make_uri
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.clock import in_force


def gcs_rows(blobs: Sequence[Any], *, library: str, bucket: str, rank: int, now: datetime.datetime) -> pa.Table:
    """Make a block of RAW from one page of blobs (anything with the attributes of google.cloud.storage.Blob).

    Args:
      now: tells retention in force from retention that is over.
    """
    keys = [escape_key(blob.name.encode()) for blob in blobs]
    ends = [_retain_until(blob) for blob in blobs]
    return block_of(
        len(blobs),
        {
            RANK: rank,
            "uri": [make_uri("gs", bucket, key) for key in keys],
            "library": library,
            "store": "gs",
            "bucket": bucket,
            "key": keys,
            "version": [str(blob.generation) for blob in blobs],
            "size": [blob.size or 0 for blob in blobs],
            "etag": [blob.etag or "" for blob in blobs],
            "storage_class": [blob.storage_class or "STANDARD" for blob in blobs],
            "last_modified": [blob.updated or blob.time_created for blob in blobs],
            "hold": [_hold(blob, end, now) for blob, end in zip(blobs, ends, strict=True)],
            "retain_until": ends,
            "is_latest": [blob.time_deleted is None for blob in blobs],
            "is_delete_marker": False,
            "content_type": [blob.content_type for blob in blobs],
            "md5": [base64_to_hex(blob.md5_hash) for blob in blobs],
            "crc32c": [base64_to_hex(blob.crc32c) for blob in blobs],
            "encryption": ["SSE-KMS" if blob.kms_key_name else None for blob in blobs],
            "archived": False,
        },
    )


def base64_to_hex(value: str | None) -> str | None:
    """Turn GCS's base64 hashes to lowercase hex; composites have no MD5."""
    return base64.b64decode(value).hex() if value else None


def _retain_until(blob: Any) -> datetime.datetime | None:
    ends = [end for end in (blob.retention_expiration_time, blob.retention.retain_until_time) if end]
    return max(ends, default=None)


def _hold(blob: Any, end: datetime.datetime | None, now: datetime.datetime) -> str:
    return "yes" if blob.temporary_hold or blob.event_based_hold or (end is not None and in_force(end, now)) else "no"
