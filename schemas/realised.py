"""`realised`: the saving as it came true, month by month.

For each month in which somebody reconciled: what lies there and what it costs, and what became of each byte that the
plan sets aside. Written by `mirrorfold reconcile`, never by a run; a later reconciliation of a month replaces its rows.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

PARTS = {
    "realised": "gone from its place and from the quarantine",
    "waiting": "in quarantine, until its days are over and somebody deletes it: still billed",
    "untouched": "still in its place: nobody acted",
    "noncurrent": "behind a delete marker or a newer version: still billed",
    "restored": "written back to its place",
    "unknown": "not looked for, or not where it was looked for",
}
"""What became of what the plan sets aside; each byte of it is in one of these."""

_MONEY = "what that costs a month by today's price book; null where no price is known"
REALISED = Table(
    name="realised",
    version=1,
    order=("month", "library", "store", "bucket", "storage_class"),
    shard_key=("month",),
    schema=pa.schema(
        [
            column("month", pa.string(), "YYYY-MM of the day that was reconciled for", nullable=False),
            column("library", pa.string(), "the library", nullable=False),
            column("store", pa.string(), "s3, gs, az or file", nullable=False),
            column("bucket", pa.string(), "the bucket, or the folder's path", nullable=False),
            column("storage_class", pa.string(), "as the store names it", nullable=False),
            column(
                "owner",
                pa.string(),
                "who pays, by the settings prices.owners or prices.owner_tag; null where they don't say",
            ),
            column("before_bytes", pa.int64(), "what the run listed there", nullable=False),
            column("before_monthly", pa.float64(), _MONEY),
            column("now_bytes", pa.int64(), "what lies there now, older versions too; null where nobody looked"),
            column("now_monthly", pa.float64(), _MONEY),
            column("planned_objects", pa.int64(), "object versions that the plan sets aside", nullable=False),
            column("planned_bytes", pa.int64(), "their bytes: the sum of the six below", nullable=False),
            column("planned_monthly", pa.float64(), _MONEY),
        ]
        + [
            field
            for name, text in PARTS.items()
            for field in (
                column(f"{name}_bytes", pa.int64(), f"of planned_bytes, {text}", nullable=False),
                column(f"{name}_monthly", pa.float64(), _MONEY),
            )
        ]
        + [
            column("unfinished_bytes", pa.int64(), "in unfinished multipart uploads; null where nobody may ask"),
            column("unfinished_monthly", pa.float64(), _MONEY),
            column(
                "early_deletion",
                pa.float64(),
                "at most charged once, for what left its place before the class's minimum days; null without a price",
            ),
            column("currency", pa.string(), "ISO 4217 code of the money columns", nullable=False),
            column("price_source", pa.string(), "where the price was found; null where none is known"),
            column("price_date", pa.date32(), "date of that price"),
        ]
    ),
)
