"""`changes`: what is different from the previous run, and what became of its plan; empty without `--previous`."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

CHANGES_WORDS = {
    "new": "listed now and not before",
    "changed": "the same URI and version with other bytes",
    "rotted": "listed as before, size, time and etag, and its bytes are others: only a reading tells",
    "restated": "the same bytes, and XMP beside it states something else, or is new or gone",
    "vanished": "listed before, and its URI is not listed any more",
    "replaced": "listed before, and its URI stands for another version now",
    "planned": "unchanged, and an earlier plan to quarantine it wasn't acted on",
}

CHANGES = Table(
    name="changes",
    version=2,
    order=("uri", "version"),
    shard_key=("uri",),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("library", pa.string(), "its library", nullable=False),
            column(
                "change", pa.string(), "new, changed, rotted, restated, vanished, replaced or planned", nullable=False
            ),
            column("size", pa.int64(), "bytes now, or when it was last listed", nullable=False),
            column("action_before", pa.string(), "what the previous run decided; null for a new object"),
            column("action", pa.string(), "what this run decides; null where it isn't listed any more"),
            column(
                "bytes_duplicate",
                pa.int64(),
                "new duplication: bytes that this run could free of a new or changed object, at once or by review",
                nullable=False,
            ),
            column(
                "bytes_realised",
                pa.int64(),
                "savings realised: bytes that the previous plan would free, of an object that is gone",
                nullable=False,
            ),
            column(
                "bytes_waiting",
                pa.int64(),
                "bytes that the previous plan would have freed, had it been acted on",
                nullable=False,
            ),
            column(
                "relied_on",
                pa.int64(),
                "objects that the previous plan quarantines because this one is kept; a gone one was their kept copy",
                nullable=False,
            ),
            column("sha256_before", pa.string(), "of a rotted one: SHA-256 of its bytes as they were read before"),
            column("sha256", pa.string(), "of a rotted one: SHA-256 of its bytes as they are read now"),
        ]
    ),
)
