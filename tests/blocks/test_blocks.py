"""Blocks: where rows go, how they travel, in what order they are written."""

from __future__ import annotations

import io

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.schemas.table import Table, column
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.blocks.wiring import BlockCoder, ReadTable, Shuffle, WriteTable
from mirrorfold.transforms.stores.output import open_output

WORDS = Table(
    "words",
    1,
    pa.schema([column("word", pa.string(), "a word"), column("number", pa.int64(), "its number")]),
    order=("word", "number"),
    shard_key=("word",),
    rows_per_shard=10,
)
rows = st.lists(st.tuples(st.one_of(st.none(), st.text(max_size=6)), st.integers(-99, 99)), max_size=60)


def block(pairs) -> pa.Table:
    words, numbers = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table({"word": list(words), "number": list(numbers)}, schema=WORDS.schema)


@pytest.mark.parametrize(
    ("values", "columns", "expected"),
    [
        pytest.param({"a": ["x", "y", ""]}, ["a"], [171, 973, 905], id="text"),
        pytest.param({"a": [b"x", b"\x00", None]}, ["a"], [288, 142, 757], id="bytes-and-null"),
        pytest.param({"a": ["a", "ab"], "b": ["bc", "c"]}, ["a", "b"], [26, 541], id="two-columns"),
        pytest.param({"a": [5, 1_000, 2_001]}, ["a"], [5, 0, 1], id="a-number-is-the-partition"),
    ],
)
def test_partitions_never_change(values, columns, expected):
    """A constant: shards written by one release are found by the next."""
    assert partition_of(pa.table(values), columns, 1_000).tolist() == expected


@given(rows, st.integers(1, 9), st.integers(1, 7))
def test_a_row_goes_where_its_equals_go(pairs, partitions, size):
    whole = partition_of(block(pairs), ["word"], partitions)
    parts = [partition_of(block(pairs[at : at + size]), ["word"], partitions) for at in range(0, len(pairs), size)]
    assert np.array_equal(whole, np.concatenate([*parts, np.zeros(0, np.int64)]))
    assert ((whole >= 0) & (whole < partitions)).all()


@given(rows)
def test_coding_keeps_a_block(pairs):
    coder = BlockCoder()
    assert coder.decode(coder.encode(block(pairs))).equals(block(pairs))


@given(rows, st.integers(1, 400))
def test_pieces_are_small_and_whole(pairs, limit):
    found = list(ipc.pieces(block(pairs), limit))
    assert ipc.concatenate(found, WORDS.schema).equals(block(pairs))
    assert all(piece.num_rows == 1 or piece.nbytes <= limit for piece in found)
    assert all(piece.num_rows for piece in found)


@given(st.randoms(), rows)
def test_order_and_cuts_change_no_byte(random, pairs):
    shuffled = pairs[:]
    random.shuffle(shuffled)
    cut = random.randint(0, len(pairs))
    joined = ipc.concatenate([block(shuffled[:cut]), block(shuffled[cut:])], WORDS.schema)
    assert _written(joined) == _written(block(pairs))


def _written(found: pa.Table) -> bytes:
    return parquet.to_parquet(ipc.sort_rows(found, WORDS.order))


@given(rows)
def test_distinct_keeps_one_of_each(pairs):
    ordered = ipc.sort_rows(block(pairs), WORDS.order)
    kept = ipc.distinct_rows(ordered, WORDS.order).to_pylist()
    assert sorted((row["word"] or "", row["word"] is None, row["number"]) for row in kept) == sorted(
        (word or "", word is None, number) for word, number in set(pairs)
    )


def test_null_and_empty_stay_apart():
    """Both sort and hash as different values, in every column."""
    found = ipc.distinct_rows(ipc.sort_rows(block([(None, 1), ("", 1), (None, 1)]), WORDS.order), WORDS.order)
    assert found.column("word").to_pylist() == ["", None]


def count_rows(partition: int, blocks: dict[str, pa.Table]):
    yield pa.table({name: [found.num_rows] for name, found in blocks.items()})


