"""An audit that matches only what changed writes the very bytes that matching everything writes."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import match, match_new
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record import previous
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.match.agreement import agreeing
from mirrorfold.transforms.match.incremental.search import make_broadcast, pass_by
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.plan import make_plan
from mirrorfold.transforms.match.signatures import KINDS, make_light, node_ids
from mirrorfold.transforms.match.verify import CHECK_LIMIT
from mirrorfold.transforms.stores.output import open_output

from .match_pictures import content_id, make_contents, make_objects, photographs

TABLES = ("edges", "pairs", "clusters")


def variants(picture):
    """Give a picture and what archives hold of it: crops of several depths, turned, marked and small ones."""
    width, height = picture.size
    yield picture
    for share in (20, 12, 8):
        yield picture.crop((width // share, height // share, width - width // share, height - height // share))
    yield picture.crop((0, 0, width * 9 // 10, height * 9 // 10))
    yield picture.resize((width // 2, height // 2))
    yield picture.convert("L")
    yield picture.rotate(90, expand=True)
    yield picture.resize((width // 3, height // 3))


@pytest.fixture(scope="module")
def archive():
    pictures = [found for picture in photographs() for found in variants(picture)]
    changes = [{"picture_digest": f"d{i}", "low_information": i == 3} for i in range(len(pictures))]
    return make_contents(pictures, changes)


def world(archive: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Draw a state of the archive: most contents, some with copies, of sizes that decide who is kept."""
    random = np.random.default_rng(seed)
    contents = archive.filter(pa.array(random.random(archive.num_rows) < 0.85))
    ids = contents.column("content_id").to_pylist()
    held = ids + [ids[i] for i in random.integers(0, len(ids), 8)]
    objects = make_objects(held, [f"s3://b/{held[i][:8]}-{held[:i].count(held[i])}.jpg" for i in range(len(held))])
    # The default policy prefers the older of two that are alike; a few objects were written again since.
    times = np.where(random.random(len(held)) < 0.4, 100_000, 0) + np.array([int(i[:4], 16) for i in held])
    index = objects.schema.get_field_index("last_modified")
    written = pa.array((times * 1_000_000).tolist(), OBJECTS.schema.field("last_modified").type)
    return contents, objects.set_column(index, OBJECTS.schema.field("last_modified"), written)


