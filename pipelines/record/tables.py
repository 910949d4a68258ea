"""Ask the finished tables questions in SQL."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet, sql
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore


def connect(store: OutputStore, *names: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection in which each named table is a view (all of them when none is named).

    Local shards are scanned in place, out of core; those in a bucket are read through our own store, so that DuckDB
    needs no extension and no credentials.
    """
    connection = duckdb.connect(config={"threads": 2})
    for name in names or TABLES:
        paths = parquet.shards(store, f"{name}/")
        if not paths:
            connection.register(name, TABLES[name].empty())
        elif isinstance(store, LocalOutput):
            files = sql.parquet_files(map(store.url, paths))
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {files}")
        else:
            blocks = [block for path in paths for block in parquet.read_blocks(store, path)]
            connection.register(name, pa.concat_tables(blocks))
    return connection
