"""`savings`: what each library x bucket x storage class x tier x action costs, and is worth."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

SAVINGS = Table(
    name="savings",
    version=2,
    order=("library", "store", "bucket", "storage_class", "tier", "action"),
    shard_key=("library",),
    schema=pa.schema(
        [
            column("library", pa.string(), "the library", nullable=False),
            column("store", pa.string(), "s3, gs or file", nullable=False),
            column(
                "bucket", pa.string(), "the bucket; empty for folders; null in a table of version 1, which had none"
            ),
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
                "yearly",
                pa.float64(),
                "the same for a year that starts after the quarantine days; null where no price is known",
            ),
            column(
                "one_off",
                pa.float64(),
                "one-off money: avoided migration less early-deletion charges; null where not known",
            ),
            column("region", pa.string(), "region of the bucket; null where it isn't known"),
            column(
                "bytes_below_cutoff",
                pa.int64(),
                "bytes a review could free, but not enough to be worth a person's time",
                nullable=False,
            ),
            column(
                "bytes_extra_copies",
                pa.int64(),
                "bytes of copies that stay because the policy wants more than one of the same bytes: they free nothing",
                nullable=False,
            ),
            column(
                "bytes_hold_unknown",
                pa.int64(),
                "bytes that would go, or be asked about, but for a hold that couldn't be looked up; null in version 1",
            ),
            column(
                "bytes_versioned",
                pa.int64(),
                "of bytes_freed, in versioned S3 buckets: freed only when the named version itself is deleted",
                nullable=False,
            ),
            column(
                "bytes_billed",
                pa.int64(),
                "bytes_freed as the class bills them: at least its minimum size, with its overhead per object",
                nullable=False,
            ),
            column(
                "bytes_billed_today",
                pa.int64(),
                "bytes as the class bills them; null in version 1",
            ),
            column("today_monthly", pa.float64(), "what the row's bytes cost a month as they lie there today"),
            column("today_low", pa.float64(), "the same at the lowest price that may apply"),
            column("today_high", pa.float64(), "the same at the highest price that may apply"),
            column(
                "after_monthly",
                pa.float64(),
                "what is left of today_monthly once bytes_freed are gone: for action review, if people agree",
            ),
            column("monthly_low", pa.float64(), "monthly at the lowest price that may apply"),
            column("monthly_high", pa.float64(), "monthly at the highest price that may apply"),
            column(
                "first_year",
                pa.float64(),
                "saved within a year of the decision: quarantine and soft-delete days are still billed",
            ),
            column("below_cutoff_monthly", pa.float64(), "what bytes_below_cutoff would save a month"),
            column("below_cutoff_low", pa.float64(), "the same at the lowest price that may apply"),
            column("below_cutoff_high", pa.float64(), "the same at the highest price that may apply"),
            column("extra_copies_monthly", pa.float64(), "what bytes_extra_copies cost a month"),
            column("hold_unknown_monthly", pa.float64(), "what bytes_hold_unknown cost a month"),
            column(
                "migration_avoided",
                pa.float64(),
                "GET, retrieval, egress and PUT not paid for these objects; null without a destination or a price",
            ),
            column(
                "migration_cost",
                pa.float64(),
                "the same for current objects that aren't quarantined: what moving them costs once",
            ),
            column(
                "moved_monthly", pa.float64(), "what these cost a month at the destination, as its class bills them"
            ),
            column(
                "early_deletion",
                pa.float64(),
                "at most this is charged for deleting before the class's minimum of days, after the quarantine",
            ),
            column("currency", pa.string(), "ISO 4217 code of the money columns", nullable=False),
            column("price_source", pa.string(), "where the price was found; null where none is known"),
            column("price_date", pa.date32(), "date of that price, the oldest of several"),
            column("note", pa.string(), "what the figures leave out or assume; null where nothing"),
        ]
    ),
)
