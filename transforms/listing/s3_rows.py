"""S3 listing pages -> rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.uri import escape_key, make_uri
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.etags import etag_of

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_MD5 = re.compile(r"[0-9a-f]{32}")


def s3_rows(
    entries: Sequence[Mapping[str, Any]],
    *,
    library: str,
    bucket: str,
    rank: int,
    versioned: bool,
    plain_etags: bool,
    holds: Sequence[tuple[str, Any]] | None = None,
) -> pa.Table:
    """Make a block of RAW from one page of ListObjectsV2 or ListObjectVersions, as boto3 gives it.

    Args:
      entries: of `Contents`, or of `Versions` and `DeleteMarkers`, these with IsDeleteMarker.
      versioned: whether the entries name versions.
      plain_etags: whether an ETag without a part count is the MD5 of the bytes (not under SSE-KMS or SSE-C).
      holds: for each entry (hold, end of retention); None where the bucket can have none.
    """
    keys = [escape_key(entry["Key"].encode()) for entry in entries]
    etags = [etag_of(entry) for entry in entries]
    held = holds if holds is not None else [("no", None)] * len(entries)
    return block_of(
        len(entries),
        {
            RANK: rank,
            "uri": [make_uri("s3", bucket, key) for key in keys],
            "library": library,
            "store": "s3",
            "bucket": bucket,
            "key": keys,
            "version": [entry.get("VersionId", "") for entry in entries] if versioned else "",
            "size": [entry.get("Size", 0) for entry in entries],
            "etag": etags,
            "storage_class": [entry.get("StorageClass", "STANDARD") for entry in entries],
            "last_modified": [entry.get("LastModified") for entry in entries],
            "hold": [hold for hold, _ in held],
            "retain_until": [until for _, until in held],
            "is_latest": [entry.get("IsLatest", True) for entry in entries],
            "is_delete_marker": [entry.get("IsDeleteMarker", False) for entry in entries],
            "md5": [
                etag if plain_etags and entry.get("PlainETag", True) and _MD5.fullmatch(etag) else None
                for entry, etag in zip(entries, etags, strict=True)
            ],
            "checksum_algorithm": [_checksum(entry) for entry in entries],
            "archived": [_archived(entry) for entry in entries],
        },
    )


def _checksum(entry: Mapping[str, Any]) -> str | None:
    names = entry.get("ChecksumAlgorithm")
    if not names:
        return None
    kind = entry.get("ChecksumType")
    return f"{names[0]}/{kind}" if kind else names[0]


def _archived(entry: Mapping[str, Any]) -> bool:
    if entry.get("StorageClass") not in ARCHIVE_CLASSES:
        return False
    restored = entry.get("RestoreStatus") or {}
    return not (restored.get("RestoreExpiryDate") and not restored.get("IsRestoreInProgress"))
