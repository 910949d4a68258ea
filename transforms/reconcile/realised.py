"""What became of the bytes that a plan sets aside, and what lies where now: sums by place, without money."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import duckdb
import pyarrow as pa

from mirrorfold.schemas.realised import PARTS

RULES = pa.schema(
    [
        ("store", pa.string()),
        ("storage_class", pa.string()),
        ("least", pa.int64()),
        ("over", pa.int64()),
        ("days", pa.int64()),
    ]
)
"""What classes bill: at least so many bytes, so many over, for so many days."""
PLACE = ("library", "store", "bucket", "storage_class")

PART = """
    CASE WHEN state IN ('deleted', 'deleted-early') THEN 'realised'
        WHEN state = 'quarantined' AND home = 'hidden' AND found_uri = uri THEN 'noncurrent'
        WHEN state = 'quarantined' THEN 'waiting'
        WHEN state = 'restored' THEN 'restored'
        WHEN home IN ('there', 'unproved') THEN 'untouched'
        ELSE 'unknown' END"""


class Days(NamedTuple):
    """When the plan was made, and when what went through its quarantine was deleted at the earliest."""

    made: dt.date
    over: dt.date


def sum_up(
    expected: pa.Table, found: pa.Table, rows: pa.Table, homes: pa.Array, rules: pa.Table, days: Days
) -> pa.Table:
    """Sum bytes, and bytes as they are billed, by library, store, bucket and storage class.

    Args:
      expected, found, rows: of `plan.EXPECTED_SQL`, of `plan.FOUND`, of `reconciliation`.
      homes: numbers (e) of what was asked for in its own place.
      rules: RULES.

    Returns:
      PLACE; objects that are planned; for `before`, `now`, `planned` and each of PARTS NAME_bytes and NAME_billed;
      `early_billed_days`, of what left its place too early; `looked`, whether anybody looked there.
    """
    db = duckdb.connect(config={"threads": 2})
    for name, table in (("e", expected), ("t", found), ("r", rows), ("rules", rules), ("h", pa.table({"e": homes}))):
        db.register(name, table)
    sums = ", ".join(
        f"coalesce(sum({what}) FILTER (part = '{name}'), 0)::BIGINT AS {name}_{what}"
        for name in ("before", "now", "planned", *PARTS)
        for what in ("bytes", "billed")
    )
    found_sums = db.sql(f"""
        WITH place AS (SELECT store, bucket, min(library) AS library FROM e GROUP BY ALL),
        of_e AS (
            SELECT e.*, {PART} AS part, r.home AS home,
                CASE WHEN r.home = 'gone' THEN greatest(0, coalesce(rules.days, 0) - date_diff('day',
                    CAST(e.last_modified AS DATE), CASE WHEN r.state = 'deleted' THEN DATE '{days.over}'
                    ELSE DATE '{days.made}' END)) ELSE 0 END AS early
            FROM e LEFT JOIN r USING (uri, version) LEFT JOIN rules ON rules.store = e.store
                AND rules.storage_class = e.storage_class),
        parts AS (
            SELECT {", ".join(PLACE)}, stored AS bytes, 'before' AS part, 0 AS early FROM e
            UNION ALL SELECT {", ".join(PLACE)}, stored, 'planned', 0 FROM e WHERE action = 'quarantine'
            UNION ALL SELECT {", ".join(PLACE)}, stored, part, early FROM of_e WHERE action = 'quarantine'
            UNION ALL SELECT coalesce(e.library, place.library, t.library), t.store, t.bucket, t.storage_class, t.size,
                'now', 0
            FROM t LEFT JOIN e ON e.uri = t.uri AND e.version = t.version LEFT JOIN place
                ON place.store = t.store AND place.bucket = t.bucket WHERE t.role IN ('home', 'quarantine')),
        billed AS (
            SELECT parts.*, CASE WHEN bytes > 0 THEN greatest(bytes, coalesce(least, 0)) + coalesce(over, 0)
                ELSE 0 END AS billed
            FROM parts LEFT JOIN rules USING (store, storage_class))
        SELECT {", ".join(PLACE)}, count(*) FILTER (part = 'planned') AS planned_objects, {sums},
            sum(billed * early)::BIGINT AS early_billed_days FROM billed GROUP BY ALL ORDER BY ALL""").to_arrow_table()
    db.register("sums", found_sums)
    return db.sql("""
        SELECT sums.*, (store, bucket) IN (SELECT (store, bucket) FROM e JOIN h USING (e)
            UNION SELECT (store, bucket) FROM t WHERE role IN ('home', 'quarantine')) AS looked
        FROM sums ORDER BY library, store, bucket, storage_class""").to_arrow_table()
