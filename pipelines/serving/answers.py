"""Decisions as they are made, each kept for good before its browser hears of it.

In a local DIR they are in one SQLite file; in a bucket in files of lines, the last of which is written anew with each
decision, so that a server that starts on another machine has them too.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence

from mirrorfold.transforms.retain.verdicts import checked_verdict
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

FILE = "review/served.sqlite"
LOG = "review/served/"
LINES = 500
"""Answers in one of a bucket's files: what is written once more with each new one."""
COLUMNS = ("reviewer", "content_a", "content_b", "purpose", "verdict", "reason", "at", "seen")
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
    """The answers given to one DIR's pages; safe for threads.

    Args:
      still_ours: raises where another server has taken a bucket's DIR over.
    """

    def __init__(self, store: OutputStore, still_ours: Callable[[], None] = lambda: None):
        path = ":memory:"
        if isinstance(store, LocalOutput):
            path = os.path.join(store.root, FILE)
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self._still_ours = still_ours
        self._lock, self._saving = threading.Lock(), threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Full: what is acknowledged has reached the disk, even if the machine loses power then.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self._log = None if isinstance(store, LocalOutput) else BucketLog(store)
        if self._log:
            self._insert(self._log.read())

    def save(self, reviewer: str, rows: Sequence[dict]) -> int:
        """Save what one reviewer said, all or nothing; a row whose verdict is null takes an answer back.

        Raises:
          ValueError: a row that isn't an answer; one line.
          StoreError: the bucket doesn't take it now. UsageError: another server has taken over.
        """
        now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        checked = [_checked(row, reviewer, number, now) for number, row in enumerate(rows, 1)]
        with self._saving:
            if self._log:
                self._still_ours()
                self._log.add(checked)
            self._insert(checked)
        return len(checked)

    def _insert(self, rows: Sequence[tuple]) -> None:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                places = ", ".join("?" for _ in COLUMNS)
                self._db.executemany(f"INSERT INTO answers ({', '.join(COLUMNS)}) VALUES ({places})", rows)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

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


class BucketLog:
    """A bucket's files of answers, a JSON array of `COLUMNS` a line."""

    def __init__(self, store: OutputStore):
        self._store = store
        self._files = sorted(path for path in store.list(LOG) if path.endswith(".jsonl"))
        self._last: list[str] = []

    def read(self) -> list[tuple]:
        """Read all answers in their order."""
        lines = [line for path in self._files for line in self._store.get(path).decode().splitlines()]
        return [tuple(json.loads(line)) for line in lines]

    def add(self, rows: Sequence[tuple]) -> None:
        """Write answers behind the others: in the bucket once this returns."""
        # A server begins a file of its own: what an earlier one wrote is never written again.
        full = len(self._last) >= LINES
        lines = ([] if full else self._last) + [json.dumps(row, ensure_ascii=False) for row in rows]
        number = len(self._files) + (full or not self._last)
        path = f"{LOG}part-{number:06d}.jsonl"
        self._store.put(path, "\n".join(lines).encode())
        self._last = lines
        if number > len(self._files):
            self._files.append(path)


def _checked(row: dict, reviewer: str, number: int, now: str) -> tuple:
    if not isinstance(row, dict):
        raise ValueError(f"answer {number} isn't an object")
    taken_back = row.get("verdict") is None
    given = row | {"reviewer": reviewer, "at": row.get("at") or now}
    said = checked_verdict(given | ({"verdict": "defer"} if taken_back else {}), f"answer {number}")
    verdict = WITHDRAWN if taken_back else said["verdict"]
    names = ("content_a", "content_b", "purpose")
    return (reviewer, *(said[name] for name in names), verdict, said["reason"][:500], said["at"], int(said["seen"]))


def saved_answers(store: OutputStore) -> list[dict]:
    """Read what a server saved in DIR, as verdicts; none where no server ever ran."""
    if isinstance(store, LocalOutput) and not store.exists(FILE):
        return []
    answers = Answers(store)
    try:
        return [checked_verdict(row, FILE) for row in answers.all()]
    finally:
        answers.close()
