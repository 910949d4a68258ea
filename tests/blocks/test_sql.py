"""SQL reads the files that are named, whatever their folders are called."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.schemas.failures import FAILURES
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.stores.output import LocalOutput

SIBLINGS = {"plain": "plain 2", "a [2024]": "a 2", "what?": "whats", "all*": "all of them", "it's": "its"}
"""A folder's name, and another's that DuckDB would read too, or instead, if it took the first for a pattern."""


@pytest.mark.parametrize(("name", "other"), SIBLINGS.items())
def test_a_folder_is_read_by_its_own_name(tmp_path, name: str, other: str) -> None:
    for number, folder in enumerate((name, other)):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"n": [number]}), tmp_path / folder / "a.parquet")
    assert duckdb.sql(f"SELECT n FROM {parquet_files([str(tmp_path / name / 'a.parquet')])}").fetchall() == [(0,)]


@pytest.mark.parametrize(("name", "other"), SIBLINGS.items())
def test_the_summary_reads_no_other_run(tmp_path, name: str, other: str) -> None:
    row = {field.name: "x" for field in FAILURES.schema if field.type == pa.string()}
    for folder, rows in ((name, []), (other, [row])):
        block = pa.Table.from_pylist(rows, schema=FAILURES.schema)
        write_shard(LocalOutput(str(tmp_path / folder)), FAILURES, block, 0, 1)
    found = connect(LocalOutput(str(tmp_path / name)), "failures").execute("SELECT count(*) FROM failures")
    assert found.fetchall() == [(0,)]
