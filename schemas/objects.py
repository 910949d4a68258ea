"""`objects`: one row per listed object version."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import STRINGS, TIMESTAMP, Table, column

STORES = ("s3", "gs", "az", "file")
HOLDS = ("yes", "no", "unknown")
FRAIL_CLASSES = ("ONEZONE_IA", "EXPRESS_ONEZONE", "REDUCED_REDUNDANCY", "DURABLE_REDUCED_AVAILABILITY")
"""Storage classes that keep fewer copies, or all of them in one building: another copy is kept before theirs."""

OBJECTS = Table(
    name="objects",
    version=3,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column(
                "uri",
                pa.string(),
                "store://bucket/key, ending in the key literally (see schemas/uri.py)",
                nullable=False,
            ),
            column("library", pa.string(), "the named collection the object's source belongs to", nullable=False),
            column("store", pa.string(), "s3, gs, az or file", nullable=False),
            column(
                "bucket", pa.string(), "the bucket; for folders the absolute path of the source folder", nullable=False
            ),
            column("key", pa.string(), "the key, or the path below the source folder", nullable=False),
            column(
                "version",
                pa.string(),
                "S3 version id, GCS generation, Azure version id or snapshot:TIME; '' where the store has none",
                nullable=False,
            ),
            column("size", pa.int64(), "bytes; 0 for delete markers", nullable=False),
            column(
                "etag",
                pa.string(),
                "the store's ETag without quotes; for files size, mtime_ns, ctime_ns and inode in hex",
                nullable=False,
            ),
            column("storage_class", pa.string(), "as the store names it; FILE for folders", nullable=False),
            column("last_modified", TIMESTAMP, "when this version was written, by the store's clock"),
            column(
                "hold",
                pa.string(),
                "yes, no or unknown: legal hold, retention lock, event or temporary hold",
                nullable=False,
            ),
            column("retain_until", TIMESTAMP, "end of a retention lock, where one is known"),
            column("is_latest", pa.bool_(), "whether this is the current version", nullable=False),
            column("is_delete_marker", pa.bool_(), "an S3 delete marker: no bytes", nullable=False),
            column("content_type", pa.string(), "as the store states it; not trusted"),
            column("md5", pa.string(), "lowercase hex MD5 of the bytes, only where the listing truly states one"),
            column("sha256", pa.string(), "lowercase hex SHA-256 of the whole bytes, where the store states one"),
            column("crc32c", pa.string(), "lowercase hex CRC32C, where the store states one"),
            column(
                "checksum_algorithm", pa.string(), "checksum the store can state on a look-up, e.g. SHA256/FULL_OBJECT"
            ),
            column("encryption", pa.string(), "SSE-S3, SSE-KMS, SSE-C, NOT-SSE where known"),
            column(
                "replication_status", pa.string(), "S3 replication status where known; REPLICA is a deliberate copy"
            ),
            column(
                "archived", pa.bool_(), "in a class or tier whose bytes can't be read without a restore", nullable=False
            ),
            column("expires_at", TIMESTAMP, "when a lifecycle rule will delete it, where known"),
            column(
                "lifecycle",
                pa.string(),
                "unknown: its bucket's lifecycle rules couldn't be read; attributes: they go by what no listing shows "
                "(tags, custom times); null: none will delete it but at expires_at",
            ),
            column("class_to", pa.string(), "storage class that a lifecycle rule will move it to, where known"),
            column(
                "passing",
                pa.string(),
                "why it is no copy of its own that lasts: place (a bin, a snapshot ...), link, link-out (leads out of "
                "its source, unread) or door (the same disk by another way)",
            ),
            column(
                "physical_id", pa.string(), "what physically holds the bytes (device and inode); equal means one copy"
            ),
            column(
                "package",
                pa.string(),
                "what it is a part of, KIND:FOLDER: bagit, ocfl, mets, tiles; pages: a run of numbered pages",
            ),
            column("companions", STRINGS, "files of one stem that belong to it: XMP, AAE, MOV, RAW beside JPEG ..."),
            column("beside", STRINGS, "of a picture: the XMP sidecars that describe it (NAME.xmp, NAME.jpg.xmp)"),
            column(
                "stated",
                pa.map_(pa.string(), pa.string()),
                "what its sidecars state, or an XMP file itself, by column of contents; unread: why one wasn't read",
            ),
            column("extra", pa.map_(pa.string(), pa.string()), "inventory columns that we don't know, as they were"),
            column("content_id", pa.string(), "lowercase hex SHA-256 of the bytes; null when unread or failed"),
            column("identity_evidence", pa.string(), "how content_id is known: read, sha256, md5 or previous"),
        ]
    ),
)