def run_match(folder: Path, state: tuple[pa.Table, pa.Table], crops: bool, before: Path | None = None) -> dict:
    contents, objects = state
    output = open_output(str(folder))
    for table, rows in ((CONTENTS, contents), (OBJECTS, objects)):
        for shard, start in enumerate((0, rows.num_rows // 2)):  # some shards hold nothing but new contents
            part = rows.slice(start) if start else rows.slice(0, rows.num_rows // 2)
            parquet.write_shard(output, table, sort_rows(part, table.order), shard, 2)
    settings = Settings(match={"crops": crops})
    counts = {"contents": contents.num_rows, "objects": objects.num_rows}
    earlier = str(before) if before else None
    run = RunContext(str(folder), settings, load_policy("default"), counts=counts, previous=earlier)
    with beam.Pipeline("FnApiRunner") as root:
        match.build(root, run)
    return {f"{name}/{path.name}": path.read_bytes() for name in TABLES for path in (folder / name).iterdir()}


@pytest.mark.parametrize(
    ("seed", "crops"), [(1, True), (2, True), (3, True), (4, False)], ids=["one", "two", "three", "whole pictures only"]
)
def test_matching_what_changed_equals_matching_everything(archive, tmp_path, monkeypatch, seed, crops) -> None:
    monkeypatch.setattr(previous, "same_matching", lambda run: False)
    monkeypatch.setattr(previous, "searched_alike", lambda run: False)
    run_match(tmp_path / "before", world(archive, seed), crops)
    full = run_match(tmp_path / "full", world(archive, seed + 10), crops, tmp_path / "before")
    monkeypatch.setattr(previous, "searched_alike", lambda run: True)
    monkeypatch.setattr(match_new, "FEWEST_CONTENTS", 0)
    monkeypatch.setattr(match_new, "LARGEST_SHARE", 1)
    assert run_match(tmp_path / "again", world(archive, seed + 10), crops, tmp_path / "before") == full
    assert (tmp_path / "again/_work/match/new.parquet").exists()
    assert not (tmp_path / "full/_work/match").exists()


@pytest.mark.parametrize(("old", "new"), [(0, 3), (3, 0)], ids=["old wholes, new crops", "old crops, new wholes"])
def test_crops_are_found_in_either_order(archive, tmp_path, monkeypatch, old: int, new: int) -> None:
    """A crop deep enough that only a window of the whole finds it."""
    monkeypatch.setattr(previous, "same_matching", lambda run: False)
    monkeypatch.setattr(previous, "searched_alike", lambda run: False)
    step = archive.num_rows // len(photographs())
    before = archive.take(pa.array(range(old, archive.num_rows, step)))
    now = pa.concat_tables([before, archive.take(pa.array(range(new, archive.num_rows, step)))])
    states = [(rows, make_objects(rows.column("content_id").to_pylist())) for rows in (before, now)]
    run_match(tmp_path / "before", states[0], True)
    full = run_match(tmp_path / "full", states[1], True, tmp_path / "before")
    monkeypatch.setattr(previous, "searched_alike", lambda run: True)
    monkeypatch.setattr(match_new, "FEWEST_CONTENTS", 0)
    monkeypatch.setattr(match_new, "LARGEST_SHARE", 1)
    assert run_match(tmp_path / "again", states[1], True, tmp_path / "before") == full
    assert parquet.read_table(open_output(str(tmp_path / "full")), match.EDGES).num_rows


@pytest.mark.parametrize(
    ("few", "share", "new"), [(0, 1.0, True), (1_000, 1.0, False), (0, 0.01, False)], ids=["few", "small", "too many"]
)
def test_when_everything_is_matched(archive, tmp_path, monkeypatch, few, share, new) -> None:
    monkeypatch.setattr(previous, "searched_alike", lambda run: True)
    monkeypatch.setattr(match_new, "FEWEST_CONTENTS", few)
    monkeypatch.setattr(match_new, "LARGEST_SHARE", share)
    for name, rows in (("before", archive.slice(0, 40)), ("now", archive.slice(2, 40))):
        parquet.write_shard(open_output(str(tmp_path / name)), CONTENTS, rows, 0, 1)
    run = RunContext(str(tmp_path / "now"), Settings(), counts={"contents": 40}, previous=str(tmp_path / "before"))
    found = match_new.plan_new(run)
    assert (found is not None) is new
    if found is not None:
        assert found.nodes.read().tolist() == sorted(node_ids(archive.column("content_id").slice(40, 2)).tolist())


def test_edges_of_a_removed_content_are_dropped(archive, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(previous, "searched_alike", lambda run: True)
    monkeypatch.setattr(match_new, "FEWEST_CONTENTS", 0)
    ids = archive.column("content_id").to_pylist()
    for name, rows in (("before", archive), ("now", archive.slice(1))):
        parquet.write_shard(open_output(str(tmp_path / name)), CONTENTS, rows, 0, 1)
    counts = {"contents": archive.num_rows - 1}
    found = match_new.plan_new(
        RunContext(str(tmp_path / "now"), Settings(), counts=counts, previous=str(tmp_path / "before"))
    )
    assert found.nodes.read().tolist() == []
    drop = match_new.DropLost(found.lost)
    drop.setup()
    edges = pa.table({"content_a": [ids[0], ids[1], ids[1]], "content_b": [ids[1], ids[0], ids[2]]})
    (kept,) = drop.process(edges)
    assert kept.to_pylist() == [{"content_a": ids[1], "content_b": ids[2]}]


def test_old_probes_meet_new_pictures_as_in_a_comparison_of_all(archive) -> None:
    rule = Rule(8, CHECK_LIMIT)
    light = make_light(archive, crops=True)
    hashes = light.column("hashes").combine_chunks().flatten().to_numpy().reshape(-1, KINDS)
    checks = light.column("checks").combine_chunks().flatten().to_numpy().reshape(len(hashes), KINDS, -1)
    low, nodes = light.column("low").to_numpy(), light.column("node").to_numpy()
    new = np.arange(0, len(hashes), 5)
    old = np.setdiff1d(np.arange(len(hashes)), new)
    expected = {
        tuple(sorted((int(nodes[i] << 6) + kind, int(nodes[j] << 6))))
        for i in old
        for j in new
        for kind in range(1, KINDS)
        if not low[i]
        and not low[j]
        and (hashes[i, kind] != hashes[i, 0] or (checks[i, kind] != checks[i, 0]).any())
        and (distance := int(hashes[i, kind] ^ hashes[j, 0]).bit_count()) <= rule.radius
        and agreeing(checks[i, kind][None], checks[j, :1], np.array([distance]), rule.check_limit)
    }
    plan = make_plan(rule.radius, 1_000, np.empty(0, np.uint64))
    found = pass_by(archive.take(pa.array(old)), make_broadcast([light.take(pa.array(new))], plan), plan, rule)
    assert set(zip(found["a"].to_pylist(), found["b"].to_pylist(), strict=True)) == expected
    assert len(expected) > 10


def test_nodes_are_the_first_58_bits() -> None:
    ids = [content_id(n) for n in range(50)]
    assert node_ids(pa.array(ids)).tolist() == [int(text[:16], 16) >> 6 for text in ids]
    assert node_ids(pa.chunked_array([ids[:3], ids[3:]])).tolist() == node_ids(pa.array(ids)).tolist()
    assert len(node_ids(pa.array([], pa.string()))) == 0
