"""The tables under DIR as DuckDB views: SQL over more rows than fit into memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow.parquet as pq

from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

MEMORY = "1GB"

DuckSettings = dict[str, str | bool | int | float | list[str]]


@contextlib.contextmanager
def open_tables(store: OutputStore, wanted: Mapping[Table, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open tables as views with the wanted columns; sorts and joins spill to a temporary folder.

    A cloud DIR's columns are copied to that folder once: each is then read many times.
    """
    with tempfile.TemporaryDirectory(prefix="mirrorfold-publish-", ignore_cleanup_errors=True) as folder:
        settings: DuckSettings = {"memory_limit": MEMORY, "temp_directory": os.path.join(folder, "spill")}
        with duckdb.connect(os.path.join(folder, "tables.duckdb"), config=settings) as connection:
            for table, columns in wanted.items():
                paths = _local_paths(store, table, columns, folder)
                chosen = ", ".join(f'"{name}"' for name in columns)
                connection.execute(f"create view {table.name} as select {chosen} from {parquet_files(paths)}")
            yield connection


def _local_paths(store: OutputStore, table: Table, columns: Sequence[str], folder: str) -> list[str]:
    shards = parquet.shards(store, f"{table.name}/")
    if isinstance(store, LocalOutput):
        return [store.url(path) for path in shards]
    copies = []
    for index, path in enumerate(shards):
        copies.append(os.path.join(folder, f"{table.name}-{index:05d}.parquet"))
        with pq.ParquetWriter(copies[-1], table.schema.empty_table().select(list(columns)).schema) as writer:
            for block in parquet.read_blocks(store, path, columns):
                writer.write_table(block.cast(writer.schema))
    return copies


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence = ()) -> list[dict]:
    """Run a query whose answer is small; a dict per row."""
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
