"""Blocks of an inventory report -> rows, column by column."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.table import TIMESTAMP
from mirrorfold.transforms.listing.encodings import base64_to_hex, decode_urls, escape_keys, extra_map
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.lifecycle import STATED

BEFORE_S3 = datetime.datetime(2006, 1, 1, tzinfo=datetime.UTC)
STRING = pa.string()
ARCHIVE_CLASSES = pa.array(["GLACIER", "DEEP_ARCHIVE"])
ARCHIVE_TIERS = pa.array(["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS", "ARCHIVE", "DEEP_ARCHIVE"])


class Columns:
    """A block's columns by name, whatever the spelling: `ETag`, `e_tag` and `etag` are one."""

    def __init__(self, block: pa.Table):
        self.rows = block.num_rows
        self._columns = {self._spell(name): name for name in block.column_names}
        self._block = block
        self._used: set[str] = set()

    @staticmethod
    def _spell(name: str) -> str:
        return name.replace("_", "").replace("-", "").lower()

    def has(self, name: str) -> bool:
        """Tell whether the report has a column."""
        return self._spell(name) in self._columns

    def get(self, name: str, kind: pa.DataType = STRING) -> pa.Array:
        """Give a column; nulls where the report hasn't it or a text is empty."""
        if not self.has(name):
            return pa.nulls(self.rows, kind)
        original = self._columns[self._spell(name)]
        self._used.add(original)
        found = self._block.column(original).combine_chunks()
        found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
        if pa.types.is_string(found.type) or pa.types.is_large_string(found.type):
            found = pc.if_else(pc.equal(found, ""), pa.scalar(None, found.type), found)
            if pa.types.is_boolean(kind):
                return pc.equal(pc.utf8_lower(found), "true")
        if pa.types.is_timestamp(found.type) and found.type.tz is None and pa.types.is_timestamp(kind):
            found = pc.assume_timezone(found, "UTC")
        return found if found.type == kind else found.cast(kind, safe=not pa.types.is_timestamp(kind))

    def unused(self) -> dict[str, pa.Array]:
        """Give the columns that nobody asked for."""
        names = [name for name in self._block.column_names if name not in self._used]
        return {name: self._block.column(name).combine_chunks() for name in names}


def s3_inventory_rows(
    block: pa.Table, *, library: str, bucket: str, rank: int, encoded: bool, locked: bool | None, now: datetime.datetime
) -> pa.Table:
    """Make a block of RAW from a block of an S3 inventory report.

    Args:
      encoded: whether keys are URL-encoded (in CSV).
      locked: whether the bucket has object lock; None where that isn't known: then absent hold columns mean unknown.
      now: tells retention in force from retention that is over.
    """
    columns = Columns(block)
    columns.get("Bucket")
    keys = decode_urls(columns.get("Key")) if encoded else escape_keys(columns.get("Key"))
    latest = pc.fill_null(columns.get("IsLatest", pa.bool_()), True)
    version = pc.coalesce(columns.get("VersionId"), pc.if_else(latest, "", "null"))
    etag = pc.coalesce(pc.utf8_trim(columns.get("ETag"), '"'), pa.scalar(""))
    storage = pc.coalesce(columns.get("StorageClass"), pa.scalar("STANDARD"))
    tier = columns.get("IntelligentTieringAccessTier")
    encryption = columns.get("EncryptionStatus")
    until = columns.get("ObjectLockRetainUntilDate", TIMESTAMP)
    # ORC counts nanoseconds: dates after 2262 wrap round to before there was S3, and mean a retention still in force.
    until = pc.if_else(pc.less(until, pa.scalar(BEFORE_S3, TIMESTAMP)), pa.scalar(None, TIMESTAMP), until)
    archived = pc.or_(pc.is_in(storage, ARCHIVE_CLASSES), pc.is_in(tier, ARCHIVE_TIERS))
    plain = pc.and_(
        pc.match_substring_regex(etag, "^[0-9a-f]{32}$"),
        pc.fill_null(pc.is_in(encryption, pa.array(["SSE-S3", "NOT-SSE"])), False),
    )
    hold = _s3_hold(columns, until, locked, now)
    return block_of(
        columns.rows,
        {
            RANK: rank,
            "uri": pc.binary_join_element_wise(f"s3://{bucket}", keys, "/"),
            "library": library,
            "store": "s3",
            "bucket": bucket,
            "key": keys,
            "version": version,
            "size": pc.fill_null(columns.get("Size", pa.int64()), 0),
            "etag": etag,
            "storage_class": storage,
            "last_modified": columns.get("LastModifiedDate", TIMESTAMP),
            "hold": hold,
            "retain_until": until,
            "is_latest": latest,
            "is_delete_marker": pc.fill_null(columns.get("IsDeleteMarker", pa.bool_()), False),
            "md5": pc.if_else(plain, etag, pa.scalar(None, pa.string())),
            "checksum_algorithm": columns.get("ChecksumAlgorithm"),
            "encryption": encryption,
            "replication_status": columns.get("ReplicationStatus"),
            "archived": archived,
            "expires_at": columns.get("LifecycleExpirationDate", TIMESTAMP),
            "lifecycle": STATED if columns.has("LifecycleExpirationDate") else None,
            "extra": extra_map(_with_tier(columns.unused(), tier), columns.rows),
        },
    )


