"""What a plan expects, and what targets list, as columns."""

from __future__ import annotations

import pyarrow as pa

EXPECTED_SQL = """
    WITH known AS (
        SELECT content_id, min(md5) AS md5, min(crc32c) AS crc32c FROM objects
        WHERE content_id IS NOT NULL GROUP BY content_id)
    SELECT row_number() OVER (ORDER BY d.uri, d.version) - 1 AS e, d.uri, d.version, d.library, o.store, o.bucket,
        o.key, d.size, d.etag, d.storage_class, o.last_modified,
        CASE WHEN d.rule IN ('door', 'link') THEN 0 ELSE d.size END AS stored,
        coalesce(d.content_id, o.sha256) AS sha256, coalesce(o.md5, known.md5) AS md5,
        coalesce(o.crc32c, known.crc32c) AS crc32c, o.is_latest, d.action, d.content_id
    FROM decisions d JOIN objects o USING (uri, version) LEFT JOIN known ON known.content_id = d.content_id
    WHERE NOT o.is_delete_marker ORDER BY e"""
"""Every object version of a plan that has bytes. Where one copy's listing stated a digest, it holds for all of them."""

FOUND = pa.schema(
    [
        ("t", pa.int64()),
        ("target", pa.int32()),
        ("role", pa.string()),
        ("uri", pa.string()),
        ("version", pa.string()),
        ("library", pa.string()),
        ("store", pa.string()),
        ("bucket", pa.string()),
        ("key", pa.string()),
        ("rel", pa.string()),
        ("size", pa.int64()),
        ("etag", pa.string()),
        ("storage_class", pa.string()),
        ("sha256", pa.string()),
        ("md5", pa.string()),
        ("crc32c", pa.string()),
        ("checksum_algorithm", pa.string()),
        ("archived", pa.bool_()),
        ("is_latest", pa.bool_()),
        ("serves", pa.string()),
        ("was_read", pa.bool_()),
    ]
)
"""What targets list: `role` is home, destination or quarantine; `rel` the key below the target; `serves` the only
library that the target is for, null for all; `was_read` whether `sha256` was taken from the bytes here."""
