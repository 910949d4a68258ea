"""What the contract relies on is there, by name."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import to_parquet

RELIED_ON = {
    "objects": "uri library store bucket key version size etag storage_class last_modified hold is_latest content_id",
    "contents": "content_id media_type width height frames phash64 phash256 dhash256 algorithm",
    "failures": "uri stage error message",
    "pairs": "content_a content_b tier in_cluster d_phash64 d_phash256",
    "clusters": "cluster_id family_id uri library content_id tier is_master d_phash64",
    "decisions": "uri version etag action rule reason kept_uri kept_version bytes_freed cluster_id tier_to_kept",
    "savings": "library storage_class tier action objects bytes monthly one_off currency price_source price_date",
}


@pytest.mark.parametrize("name", sorted(RELIED_ON))
def test_columns_relied_on(name: str) -> None:
    assert set(RELIED_ON[name].split()) <= set(TABLES[name].schema.names)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_says_what_it_holds(table) -> None:
    assert all(field.metadata[b"doc"] for field in table.schema)
    assert set(table.order) | set(table.shard_key) <= set(table.schema.names)


@pytest.mark.parametrize(("rows", "shards"), [(0, 1), (1, 1), (250_000, 1), (250_001, 2)])
def test_shards_follow_the_rows(rows: int, shards: int) -> None:
    assert TABLES["objects"].shards(rows) == shards


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_parquet_gives_the_schema_back(table) -> None:
    written = pq.read_schema(io.BytesIO(to_parquet(table.empty())))
    assert written.remove_metadata().equals(table.schema.remove_metadata())