def _with_tier(unused: dict[str, pa.Array], tier: pa.Array) -> dict[str, pa.Array]:
    return unused if tier.null_count == len(tier) else {**unused, "IntelligentTieringAccessTier": tier}


def _s3_hold(columns: Columns, until: pa.Array, locked: bool | None, now: datetime.datetime) -> pa.Array | str:
    if locked is False:
        return "no"
    legal = pc.equal(columns.get("ObjectLockLegalHoldStatus"), "ON")
    event = pc.equal(columns.get("ObjectLockEventHoldStatus"), "ON")
    mode = columns.get("ObjectLockMode")
    in_force = pc.fill_null(pc.greater(until, pa.scalar(now, TIMESTAMP)), True)
    kept = pc.and_(pc.is_valid(mode), in_force)
    held = pc.or_(kept, pc.or_(pc.fill_null(legal, False), pc.fill_null(event, False)))
    stated = all(columns.has(name) for name in ("ObjectLockLegalHoldStatus", "ObjectLockMode"))
    stated = stated and columns.has("ObjectLockRetainUntilDate")
    return pc.if_else(held, "yes", "no" if stated else "unknown")


def gcs_inventory_rows(block: pa.Table, *, library: str, bucket: str, rank: int, now: datetime.datetime) -> pa.Table:
    """Make a block of RAW from a block of a Storage Insights inventory report."""
    columns = Columns(block)
    columns.get("bucket")
    keys = escape_keys(columns.get("name"))
    until = columns.get("retentionExpirationTime", TIMESTAMP)
    return block_of(
        columns.rows,
        {
            RANK: rank,
            "uri": pc.binary_join_element_wise(f"gs://{bucket}", keys, "/"),
            "library": library,
            "store": "gs",
            "bucket": bucket,
            "key": keys,
            "version": pc.coalesce(columns.get("generation"), pa.scalar("")),
            "size": pc.fill_null(columns.get("size", pa.int64()), 0),
            "etag": pc.coalesce(columns.get("etag"), pa.scalar("")),
            "storage_class": pc.coalesce(columns.get("storageClass"), pa.scalar("STANDARD")),
            "last_modified": pc.coalesce(columns.get("updated", TIMESTAMP), columns.get("timeCreated", TIMESTAMP)),
            "hold": _gcs_hold(columns, until, now),
            "retain_until": until,
            "is_latest": pc.is_null(columns.get("timeDeleted", TIMESTAMP)),
            "is_delete_marker": False,
            "content_type": columns.get("contentType"),
            "md5": base64_to_hex(columns.get("md5Hash"), 16),
            "crc32c": base64_to_hex(columns.get("crc32c"), 4),
            "archived": False,
            "extra": extra_map(columns.unused(), columns.rows),
        },
    )


def _gcs_hold(columns: Columns, until: pa.Array, now: datetime.datetime) -> pa.Array:
    names = ("temporaryHold", "eventBasedHold")
    held = pc.fill_null(pc.greater(until, pa.scalar(now, TIMESTAMP)), False)
    for name in names:
        held = pc.or_(held, pc.fill_null(columns.get(name, pa.bool_()), False))
    stated = all(columns.has(name) for name in (*names, "retentionExpirationTime"))
    return pc.if_else(held, "yes", "no" if stated else "unknown")
