"""A published run's tables, opened once for each publication: opening them costs more than most questions."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable
from typing import TypeVar

import duckdb

from mirrorfold.pipelines.finished.review_split import COLUMNS as TEAM_COLUMNS
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.tables import open_tables
from mirrorfold.transforms.publish.queue import open_queue_files
from mirrorfold.transforms.stores.output import OutputStore

COLUMNS = TEAM_COLUMNS | {
    "objects": (
        "content_id", "library", "store", "bucket", "key", "version", "etag", "size", "archived", "is_latest",
        "is_delete_marker", "uri",
    ),
    "contents": ("content_id", "media_type", "width", "height"),
}  # fmt: skip

T = TypeVar("T")


class OpenRun:
    """The tables behind the pages and the queue, for one question at a time; safe for threads."""

    def __init__(self, store: OutputStore, plan: Callable[[], str]):
        self._store, self._plan = store, plan
        self._lock, self._open = threading.Lock(), contextlib.ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._opened_at = ""

    def ask(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Ask the tables as they are published now."""
        plan = self._plan()
        with self._lock:
            if self._connection is not None and plan == self._opened_at:
                # Files may be replaced before the pages name their plan.
                with contextlib.suppress(duckdb.Error):
                    return question(self._connection)
            return question(self._anew(plan))

    def _anew(self, plan: str) -> duckdb.DuckDBPyConnection:
        self.close()
        tables = {TABLES[name]: columns for name, columns in COLUMNS.items()}
        connection = self._open.enter_context(open_tables(self._store, tables))
        copies = self._open.enter_context(tempfile.TemporaryDirectory(prefix="mirrorfold-queue-"))
        open_queue_files(connection, self._store, copies)
        self._connection, self._opened_at = connection, plan
        return connection

    def close(self) -> None:
        """Close the tables; the next question opens them again."""
        self._connection = None
        self._open.close()
