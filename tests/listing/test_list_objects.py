"""From sources to the `objects` table: each object once, whatever the order, in pure and in Beam form."""

from __future__ import annotations

import datetime
import random
from dataclasses import replace

import apache_beam as beam
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.list_objects import build_listing, build_objects, listed_rows
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parquet import read_table, write_shard
from mirrorfold.transforms.listing.dedupe import dedupe, rank_sources
from mirrorfold.transforms.listing.hints import earlier_cuts
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.listing.listing_reports import write_s3_report


def raw(rows: list[tuple[str, str, int, int]]) -> pa.Table:
    """Make raw rows of (uri, version, rank, second of modification)."""
    return block_of(
        len(rows),
        {
            "uri": [row[0] for row in rows],
            "version": [row[1] for row in rows],
            RANK: [row[2] for row in rows],
            "library": [f"library-{row[2]}" for row in rows],
            "last_modified": [datetime.datetime(2026, 1, 1, 0, 0, row[3], tzinfo=datetime.UTC) for row in rows],
            "etag": [f"etag-{row[3]}" for row in rows],
            "key": [row[0] for row in rows],
            "store": "s3",
            "bucket": "b",
            "size": 1,
            "storage_class": "STANDARD",
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
        },
    )


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1"]), st.integers(0, 3), st.integers(0, 3)))


@given(rows=ROWS, seed=st.integers(0, 99))
def test_each_object_is_kept_once_and_the_best_source_wins(rows: list, seed: int):
    found = dedupe(raw(rows))
    assert found.schema.names == OBJECTS.schema.names
    best = {}
    for row in sorted(rows, key=lambda row: (row[2], -row[3])):
        best.setdefault(row[:2], (f"library-{row[2]}", f"etag-{row[3]}"))
    given_rows = found.to_pylist()
    assert {(row["uri"], row["version"]): (row["library"], row["etag"]) for row in given_rows} == best
    assert len(given_rows) == len(best)
    random.Random(seed).shuffle(rows)
    assert dedupe(raw(rows)).equals(found)


def test_the_longest_prefix_wins_then_the_smallest_library():
    specs = [
        SourceSpec("b", "live", "s3", "bucket"),
        SourceSpec("a", "live", "s3", "bucket"),
        SourceSpec("z", "live", "s3", "bucket", prefix="photos/"),
        SourceSpec("a", "s3-inventory", "s3", "bucket", manifest="m"),
    ]
    assert [(spec.library, spec.kind) for spec in rank_sources(specs)] == [
        ("z", "live"),
        ("a", "live"),
        ("a", "s3-inventory"),
        ("b", "live"),
    ]


@pytest.fixture
def folder(tmp_path):
    for name in ("one.jpg", "in/two.jpg", "in/three.jpg"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "empty").mkdir()
    return tmp_path


def run_listing(folder, specs: list[SourceSpec], name: str) -> RunContext:
    run = RunContext(str(folder / name), Settings(), sources=tuple(specs))
    with beam.Pipeline() as root:
        build_listing(root, run)
    run = replace(run, counts={"listed": sum(listed_rows(run).values())})
    with beam.Pipeline() as root:
        build_objects(root, run)
    return run


def test_an_object_under_two_sources_is_in_objects_once(folder):
    specs = [
        SourceSpec("all", "live", "file", str(folder / "archive")),
        SourceSpec("part", "live", "file", str(folder / "archive" / "in")),
        SourceSpec("none", "live", "file", str(folder / "empty")),
    ]
    run = run_listing(folder, specs, "out")
    assert listed_rows(run) == {"all": 3, "part": 2, "none": 0}
    rows = read_table(run.store, OBJECTS).to_pylist()
    assert [(row["uri"].rpartition("/")[2], row["library"], row["key"]) for row in rows] == [
        ("three.jpg", "part", "three.jpg"),
        ("two.jpg", "part", "two.jpg"),
        ("one.jpg", "all", "one.jpg"),
    ]
    again = run_listing(folder, specs[::-1], "again")
    (path,) = (path for path in run.store.list("objects/"))
    assert run.store.get(path) == again.store.get(path)


def test_what_an_earlier_listing_left_counts_no_more(folder):
    specs = [SourceSpec("all", "live", "file", str(folder / "archive"))]
    run = run_listing(folder, specs, "out")
    (folder / "archive" / "one.jpg").unlink()
    run = run_listing(folder, specs, "out")
    assert listed_rows(run) == {"all": 2}


def test_sources_without_objects_make_an_empty_table(folder):
    run = run_listing(folder, [SourceSpec("none", "live", "file", str(folder / "empty"))], "out")
    assert len(run.store.list("objects/")) == 1
    assert read_table(run.store, OBJECTS).num_rows == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_report_is_a_source_like_any_other(folder, no_ambient_credentials, kind: str):
    rows = [{"Bucket": "archive", "Key": key, "Size": 1, "ETag": "e"} for key in ("a//b", "照片/1.jpg", "c d")]
    manifest = write_s3_report(folder, rows, kind)
    specs = parse_sources([f"s3-inventory+{manifest}", str(folder / "archive")], Settings(), str(folder / "out"))
    assert [(spec.library, spec.kind, spec.bucket) for spec in specs] == [
        ("archive", "live", str(folder / "archive")),
        ("archive", "s3-inventory", "archive"),
    ]
    run = run_listing(folder, list(specs), "out")
    assert listed_rows(run) == {"archive": 6}
    rows = read_table(run.store, OBJECTS).to_pylist()
    assert [row["uri"] for row in rows if row["store"] == "s3"] == [
        "s3://archive/a//b",
        "s3://archive/c d",
        "s3://archive/照片/1.jpg",
    ]


def test_an_earlier_run_says_where_to_cut_a_bucket(tmp_path):
    store = LocalOutput(str(tmp_path))
    keys = [f"照片/{number:05d}" for number in range(9000)]
    rows = raw([(f"s3://b/{key}", "", 0, 0) for key in keys])
    rows = rows.set_column(rows.schema.names.index("key"), "key", pa.array(keys)).select(OBJECTS.schema.names)
    write_shard(store, OBJECTS, rows.cast(OBJECTS.schema), 0, 1)
    spec = SourceSpec("l", "live", "s3", "b")
    assert earlier_cuts(store, spec, 3) == ["照片/03000", "照片/06000"]
    assert earlier_cuts(store, spec, 100) == []  # pieces of 90 keys aren't worth having
    assert earlier_cuts(store, replace(spec, bucket="other"), 3) == []
    assert earlier_cuts(store, replace(spec, prefix="照片/0"), 9)[0] == "照片/01000"
    assert earlier_cuts(LocalOutput(str(tmp_path / "none")), spec, 3) == []
