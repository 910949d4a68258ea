"""SQL reads the files that are named, whatever their folders are called."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.pipelines.record.tables import connect
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.stores.output import LocalOutput

NAMES = ("plain", "a [2024]", "what?", "all*", "it's", "[x]*?'")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_read_by_its_own_name(tmp_path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    pq.write_table(pa.table({"n": [1]}), folder / "a.parquet")
    assert duckdb.sql(f"SELECT n FROM {parquet_files([str(folder / 'a.parquet')])}").fetchall() == [(1,)]


@pytest.mark.parametrize("name", NAMES)
def test_the_summary_reads_a_run_by_its_own_name(tmp_path, name: str) -> None:
    store = LocalOutput(str(tmp_path / name))
    write_shard(store, FAILURES, FAILURES.empty(), 0, 1)
    assert connect(store, "failures").execute("SELECT count(*) FROM failures").fetchall() == [(0,)]
