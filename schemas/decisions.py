"""`decisions`: one row for EVERY listed object version; and `hold_checks`, the look-ups behind them."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import STRINGS, TIMESTAMP, Table, column

ACTIONS = ("keep", "quarantine", "review", "blocked")

DECISIONS = Table(
    name="decisions",
    version=3,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("etag", pa.string(), "its etag when decided on: the acting tool's precondition", nullable=False),
            column("library", pa.string(), "its library", nullable=False),
            column("storage_class", pa.string(), "its storage class", nullable=False),
            column("size", pa.int64(), "bytes", nullable=False),
            column("content_id", pa.string(), "its content; null when unread"),
            column("cluster_id", pa.string(), "its cluster; null without a twin"),
            column("family_id", pa.string(), "its family; null without a twin"),
            column("action", pa.string(), "keep, quarantine, review or blocked", nullable=False),
            column("rule", pa.string(), "name of the policy rule that decided", nullable=False),
            column("reason", pa.string(), "the same as a sentence that a curator can read", nullable=False),
            column(
                "tier_to_kept",
                pa.string(),
                "tier between this object and the kept one; identical means the same content_id",
            ),
            column("kind", pa.string(), "kind of variant of the kept one, as in pairs; copy for the same bytes"),
            column("kept_uri", pa.string(), "the kept copy that stands for this object; null when it is kept itself"),
            column("kept_version", pa.string(), "its version"),
            column("kept_etag", pa.string(), "its etag when decided on"),
            column(
                "bytes_freed",
                pa.int64(),
                "bytes this row frees: at once (quarantine) or if people agree (review); else 0",
                nullable=False,
            ),
            column(
                "bytes_below_cutoff",
                pa.int64(),
                "bytes a review could free, but not enough to be worth a person's time",
                nullable=False,
            ),
            column(
                "bytes_if_same",
                pa.int64(),
                "bytes this row would free if people said that it shows the kept copy's picture, whatever it does now",
            ),
            column(
                "review_batch",
                pa.string(),
                "filter under which one human action settles this row with others; null unless a review could free it",
            ),
            column("role", pa.string(), "master, derivative or variant, by the policy's rules"),
            column("catalogue_no", pa.string(), "catalogue number, from the sidecar catalogue or else from the file"),
            column("jurisdiction", pa.string(), "of the scope the object lies in"),
            column("scope", pa.string(), "name of the policy's scope"),
            column("package", pa.string(), "what it is a part of, as in objects"),
            column("companions", STRINGS, "files that belong to it, as in objects"),
            column(
                "counts_as_copy",
                pa.bool_(),
                "whether it would count as a kept copy: current, readable, read and lasting",
            ),
            column(
                "copies_left", pa.int32(), "copies of the same bytes kept once the plan is carried out", nullable=False
            ),
            column("copies_left_here", pa.int32(), "of these, in the object's own jurisdiction", nullable=False),
            column(
                "conflicts",
                STRINGS,
                "fields whose values disagree with the copy that is kept, or would be: licence, creator ...",
                nullable=False,
            ),
            column(
                "earlier",
                pa.string(),
                "planned: an earlier plan named these bytes to go, and they are still there; rotted: the bytes changed "
                "though the store's listing didn't; denied: its own bag or OCFL object states other bytes",
            ),
            column(
                "earlier_kept_uri",
                pa.string(),
                "of what an earlier plan named: the kept copy because of which it did",
            ),
            column("earlier_kept_version", pa.string(), "its version"),
            column(
                "read_sha256",
                pa.string(),
                "where there is no content: SHA-256 of its bytes as last read whole, by this run or an earlier one",
            ),
            column("rules_lost", STRINGS, "rules that also applied and were outranked", nullable=False),
            column("evidence", STRINGS, "what the decision rests on: sha256, pair ids, verdict ids", nullable=False),
            column("premis_event", pa.string(), "PREMIS event type of the decision: policy assignment", nullable=False),
            column("policy_hash", pa.string(), "SHA-256 of the resolved policy", nullable=False),
            column("code_version", pa.string(), "version of mirrorfold that decided", nullable=False),
        ]
    ),
)

HOLD_CHECKS = Table(
    name="hold_checks",
    version=1,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version", nullable=False),
            column("hold", pa.string(), "yes, no or unknown", nullable=False),
            column(
                "kind",
                pa.string(),
                "legal-hold, retention, temporary, event-based, hold-list, none or not-supported",
                nullable=False,
            ),
            column(
                "checked_at", TIMESTAMP, "when the store was asked; the one wall-clock time in a table", nullable=False
            ),
            column("detail", pa.string(), "what the store answered", nullable=False),
        ]
    ),
)
