"""`rereadings`: the kept copies that a quarantine's rows name, as an export read them once more.

One row for each such copy of the plan that was exported last. Written by `mirrorfold export`, never by a run; the next
audit reads again what is `rotted` here.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import TIMESTAMP, Table, column

OUTCOMES = {
    "same": "its bytes are those that were hashed",
    "rotted": "its bytes are others",
    "unread": "the store didn't give them",
}

REREADINGS = Table(
    name="rereadings",
    version=1,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the kept copy", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("content_id", pa.string(), "SHA-256 of its bytes, by the plan", nullable=False),
            column("sha256", pa.string(), "SHA-256 of its bytes as they were read; null where they weren't to the end"),
            column("outcome", pa.string(), "same, rotted or unread", nullable=False),
            column("detail", pa.string(), "of unread: the store's error, a code as in failures"),
            column("plan", pa.string(), "SHA-256 of the decisions that it was read for", nullable=False),
            column("read_at", TIMESTAMP, "when it was read: of a killed export, by that one", nullable=False),
        ]
    ),
)
