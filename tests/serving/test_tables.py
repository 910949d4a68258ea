"""A server's tables stay open between questions, and are those that are published now."""

from __future__ import annotations

import duckdb
import pytest

from mirrorfold.pipelines.serving.tables import OpenRun
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.stores.output import LocalOutput
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.serving.running import finish


def count(connection: duckdb.DuckDBPyConnection) -> int:
    (found,) = connection.execute("select count(*) from decisions").fetchall()
    return found[0]


@pytest.mark.parametrize("plan", ["another", "the same"])
def test_tables_are_opened_once_for_each_publication(tmp_path, monkeypatch, plan: str) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 3)
    archive.write()
    store = LocalOutput(finish(archive, Options(sample=0, proofs=0, thumbnails=0, sketches=0)))
    opened = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *args, **more: opened.append(1) or connect(*args, **more))
    plans = ["one"]
    run = OpenRun(store, lambda: plans[-1])
    assert [run.ask(count) for _ in range(3)] == [6, 6, 6]
    assert len(opened) == 1
    # Published anew, in another number of shards: none of the files that were opened is there now.
    (shard,) = store.list("decisions/")
    for number in range(2):
        store.put(f"decisions/part-{number:05d}-of-00002.parquet", store.get(shard))
    store.delete(shard)
    plans.append("two" if plan == "another" else "one")
    assert run.ask(count) == 12
    assert len(opened) == 2
    with pytest.raises(duckdb.Error, match="nowhere"):
        run.ask(lambda connection: connection.execute("from nowhere").fetchall())
    run.close()
