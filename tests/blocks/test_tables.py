"""A finished run's tables in a bucket are asked where they lie: no copy, and only what the question needs."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect, open_tables, rows_of
from mirrorfold.transforms.stores.output import LocalOutput
from mirrorfold.transforms.stores.output_cloud import CloudOutput
from tests.servers import Server, recording_proxy
from tests.worlds import new_bucket, owner

ROWS = 600
LUMA = 4096


def contents() -> pa.Table:
    """Rows whose luma, as in life, is nearly all of them."""
    columns = {field.name: pa.nulls(ROWS, field.type) for field in CONTENTS.schema}
    columns |= {
        "content_id": pa.array([f"{row:064x}" for row in range(ROWS)]),
        "size": pa.array(range(ROWS), CONTENTS.schema.field("size").type),
        "luma": pa.array([os.urandom(LUMA) for _ in range(ROWS)], CONTENTS.schema.field("luma").type),
    }
    fields = [field.with_nullable(True) for field in CONTENTS.versioned_schema]
    return pa.table([columns[field.name] for field in fields], pa.schema(fields))


@pytest.fixture
def bucket(moto: Server, no_ambient_credentials, monkeypatch):
    """A DIR in a bucket with 2.4 MB of contents in two shards, behind a recording proxy."""
    name = new_bucket()
    owner(moto).create_bucket(Bucket=name)
    with recording_proxy(moto.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.secret_key)
        store = CloudOutput(f"s3://{name}/run")
        rows = contents()
        for shard, half in enumerate((rows[: ROWS // 2], rows[ROWS // 2 :])):
            store.put(parquet.shard_path(CONTENTS, shard, 2), parquet.to_parquet(half))
        proxy.requests.clear(), proxy.headers.clear()
        yield store, proxy


def bytes_asked(proxy) -> int:
    """Add up what the ranged GETs asked for; a GET without a range is a whole file."""
    total = 0
    for (method, _), headers in zip(proxy.requests, proxy.headers, strict=True):
        if method == "GET" and "range" in headers:
            first, _, last = headers["range"].removeprefix("bytes=").partition("-")
            total += int(last) - int(first) + 1
    return total


def whole_reads(proxy) -> int:
    paired = zip(proxy.requests, proxy.headers, strict=True)
    return sum(method == "GET" and ".parquet" in path and "range" not in headers for (method, path), headers in paired)


@pytest.mark.parametrize("way", ["connect", "open_tables", "blocks"])
def test_a_question_reads_its_columns_alone(bucket, way: str):
    store, proxy = bucket
    if way == "connect":
        with connect(store, "contents") as db:
            found = db.execute("SELECT sum(size) FROM contents").fetchall()[0][0]
    elif way == "open_tables":
        with open_tables(store, {CONTENTS: ("content_id", "size", "luma")}) as db:
            (found,) = (row["n"] for row in rows_of(db, "SELECT sum(size) n FROM contents"))
    else:
        blocks = parquet.table_blocks(store, "contents", ["size"])
        found = sum(sum(block.column("size").to_pylist()) for block in blocks)
    assert found == sum(range(ROWS))
    assert whole_reads(proxy) == 0
    assert 0 < bytes_asked(proxy) < ROWS * LUMA / 10


def test_the_answer_is_that_of_a_folder(bucket, tmp_path):
    store, _ = bucket
    folder = LocalOutput(str(tmp_path))
    for path in store.list():
        folder.put(path, store.get(path))
    question = "SELECT content_id, size, luma FROM contents WHERE size % 97 = 3 ORDER BY content_id"
    with connect(store, "contents") as there, connect(folder, "contents") as here:
        found = there.execute(question).fetchall()
        assert len(found) == 7
        assert found == here.execute(question).fetchall()


def test_a_table_that_is_not_there_is_empty(bucket):
    with connect(bucket[0], "contents", "decisions") as db:
        assert db.execute("SELECT count(*), count(uri) FROM decisions").fetchall() == [(0, 0)]
