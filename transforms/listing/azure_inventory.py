"""Blocks of Azure's blob inventory reports -> rows, column by column."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.table import TIMESTAMP
from mirrorfold.transforms.listing.encodings import base64_to_hex, escape_keys, extra_map
from mirrorfold.transforms.listing.inventory_rows import Columns
from mirrorfold.transforms.listing.rows import RANK, block_of

SNAPSHOT = "snapshot:"


def azure_inventory_rows(
    block: pa.Table, *, library: str, bucket: str, rank: int, locked: bool | None, now: datetime.datetime
) -> pa.Table:
    """Make a block of RAW from a block of a blob inventory report; blobs of other containers are left out.

    Args:
      locked: whether the container itself holds its blobs; None where that isn't known: then absent holds are unknown.
      now: tells a policy in force from one that is over.
    """
    whole = Columns(block)
    columns = Columns(block.filter(pc.fill_null(pc.starts_with(whole.get("Name"), f"{bucket}/"), False)))
    keys = escape_keys(pc.utf8_slice_codeunits(columns.get("Name"), len(bucket) + 1))
    snapshot, version = columns.get("Snapshot"), columns.get("VersionId")
    deleted = pc.fill_null(columns.get("Deleted", pa.bool_()), False)
    until = columns.get("ImmutabilityPolicyUntilDate", TIMESTAMP)
    tier = pc.coalesce(columns.get("AccessTier"), pa.scalar("Hot"))
    current = pc.fill_null(columns.get("IsCurrentVersion", pa.bool_()), pc.is_null(version))
    return block_of(
        columns.rows,
        {
            RANK: rank,
            "uri": pc.binary_join_element_wise(f"az://{bucket}", keys, "/"),
            "library": library,
            "store": "az",
            "bucket": bucket,
            "key": keys,
            "version": pc.coalesce(pc.binary_join_element_wise(SNAPSHOT, snapshot, ""), version, pa.scalar("")),
            "size": pc.fill_null(columns.get("Content-Length", pa.int64()), 0),
            "etag": pc.coalesce(pc.utf8_trim(columns.get("Etag"), '"'), pa.scalar("")),
            "storage_class": tier,
            "last_modified": columns.get("Last-Modified", TIMESTAMP),
            "hold": _hold(columns, until, locked, now),
            "retain_until": until,
            "is_latest": pc.and_(current, pc.and_(pc.is_null(snapshot), pc.invert(deleted))),
            "is_delete_marker": False,
            "content_type": columns.get("ContentType"),
            "md5": base64_to_hex(columns.get("Content-MD5"), 16),
            "archived": pc.or_(pc.equal(tier, "Archive"), deleted),
            "extra": extra_map(columns.unused(), columns.rows),
        },
    )


def _hold(columns: Columns, until: pa.Array, locked: bool | None, now: datetime.datetime) -> pa.Array:
    held = pc.fill_null(columns.get("LegalHold", pa.bool_()), False)
    held = pc.or_(held, pc.fill_null(pc.greater(until, pa.scalar(now, TIMESTAMP)), False))
    stated = locked is False and columns.has("LegalHold") and columns.has("ImmutabilityPolicyUntilDate")
    return pc.if_else(held, "yes", "no" if stated else "yes" if locked else "unknown")
