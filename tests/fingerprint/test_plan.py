"""Nothing that is listed is lost; shards follow the data alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.commit import commit_path
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from tests.fingerprint.worlds import listing

OPTIONS = FingerprintOptions()


@pytest.mark.parametrize(
    ("key", "columns", "code"),
    [
        ("a.jpg", {}, None),
        ("a.jpg", {"size": 0}, "empty"),
        ("a.jpg", {"archived": True}, "archived"),
        ("a.jpg", {"is_delete_marker": True, "is_latest": False, "size": 0}, "delete-marker"),
        ("a.jpg", {"is_latest": False}, "noncurrent"),
        ("a.txt", {}, "not-an-image"),
        ("a.txt", {"content_type": "image/png"}, None),
        ("a.jpg", {"content_type": "text/html"}, None),
        ("noname", {"content_type": "video/mp4"}, "not-an-image"),
        ("noname", {}, None),
        ("a.docx", {"archived": True}, "not-an-image"),
        ("a.jpg", {"size": 0, "extra": [("look-up", "vanished")]}, "vanished"),
        ("a.jpg", {"size": 0, "extra": [("owner", "vanished")]}, "empty"),
    ],
)
def test_skip_reasons(key, columns, code):
    uri = f"mem://b/{key}"
    objects = listing({uri: b"x" * 10}, **{name: {uri: value} for name, value in columns.items()})
    rows = plan.skipped(objects, OPTIONS).to_pylist()
    stage = "fetch" if code == "vanished" else "skipped"
    assert [(row["stage"], row["error"]) for row in rows] == ([(stage, code)] if code else [])
    assert plan.readable(objects, OPTIONS).num_rows == (0 if code else 1)


def test_older_versions_are_read_where_settings_say_so():
    objects = listing({"mem://b/a.jpg": b"x"}, is_latest={"mem://b/a.jpg": False})
    assert plan.readable(objects, FingerprintOptions(read_noncurrent=True)).num_rows == 1


OBJECT = st.tuples(
    st.sampled_from(["a.jpg", "b.txt", "c", "d.tif"]),
    st.integers(0, 4),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "s1", "s2"]),
    st.sampled_from([None, "p1"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(OBJECT, max_size=30), st.integers(1, 5), st.integers(1, 10), st.randoms())
def test_every_object_is_skipped_or_planned_once_in_any_order(rows, per_shard, shard_bytes, random):
    options = FingerprintOptions(shard_bytes=shard_bytes)
    contents = {f"mem://b/{n}/{row[0]}": b"x" * row[1] for n, row in enumerate(rows)}
    columns = {
        name: dict(zip(contents, (row[place] for row in rows), strict=True))
        for place, name in ((2, "archived"), (3, "is_latest"), (4, "sha256"), (5, "physical_id"))
    }
    objects = listing(contents, **columns)
    shuffled = objects.take(pa.array(random.sample(range(len(rows)), len(rows)), pa.int64()))
    skipped = plan.skipped(objects, options)
    shards = list(plan.cut_shards(plan.readable(objects, options), options, per_shard))
    planned = [uri for shard in shards for uri in shard.column("uri").to_pylist()]
    assert sorted(planned + skipped.column("uri").to_pylist()) == sorted(contents)
    again = list(plan.cut_shards(plan.readable(shuffled, options), options, per_shard))
    assert [commit_path(shard, options) for shard in shards] == [commit_path(shard, options) for shard in again]
    for shard in shards:
        columns = (shard.column(name).to_pylist() for name in ("size", "sha256", "physical_id"))
        proofs = [(size, sha256 or physical) for size, sha256, physical in zip(*columns, strict=True)]
        reads = sum(proof is None for _, proof in proofs) + len({pair for pair in proofs if pair[1] is not None})
        assert reads <= per_shard or shard.num_rows == 1
