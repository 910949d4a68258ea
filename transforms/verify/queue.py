"""The review queue against the decisions: what people are shown is what the decision would be."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.verify.checks import Check

COLUMNS = frozenset(
    ("cluster_id", "kept", "other", "bytes_freed", "bytes_if_same", "conflicts", "sample_only", "beside")
)

QUEUE_CHECKS: tuple[Check, ...] = (
    Check(4, "review/queue", "an object waits for people and its pair isn't asked about", """
        SELECT uri, version FROM decisions d WHERE action = 'review' AND NOT EXISTS (
            SELECT 1 FROM queue q WHERE q.other = d.content_id AND NOT q.sample_only AND q.beside = '')"""),
    Check(4, "review/queue", "a pair is called below the cut-off that the plan doesn't keep for that", """
        SELECT q.kept, q.other FROM queue q WHERE q.beside = 'below' AND NOT EXISTS (
            SELECT 1 FROM decisions d WHERE d.content_id = q.other AND d.bytes_below_cutoff > 0)"""),
    Check(4, "review/queue", "a pair is asked about that waits for nobody's decision", """
        SELECT q.kept, q.other FROM queue q WHERE NOT q.sample_only AND q.beside = '' AND NOT EXISTS (
            SELECT 1 FROM decisions d WHERE d.content_id = q.other
            AND (d.action = 'review' OR d."rule" = 'identical-first'))"""),
    Check(4, "review/queue", "a pair shows fewer conflicts than the decision on it has", """
        SELECT DISTINCT q.kept, q.other, d.conflicts FROM queue q
        JOIN decisions d ON d.content_id = q.other AND d.cluster_id IS NOT DISTINCT FROM q.cluster_id
        WHERE d.action <> 'quarantine' AND (d.tier_to_kept IS DISTINCT FROM 'identical' OR q.kept = q.other)
            AND (q.kept <> q.other OR d.action = 'review') AND NOT list_has_all(q.conflicts, d.conflicts)"""),
    Check(4, "review/queue", "a pair frees other bytes than the decision on it would", """
        SELECT q.kept, q.other, q.bytes_if_same, sum(d.bytes_if_same) AS bytes FROM queue q
        JOIN decisions d ON d.content_id = q.other AND d.cluster_id = q.cluster_id
        WHERE q.kept <> q.other AND d.action <> 'quarantine' AND d.tier_to_kept IS DISTINCT FROM 'identical'
        GROUP BY ALL HAVING sum(d.bytes_if_same) <> q.bytes_if_same"""),
)  # fmt: skip


def open_queue(db: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> bool:
    """Make the view `queue`; tells whether there is one with the columns that are checked."""
    if not paths:
        return False
    db.execute(f"CREATE VIEW queue AS SELECT * FROM {parquet_files(paths)}")
    return {row[0] for row in db.execute("DESCRIBE queue").fetchall()} >= COLUMNS
