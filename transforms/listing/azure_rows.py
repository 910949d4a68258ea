"""Azure listing pages -> rows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key, make_uri
from mirrorfold.transforms.listing.rows import RANK, block_of


def azure_rows(
    blobs: Sequence[Any], facts: Sequence[Mapping[str, Any]], *, library: str, bucket: str, rank: int
) -> pa.Table:
    """Make a block of RAW from one page of blobs (anything with the attributes of azure.storage.blob.BlobProperties).

    Args:
      facts: for each blob its `version`, `etag`, `hold`, `retain_until` and `archived`.
    """
    keys = [escape_key(blob.name.encode()) for blob in blobs]
    return block_of(
        len(blobs),
        {
            RANK: rank,
            "uri": [make_uri("az", bucket, key) for key in keys],
            "library": library,
            "store": "az",
            "bucket": bucket,
            "key": keys,
            **{name: [one[name] for one in facts] for name in ("version", "etag", "hold", "retain_until", "archived")},
            "size": [blob.size or 0 for blob in blobs],
            "storage_class": [str(getattr(blob.blob_tier, "value", blob.blob_tier) or "Hot") for blob in blobs],
            "last_modified": [blob.last_modified for blob in blobs],
            "is_latest": [_is_latest(blob) for blob in blobs],
            "is_delete_marker": False,
            "content_type": [blob.content_settings.content_type for blob in blobs],
            "md5": [_hex(blob.content_settings.content_md5) for blob in blobs],
            "expires_at": [_gone_at(blob) for blob in blobs],
        },
    )


def _is_latest(blob: Any) -> bool:
    if blob.deleted or blob.snapshot:
        return False
    return bool(blob.is_current_version) if blob.version_id else True


def _hex(md5: Any) -> str | None:
    return bytes(md5).hex() if md5 and len(md5) == 16 else None


def _gone_at(blob: Any) -> datetime.datetime | None:
    if not blob.deleted or blob.deleted_time is None or blob.remaining_retention_days is None:
        return None
    day = blob.deleted_time.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + datetime.timedelta(days=int(blob.remaining_retention_days) + 1)
