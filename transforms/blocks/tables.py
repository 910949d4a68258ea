"""A finished run's tables as DuckDB views: the one way to ask them questions, in a folder or a bucket, out of core.

Local shards are scanned in place. Those in a bucket are read by our own clients, the columns and row groups of a
question alone, so that DuckDB needs no extension and no credentials, and nothing is copied.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

MEMORY = "1GB"
"""What a question may take; sorts and joins of more spill to the temporary folder."""

DuckSettings = dict[str, str | bool | int | float | list[str]]


def connect(store: OutputStore, *names: str) -> duckdb.DuckDBPyConnection:
    """Open a connection with a view of each named table, or of all; one that DIR hasn't is empty."""
    spill = os.path.join(tempfile.gettempdir(), f"mirrorfold-spill-{os.getpid()}")
    connection = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY, "temp_directory": spill})
    add_views(connection, store, {TABLES[name]: None for name in names or TABLES})
    return connection


@contextlib.contextmanager
def open_tables(store: OutputStore, wanted: Mapping[Table, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open tables as views with the wanted columns, beside a database on disk for what is made of them."""
    with tempfile.TemporaryDirectory(prefix="mirrorfold-tables-", ignore_cleanup_errors=True) as folder:
        settings: DuckSettings = {"memory_limit": MEMORY, "temp_directory": os.path.join(folder, "spill")}
        with duckdb.connect(os.path.join(folder, "tables.duckdb"), config=settings) as connection:
            add_views(connection, store, wanted)
            yield connection


def add_views(
    connection: duckdb.DuckDBPyConnection, store: OutputStore, wanted: Mapping[Table, Sequence[str] | None]
) -> None:
    """Make a view of each table under its name, with the wanted columns; None: all of them."""
    local = isinstance(store, LocalOutput)
    if not local:
        # Imported where it is needed: a run in a folder reads without it.
        from mirrorfold.transforms.stores.ranged import OutputFiles

        files = OutputFiles(store)
        connection.register_filesystem(files)
    for table, columns in wanted.items():
        chosen = "*" if columns is None else ", ".join(f'"{name}"' for name in columns)
        paths = parquet.shards(store, f"{table.name}/")
        if not paths:
            connection.register(f"no_{table.name}", table.empty())
            source = f"no_{table.name}"
        else:
            source = parquet_files([store.url(path) if local else files.name(path) for path in paths])
        connection.execute(f"CREATE VIEW {table.name} AS SELECT {chosen} FROM {source}")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence = ()) -> list[dict]:
    """Run a query whose answer is small; a dict per row."""
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
