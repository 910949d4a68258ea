"""`savings`: what each library x storage class x tier x action is worth."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

SAVINGS = Table(
    name="savings",
    version=1,
    order=("library", "store", "storage_class", "tier", "action"),
    shard_key=("library",),
    schema=pa.schema(
        [
            column("library", pa.string(), "the library", nullable=False),
            column("store", pa.string(), "s3, gs or file", nullable=False),
            column("storage_class", pa.string(), "as the store names it", nullable=False),
            column(
                "tier",
                pa.string(),
                "tier to the kept copy; 'none' for objects that are kept themselves",
                nullable=False,
            ),
            column(
                "action",
                pa.string(),
                "keep, quarantine, review or blocked; 'below-cutoff' for kept rows not worth a review",
                nullable=False,
            ),
            column("objects", pa.int64(), "object versions", nullable=False),
            column("bytes", pa.int64(), "bytes of these objects", nullable=False),
            column(
                "bytes_freed",
                pa.int64(),
                "bytes freed at once (quarantine) or if people agree (review)",
                nullable=False,
            ),
            column("monthly", pa.float64(), "money saved a month by the bytes freed; null where no price is known"),
            column(
                "yearly", pa.float64(), "the same for a year, after the quarantine days; null where no price is known"
            ),
            column(
                "one_off",
                pa.float64(),
                "one-off money: avoided migration less early-deletion charges; null where not known",
            ),
            column("currency", pa.string(), "ISO 4217 code of the money columns", nullable=False),
            column("price_source", pa.string(), "where the price was found; null where none is known"),
            column("price_date", pa.date32(), "date of that price"),
        ]
    ),
)
