"""Objects of one size don't all end in one partition, and copies that the listing shows still cost one read."""

from __future__ import annotations

import collections

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that

from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.fingerprint import known, plan, spread, wiring
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from tests.fingerprint.worlds import listing

OPTIONS = FingerprintOptions()
SCANS = 400


def scans(sizes: int = 1) -> pa.Table:
    """List scans of a few sizes, every second one the copy of the one before it: the same ETag, MD5 and SHA-256."""
    uris = [f"mem://b/{number:04d}.bmp" for number in range(SCANS)]
    stated = {uri: f"{number // 2:032x}" for number, uri in enumerate(uris)}
    columns = {"etag": stated, "md5": stated, "sha256": {uri: 2 * text for uri, text in stated.items()}}
    contents = {uri: b"x" * (1000 + number // 2 % sizes) for number, uri in enumerate(uris)}
    return plan.readable(listing(contents, **columns), OPTIONS)


def test_one_size_is_spread_evenly_and_copies_stay_together():
    rows = scans()
    common = spread.common_sizes(spread.count_sizes(rows), 100)
    assert common == [1000]
    parts = partition_of(spread.add_spread(rows, [common]), ("size", "spread"), 8)
    assert max(collections.Counter(parts.tolist()).values()) < 2 * SCANS / 8
    assert (parts[0::2] == parts[1::2]).all()


def test_sizes_that_few_share_are_left_as_they_are():
    rows = scans(sizes=40)
    assert spread.common_sizes(spread.count_sizes(rows), 100) == []
    assert set(spread.add_spread(rows, [[]]).column("spread").to_pylist()) == {""}


@pytest.mark.parametrize("blocks", [1, 7])
def test_counts_do_not_hang_on_blocks(blocks):
    rows = scans(sizes=2)
    step = -(-SCANS // blocks)
    counts = [spread.count_sizes(rows.slice(start, step)) for start in range(0, SCANS, step)]
    assert spread.common_sizes(pa.concat_tables(counts), 150) == [1000, 1001]


def test_what_an_earlier_run_knows_meets_its_object():
    rows = scans()
    blank = {field.name: pa.nulls(SCANS, field.type) for field in known.KNOWN_FIELDS}
    said = {"known": rows.column("sha256"), "was_read": pa.array([True] * SCANS), "again": pa.array([False] * SCANS)}
    same = {name: rows.column(name) for name in known.SAME}
    earlier = pa.table(same | blank | said).cast(known.KNOWN)
    found = [spread.add_spread(table, [[1000]]) for table in (rows, earlier)]
    first, second = (partition_of(table, ("size", "spread"), 8) for table in found)
    assert first.tolist() == second.tolist()


def test_objects_without_an_etag_are_spread_by_their_names():
    rows = scans()
    rows = rows.set_column(rows.schema.get_field_index("etag"), "etag", pa.nulls(SCANS, pa.string()))
    assert len(set(spread.add_spread(rows, [[1000]]).column("spread").to_pylist())) == SCANS


def test_in_beam_no_partition_holds_the_whole_size(monkeypatch):
    monkeypatch.setattr(wiring, "OBJECTS_PER_PARTITION", 100)
    objects = scans()

    def check(shards: list[pa.Table]) -> None:
        assert sum(shard.num_rows for shard in shards) == SCANS
        assert max(shard.num_rows for shard in shards) < SCANS / 2
        for shard in shards:
            assert set(collections.Counter(shard.column("sha256").to_pylist()).values()) == {2}

    with beam.Pipeline("FnApiRunner") as pipeline:
        blocks = pipeline | beam.Create([objects.slice(start, 50) for start in range(0, SCANS, 50)], reshuffle=False)
        rows = {"rows": blocks} | wiring.SpreadSizes()
        shards = rows | wiring.Shuffle(
            keys={"rows": ("size", "spread")},
            schemas={"rows": plan.NEEDED_SCHEMA.append(spread.SPREAD)},
            partitions=4,
            reduce=wiring.CutShards(OPTIONS, 2000),
        )
        assert_that(shards, check)