@pytest.mark.parametrize("spills", [False, True], ids=["memory", "spilled"])
@settings(max_examples=8, deadline=None)
@given(left=rows, right=rows, partitions=st.integers(1, 4))
def test_shuffle_brings_equals_together(left, right, partitions, spills, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spill") if spills else None
    expected: dict[int, list[int]] = {part: [0, 0] for part in range(partitions)}
    for side, pairs in enumerate((left, right)):
        for part in partition_of(block(pairs), ["word"], partitions).tolist():
            expected[part][side] += 1

    def check(found: list[pa.Table]) -> None:
        counted = sorted([table["left"][0].as_py(), table["right"][0].as_py()] for table in found)
        assert counted == sorted(expected.values())

    with beam.Pipeline("FnApiRunner") as root:
        shuffled = {
            "left": root | "Left" >> beam.Create([block(left)]),
            "right": root | "Right" >> beam.Create([block(right[::-1])]),
        } | Shuffle(
            {"left": ["word"], "right": ["word"]},
            {"left": WORDS.schema, "right": WORDS.schema},
            partitions,
            count_rows,
            every_partition=True,
            spill=str(folder) if folder else None,
        )
        assert_that(shuffled, check)
    if folder:
        assert not list(folder.iterdir()), "blocks stay on disk after their partition is done"


@pytest.mark.parametrize("columns", [None, ["number"]], ids=["all", "one-column"])
@pytest.mark.parametrize("count", [0, 1, 900], ids=["empty", "one-row", "wide"])
def test_wide_row_groups_come_in_parts(count, columns, tmp_path, monkeypatch):
    """An empty table is one block all the same, and its columns come with it."""
    monkeypatch.setattr(parquet, "READ_BYTES", 5_000)
    expected = block([(f"w{number:020d}", number) for number in range(count)])
    parquet.write_shard(open_output(str(tmp_path)), WORDS, expected, 0, 1)
    (path,) = parquet.shards(open_output(str(tmp_path)), "words/")
    found = list(parquet.read_blocks(open_output(str(tmp_path)), path, columns))
    assert all(part.nbytes <= 5_000 for part in found)
    assert len(found) == 1 if count < 2 else len(found) > 1
    wanted = expected if columns is None else expected.select(columns)
    assert pa.concat_tables(found).combine_chunks().cast(wanted.schema).equals(wanted)


@pytest.mark.parametrize("count", [0, 1, 25], ids=["empty", "one-row", "three-shards"])
def test_a_table_comes_back_as_written(count, tmp_path):
    expected = block([(f"w{number:02d}", number) for number in range(count)])
    with beam.Pipeline("FnApiRunner") as root:
        _ = (
            root
            | beam.Create([expected.take(pa.array(range(count)[::-1], pa.int64()))])
            | WriteTable(str(tmp_path), WORDS, count)
        )
    found = sorted((tmp_path / "words").iterdir())
    assert [path.name for path in found] == [
        f"part-{n:05d}-of-{max(1, -(-count // 10)):05d}.parquet" for n in range(len(found))
    ]
    assert ipc.sort_rows(parquet.read_table(open_output(str(tmp_path)), WORDS), WORDS.order).equals(expected)
    with beam.Pipeline("FnApiRunner") as root:
        assert_that(
            root | ReadTable(str(tmp_path), WORDS, ["number"]),
            lambda read: _equal(sum(table.num_rows for table in read), count),
        )


def _equal(left, right) -> None:
    assert left == right


def test_the_bytes_of_a_shard_are_pinned():
    """Rows, schema and settings make the bytes: a change of any is a new version of the table."""
    data = parquet.to_parquet(block([("a", 1), (None, 2)]).cast(WORDS.versioned_schema))
    file = pa.parquet.ParquetFile(io.BytesIO(data))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.schema_arrow.metadata[b"mirrorfold.table"] == b"words"
    assert file.schema_arrow.metadata[b"mirrorfold.version"] == b"1"
    assert data == parquet.to_parquet(block([("a", 1), (None, 2)]).cast(WORDS.versioned_schema))
