"""Documents that 64 pixels leave open are read again and settled at 256, within a budget and in a fixed order."""

import hashlib
import io
import os

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import match as step
from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.refetch import contents_of, within_budget
from mirrorfold.transforms.match.verified import REQUESTS
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.files import file_etag
from mirrorfold.transforms.stores.output import open_output

from .test_verify import page

WIDTH = 900


def scan(seed: int) -> Image.Image:
    return page(seed, WIDTH)


def stamped(picture: Image.Image) -> Image.Image:
    """Press a stamp on it: at 64 pixels that may as well be another page of the form."""
    found = picture.copy()
    width, height = picture.size
    ImageDraw.Draw(found).ellipse((width // 2, height // 3, width * 5 // 8, height * 5 // 12), fill=170)
    return found


def encode(picture: Image.Image) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=85)
    return sink.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Make a folder of pages, each with its stamped copy: names, contents and objects."""
    folder = tmp_path_factory.mktemp("scans")
    files = {}
    for seed in range(4):
        files[f"page{seed}.jpg"], files[f"stamp{seed}.jpg"] = encode(scan(seed)), encode(stamped(scan(seed)))
    found, objects = {}, []
    for name, data in sorted(files.items()):
        (folder / name).write_bytes(data)
        content_id = hashlib.sha256(data).hexdigest()
        found[content_id] = Content(len(data), decode(data, FingerprintOptions(), None))
        status = os.stat(folder / name)
        objects.append(
            {
                "uri": f"file://{folder}/{name}", "library": "scans", "store": "file", "bucket": str(folder),
                "key": name, "version": "", "size": len(data), "etag": file_etag(status),
                "storage_class": "LOCAL", "hold": "no", "is_latest": True, "is_delete_marker": False, "archived": False,
                "content_id": content_id, "identity_evidence": "read",
            }
        )  # fmt: skip
    names = {hashlib.sha256(data).hexdigest(): name for name, data in files.items()}
    return folder, names, content_rows(found), pa.Table.from_pylist(objects, schema=OBJECTS.schema)


def run_match(output, archive, budget, shards=1, order=None, counts=None):
    folder, _, contents, objects = archive
    if order is not None:
        contents, objects = contents.take(order), objects.take(order)
    store = open_output(str(output))
    for table, rows in ((CONTENTS, contents), (OBJECTS, objects)):
        for shard in range(shards):
            parquet.write_shard(store, table, rows.take(np.arange(shard, rows.num_rows, shards)), shard, shards)
    run = RunContext(
        output=str(output),
        settings=Settings(match={"refetch_bytes": budget}),
        policy=load_policy("default"),
        sources=(SourceSpec("scans", "live", "file", str(folder)),),
        counts=counts or {"contents": contents.num_rows, "objects": objects.num_rows},
    )
    root = beam.Pipeline("FnApiRunner")
    step.build(root, run)
    result = root.run()
    result.wait_until_finish()
    counters = {c.key.metric.name: c.result for c in result.metrics().query()["counters"]}
    return parquet.read_table(store, PAIRS), parquet.read_table(store, CLUSTERS), counters


def together(archive, clusters) -> set[str]:
    """Name the pages whose stamped copy shares their cluster; no two pages may."""
    names = archive[1]
    where = {names[row["content_id"]]: row["cluster_id"] for row in clusters.to_pylist()}
    pages = [where[name] for name in where if name.startswith("page")]
    assert len(set(pages)) == len(pages)
    return {name for name in where if name.startswith("page") and where[name] == where.get(f"stamp{name[4:]}")}


PAGES = {f"page{seed}.jpg" for seed in range(4)}


@pytest.fixture(scope="module")
def settled(archive, tmp_path_factory):
    return run_match(tmp_path_factory.mktemp("settled"), archive, 10**9)


def test_stamped_documents_stay_open_without_a_budget(archive, tmp_path):
    pairs, clusters, counters = run_match(tmp_path, archive, 0)
    assert together(archive, clusters) < PAGES
    assert "again_contents" not in counters
    assert "aligned-256" not in pairs.column("rule").to_pylist()


def test_stamped_documents_are_settled_at_256_pixels(archive, settled):
    pairs, clusters, counters = settled
    assert together(archive, clusters) == PAGES
    rows = [row for row in pairs.to_pylist() if row["rule"] == "aligned-256"]
    assert rows
    assert {(row["tier"], row["kind"]) for row in rows} == {("probable", "caption")}
    assert counters["again_contents"] >= 2
    assert counters["again_failed"] == 0
    assert counters["again_bytes"] <= archive[3].column("size").to_numpy().sum()


@pytest.mark.parametrize(
    ("shards", "counts"), [(3, None), (1, {"contents": 90_000, "objects": 900_000})], ids=["blocks", "partitions"]
)
def test_order_and_parallelism_change_nothing(archive, settled, tmp_path, shards, counts):
    order = np.random.default_rng(shards).permutation(archive[2].num_rows)
    again = run_match(tmp_path, archive, 10**9, shards, order, counts)
    for table, first, second in zip((PAIRS, CLUSTERS), settled, again, strict=False):
        keys = [(name, "ascending") for name in table.order]
        assert second.sort_by(keys).equals(first.sort_by(keys))


def test_a_small_budget_is_spent_on_the_likeliest_pair(archive, settled, tmp_path):
    sizes = archive[2].column("size").to_numpy()
    _, clusters, counters = run_match(tmp_path, archive, int(2 * sizes.max()))
    assert counters["again_contents"] == 2
    assert counters["again_bytes"] <= 2 * sizes.max()
    assert together(archive, clusters) < together(archive, settled[1])


def test_a_store_that_fails_leaves_the_pair_open(archive, settled, tmp_path, monkeypatch):
    lost = "stamp1.jpg"
    folder = archive[0]
    hidden = folder / "elsewhere"
    (folder / lost).rename(hidden)
    try:
        _, clusters, counters = run_match(tmp_path, archive, 10**9)
    finally:
        hidden.rename(folder / lost)
    assert counters["again_failed"] == 1
    assert together(archive, settled[1]) - together(archive, clusters) == {"page1.jpg"}


def test_bytes_that_changed_are_not_believed(archive, tmp_path):
    folder, names, contents, objects = archive
    data = (folder / "page2.jpg").read_bytes()
    other = objects.to_pylist()
    place = next(i for i, row in enumerate(other) if row["key"] == "stamp2.jpg")
    other[place] |= {"key": "page2.jpg", "size": len(data)}
    for row in other:  # another test may have moved a file and put it back
        row["etag"] = file_etag(os.stat(folder / row["key"]))
    changed = (folder, names, contents, pa.Table.from_pylist(other, schema=OBJECTS.schema))
    assert run_match(tmp_path, changed, 10**9)[2]["again_failed"] == 1


requests = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)).filter(lambda row: row[1] < row[2]),
    max_size=30,
    unique_by=lambda row: row[1:],
)


def as_requests(rows) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "rank": rank,
                "content_a": f"{a:016x}",
                "content_b": f"{b:016x}",
                "size_a": a + 1,
                "size_b": b + 1,
                "a": a,
                "b": b,
                "ways": 0,
            }
            for rank, a, b in rows
        ],
        schema=REQUESTS,
    )


@settings(deadline=None)
@given(requests, st.integers(0, 60), st.randoms())
def test_the_budget_holds_and_parts_lose_nothing(rows, budget, random):
    whole = within_budget(as_requests(rows), budget)
    wanted = [name for block in contents_of(whole) for name in block.column("content_id").to_pylist()]
    assert len(set(wanted)) == len(wanted)
    assert sum(int(name, 16) + 1 for name in wanted) <= budget
    random.shuffle(rows)
    cut = random.randint(0, len(rows))
    parts = [within_budget(as_requests(part), budget, part=True) for part in (rows[:cut], rows[cut:])]
    assert within_budget(pa.concat_tables(parts), budget).equals(whole)
