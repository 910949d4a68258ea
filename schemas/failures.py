"""`failures`: one row per object that couldn't be read or decoded, or that isn't read on purpose."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

STAGES = {
    "skipped": "not read on purpose",
    "fetch": "the store didn't give the bytes",
    "decode": "the bytes aren't a picture we can read",
}

CODES = {
    # skipped
    "archived": "in an archive class: restore it first",
    "not-an-image": "the name or the first bytes say that it isn't an image",
    "empty": "no bytes",
    "delete-marker": "a delete marker of a versioned bucket",
    "noncurrent": "an older version; the bucket's lifecycle rules own it",
    "link": "a link that leads out of its source: not followed unless follow_links says so",
    # fetch: these count towards the stopping threshold
    "denied": "the credentials may not read it",
    "throttled": "the store kept asking to slow down",
    "unreachable": "the store didn't answer",
    "vanished": "listed, but gone or changed when read",
    "encrypted": "customer-provided key (SSE-C): we can't read it",
    "too-large": "more bytes than the budget allows to fetch",
    # decode: these never stop a run by default
    "truncated": "the file ends before the picture does",
    "corrupt": "the picture's data is damaged: a second decoder can't read it either",
    "unverified": "its decoder can't read it, and no second one is here to confirm that it is damaged",
    "unsupported": "an image format or variant that no allowed decoder reads",
    "too-many-pixels": "the header declares more pixels than the budget",
    "too-much-memory": "decoding would take more memory than the budget",
    "too-slow": "decoding took longer than the budget",
    "crashed": "the decoder crashed on it, in its own process",
}
"""Every stable error code with what it means. Adding one is a minor change, renaming one is not allowed."""

STORE_CODES = frozenset({"denied", "throttled", "unreachable", "vanished"})
"""The codes that count towards the stopping threshold: the store failed, not the file."""

FAILURES = Table(
    name="failures",
    version=2,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("library", pa.string(), "its library", nullable=False),
            column("stage", pa.string(), "skipped, fetch or decode", nullable=False),
            column("error", pa.string(), "a stable code, see CODES", nullable=False),
            column(
                "message",
                pa.string(),
                "what happened, for a person, without anything that differs between runs",
                nullable=False,
            ),
            column("sha256", pa.string(), "lowercase hex SHA-256 of its bytes; null where they weren't read whole"),
        ]
    ),
)
