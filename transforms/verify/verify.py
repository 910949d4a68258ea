"""Run every check over a run's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from mirrorfold.schemas.table import Table
from mirrorfold.transforms.verify.beside import BESIDE_CHECKS
from mirrorfold.transforms.verify.checks import CHECKS
from mirrorfold.transforms.verify.database import open_tables
from mirrorfold.transforms.verify.lists import LIST_CHECKS
from mirrorfold.transforms.verify.model import BrokenPromise, Expected
from mirrorfold.transforms.verify.queue import QUEUE_CHECKS, open_queue
from mirrorfold.transforms.verify.shape import check_shape

EXAMPLES = 3
ALWAYS = frozenset(
    (
        "objects",
        "contents",
        "failures",
        "pairs",
        "clusters",
        "lineage",
        "decisions",
        "hold_checks",
        "confirmations",
        "savings",
    )
)
"""Tables that every run has; others come with an earlier run to compare with."""


def verify_tables(
    files: Mapping[Table, Sequence[str]],
    expected: Expected,
    folder_uri: str,
    work: str,
    queue: Sequence[str] = (),
    before: Sequence[str] = (),
) -> list[BrokenPromise]:
    """Check the form of every table, then the promises across them; tables that can't be read stop there.

    Args:
      queue: local paths of the review queue's files, where pages were published.
      before: local paths of the previous run's decisions.
    """
    present = {table: paths for table, paths in files.items() if paths or table.name in ALWAYS}
    broken = [found for table, paths in present.items() for found in check_shape(table, sorted(paths))]
    try:
        with open_tables(files, expected, folder_uri, work, before) as db:
            for check in (*CHECKS, *LIST_CHECKS, *BESIDE_CHECKS):
                broken += _run(db, check)
            if open_queue(db, queue):
                for check in QUEUE_CHECKS:
                    broken += _run(db, check)
    except duckdb.Error as error:
        message = " ".join(str(error).split())[:300]
        broken.append(BrokenPromise(0, "tables", f"the tables can't be queried: {message}"))
    return broken


def _run(db: duckdb.DuckDBPyConnection, check) -> list[BrokenPromise]:
    (count,) = db.execute(f"SELECT count(*) FROM ({check.sql})").fetchall()[0]
    if not count:
        return []
    found = db.execute(f"SELECT * FROM ({check.sql}) ORDER BY ALL LIMIT {EXAMPLES}")
    names = [column[0] for column in found.description]
    examples = tuple(dict(zip(names, row, strict=True)) for row in found.fetchall())
    return [BrokenPromise(check.promise, check.table, check.text, count, examples)]
