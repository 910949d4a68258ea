"""The match step from tables to tables: what it finds, and that order and parallelism change nothing."""

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import match as step
from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.cluster import wiring as cluster_wiring
from mirrorfold.transforms.match import wiring as match_wiring
from mirrorfold.transforms.stores.output import open_output

from .match_pictures import content_id, make_contents, make_objects, photographs

VARIANTS = {
    "whole": lambda p: p,
    "half": lambda p: p.resize((p.width // 2, p.height // 2)),
    "grey": lambda p: p.convert("L"),
    "cropped": lambda p: p.crop((p.width // 20, p.height // 20, p.width - p.width // 20, p.height - p.height // 20)),
    "turned": lambda p: p.rotate(90, expand=True),
}


@pytest.fixture(scope="module")
def archive():
    pictures = [make(picture) for picture in photographs() for make in VARIANTS.values()]
    changes = [{"picture_digest": f"d{i}"} for i in range(len(pictures))]
    contents = make_contents(pictures, changes)
    blank = make_contents([photographs()[0]] * 3, [{"low_information": True, "pdq_quality": 10}] * 3)
    ids = [content_id(1000 + i) for i in range(3)]
    blank = blank.set_column(0, CONTENTS.schema.field("content_id"), pa.array(ids))
    names = {content_id(i): (i // len(VARIANTS), list(VARIANTS)[i % len(VARIANTS)]) for i in range(len(pictures))}
    contents = pa.concat_tables([contents, blank])
    held = contents.column("content_id").to_pylist()
    return contents, make_objects(held + held[:2] + held[-1:]), names


def run_match(folder, contents, objects, shards=1, counts=None, crops=True) -> tuple[pa.Table, pa.Table]:
    output = open_output(str(folder))
    for table, rows in ((CONTENTS, contents), (OBJECTS, objects)):
        for shard in range(shards):
            part = rows.take(np.arange(shard, rows.num_rows, shards))
            parquet.write_shard(output, table, part, shard, shards)
    settings = Settings(match={"crops": crops})
    counts = counts or {"contents": contents.num_rows, "objects": objects.num_rows}
    run = RunContext(output=str(folder), settings=settings, policy=load_policy("default"), counts=counts)
    with beam.Pipeline("FnApiRunner") as root:
        step.build(root, run)
    return parquet.read_table(output, PAIRS), parquet.read_table(output, CLUSTERS)


@pytest.fixture(scope="module")
def matched(archive, tmp_path_factory):
    contents, objects, _ = archive
    return run_match(tmp_path_factory.mktemp("matched"), contents, objects)


def test_clusters_hold_the_variants_of_one_photograph(archive, matched):
    names = archive[2]
    for row in matched[1].to_pylist():
        if row["content_id"] in names:
            assert names[row["content_id"]][0] == names[row["cluster_id"]][0]
    grouped = {names[row["content_id"]] for row in matched[1].to_pylist() if row["content_id"] in names}
    assert len(grouped) >= 0.9 * len(names)


def test_every_cluster_has_one_master_and_its_id(matched):
    masters = [row for row in matched[1].to_pylist() if row["is_master"]]
    assert len(masters) == len({row["cluster_id"] for row in matched[1].to_pylist()})
    assert all(row["content_id"] == row["cluster_id"] for row in masters)


def test_low_information_pictures_match_by_content_only(matched):
    rows = [row for row in matched[1].to_pylist() if row["content_id"] in {content_id(1000 + i) for i in range(3)}]
    assert [row["content_id"] for row in rows] == [content_id(1002)] * 2
    assert {row["tier"] for row in rows} == {"identical"}


def test_kinds_are_named(archive, matched):
    names = archive[2]
    texts = {}
    for row in matched[1].to_pylist():
        if row["content_id"] in names and row["content_id"] != row["cluster_id"]:
            texts.setdefault(names[row["content_id"]][1], set()).add(row["kind"])
    assert texts["cropped"] == {"cropped"}
    assert texts["turned"] == {"rotated-90"}
    assert "resized" in texts["half"]
    assert "greyscale" in texts["grey"]


def test_pairs_are_canonical(matched):
    rows = matched[0].to_pylist()
    keys = [(row["content_a"], row["content_b"]) for row in rows]
    assert all(a < b for a, b in keys)
    assert len(set(keys)) == len(keys)
    assert {row["tier"] for row in rows} <= {"same-picture", "near-certain", "probable"}
    clustered = {row["content_id"]: row["cluster_id"] for row in matched[1].to_pylist()}
    for content, cluster in clustered.items():
        assert content == cluster or tuple(sorted((content, cluster))) in set(keys)


@pytest.mark.parametrize(
    ("shards", "counts"),
    [(3, None), (1, {"contents": 900_000, "objects": 900_000})],
    ids=["shuffled-blocks", "more-partitions"],
)
def test_order_and_parallelism_change_nothing(archive, matched, tmp_path, shards, counts):
    contents, objects, _ = archive
    random = np.random.default_rng(shards)
    again = run_match(
        tmp_path,
        contents.take(random.permutation(contents.num_rows)),
        objects.take(random.permutation(objects.num_rows)),
        shards,
        counts,
    )
    for table, first, second in zip((PAIRS, CLUSTERS), matched, again, strict=True):
        order = [(name, "ascending") for name in table.order]
        assert second.sort_by(order).equals(first.sort_by(order))


def test_partitions_change_nothing(archive, matched, tmp_path, monkeypatch):
    """With two contents a partition nearly every edge crosses one, and nearly every family lies in several."""
    for module in (match_wiring, cluster_wiring):
        monkeypatch.setattr(module, "CONTENTS_PER_PARTITION", 2)
    monkeypatch.setattr(match_wiring, "FEATURES_PER_PARTITION", 2)
    monkeypatch.setattr(cluster_wiring, "MOST_IN_ONE", 0)
    monkeypatch.setattr(cluster_wiring, "NODES_PER_PARTITION", 5)
    for table, first, second in zip((PAIRS, CLUSTERS), matched, run_match(tmp_path, *archive[:2]), strict=True):
        order = [(name, "ascending") for name in table.order]
        assert second.sort_by(order).equals(first.sort_by(order))


def test_nothing_to_match_gives_empty_tables(tmp_path):
    pairs, clusters = run_match(tmp_path, CONTENTS.empty(), OBJECTS.empty())
    assert pairs.num_rows == clusters.num_rows == 0
