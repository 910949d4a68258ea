"""Decisions as they are made: one SQLite file, appended to, each on disk before its browser hears of it."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import threading
from collections.abc import Sequence

from mirrorfold.transforms.retain.verdicts import checked_verdict

FILE = "review/served.sqlite"
WITHDRAWN = ""

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY, reviewer TEXT NOT NULL, content_a TEXT NOT NULL, content_b TEXT NOT NULL,
    purpose TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL, seen INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_reviewer ON answers (reviewer, content_a, content_b, purpose, number);
"""

LATEST = """
SELECT content_a, content_b, purpose, verdict, reason, at, seen, reviewer FROM answers
WHERE number IN (SELECT max(number) FROM answers GROUP BY reviewer, content_a, content_b, purpose = 'sample')
    AND verdict <> ''
"""
"""Each reviewer's last word on each question; one that was taken back is none."""


class Answers:
    """The answers given to one DIR's pages; safe for threads."""

    def __init__(self, folder: str):
        path = os.path.join(folder, FILE)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Full: what is acknowledged has reached the disk, even if the machine loses power then.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def save(self, reviewer: str, rows: Sequence[dict]) -> int:
        """Save what one reviewer said, all or nothing; a row whose verdict is null takes an answer back.

        Raises:
          ValueError: a row that isn't an answer; one line.
        """
        now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        checked = [_checked(row, reviewer, number, now) for number, row in enumerate(rows, 1)]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(
                    "INSERT INTO answers (reviewer, content_a, content_b, purpose, verdict, reason, at, seen) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    checked,
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return len(checked)

    def all(self, reviewer: str | None = None) -> list[dict]:
        """Give the last words, of one reviewer or of everybody, in the order in which they came."""
        where, values = ("", ()) if reviewer is None else (" AND reviewer = ?", (reviewer,))
        with self._lock:
            cursor = self._db.execute(f"{LATEST}{where} ORDER BY number", values)
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        return [dict(zip(names, row, strict=True)) | {"seen": bool(row[6])} for row in rows]

    def close(self) -> None:
        """Write everything into the one file, and close it."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()


def _checked(row: dict, reviewer: str, number: int, now: str) -> tuple:
    if not isinstance(row, dict):
        raise ValueError(f"answer {number} isn't an object")
    taken_back = row.get("verdict") is None
    given = row | {"reviewer": reviewer, "at": row.get("at") or now}
    said = checked_verdict(given | ({"verdict": "defer"} if taken_back else {}), f"answer {number}")
    verdict = WITHDRAWN if taken_back else said["verdict"]
    names = ("content_a", "content_b", "purpose")
    return (reviewer, *(said[name] for name in names), verdict, said["reason"][:500], said["at"], int(said["seen"]))


def saved_answers(folder: str) -> list[dict]:
    """Read what a server saved in DIR, as verdicts; none where no server ever ran."""
    if not os.path.exists(os.path.join(folder, FILE)):
        return []
    answers = Answers(folder)
    try:
        return [checked_verdict(row, FILE) for row in answers.all()]
    finally:
        answers.close()
