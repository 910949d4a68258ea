"""Whether the next wave may go: what a reconciliation says of the last one."""

from __future__ import annotations

from typing import NamedTuple

import duckdb


class Question(NamedTuple):
    """What stops the next wave: in words, of one and of many, and a query for (uri, state) of what does."""

    one: str
    many: str
    sql: str


_MINE = "w.wave = $wave AND w.refused IS NULL"
QUESTIONS = (
    Question(
        "content that the plan keeps is nowhere",
        "contents that the plan keeps are nowhere",
        "SELECT min(uri) AS uri, '' AS state FROM reconciliation WHERE nowhere AND $wave > 0 "
        "GROUP BY coalesce(content_id, uri || chr(10) || version)",
    ),
    Question(
        "object that the plan keeps is gone from its place",
        "objects that the plan keeps are gone from their places",
        "SELECT uri, '' AS state FROM reconciliation WHERE state = 'deleted-though-kept' AND $wave > 0",
    ),
    Question(
        "row of the wave is {state}",
        "rows of the wave are {state}",
        f"""SELECT w.uri, coalesce(r.state, 'unknown to it') AS state
        FROM waves w LEFT JOIN reconciliation r USING (uri, version)
        WHERE {_MINE} AND coalesce(r.state, '') NOT IN ('quarantined', 'deleted')""",
    ),
    Question(
        "row of the wave lies aside, and its bytes weren't proved",
        "rows of the wave lie aside, and their bytes weren't proved",
        f"""SELECT w.uri, '' AS state FROM waves w JOIN reconciliation r USING (uri, version)
        WHERE {_MINE} AND r.state = 'quarantined' AND r.evidence IS NULL""",
    ),
    Question(
        "kept copy that the wave relies on is {state}",
        "kept copies that the wave relies on are {state}",
        f"""SELECT DISTINCT k.uri, k.state FROM waves w JOIN decisions d USING (uri, version)
        JOIN reconciliation k ON k.uri = d.kept_uri AND k.version = d.kept_version
        WHERE {_MINE} AND k.state IN ('missing', 'changed', 'hidden', 'unproved', 'not-asked')""",
    ),
    Question(
        "row of a later wave is {state}: more was done than a list said",
        "rows of later waves are {state}: more was done than a list said",
        """SELECT w.uri, r.state FROM waves w JOIN reconciliation r USING (uri, version)
        WHERE w.wave > $wave AND r.state IN ('quarantined', 'deleted', 'deleted-early', 'gone')""",
    ),
)


def stops(db: duckdb.DuckDBPyConnection, wave: int) -> list[str]:
    """Say why no wave may follow `wave` yet, a line each; nothing where all of it arrived.

    Args:
      db: with the views waves, decisions and reconciliation, all of one plan.
    """
    return [line for question in QUESTIONS for line in _asked(db, question, wave)]


def _asked(db: duckdb.DuckDBPyConnection, question: Question, wave: int) -> list[str]:
    sql = f"SELECT state, count(*), min(uri) FROM ({question.sql}) GROUP BY 1 ORDER BY 1"
    return [
        f"{count:,} {(question.one if count == 1 else question.many).format(state=state)}, e.g. {uri}"
        for state, count, uri in db.execute(sql, {"wave": wave}).fetchall()
    ]
