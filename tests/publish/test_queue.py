"""The queue: everything that waits, the largest first, with a sample that stays the same."""

from __future__ import annotations

import itertools
import json

import duckdb
import pyarrow.parquet as pq
import pytest

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.tables import open_tables, rows_of
from mirrorfold.transforms.publish import queue
from mirrorfold.transforms.publish.pages import FLAGS
from mirrorfold.transforms.publish.publish import COLUMNS, Options, register_verdicts
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.verify.queue import QUEUE_CHECKS
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish


def ask(archive: Archive, sample: int = 0, seed: str = "s", looked: dict | None = None) -> tuple[list[dict], dict]:
    """Build the queue of an archive's tables."""
    with open_tables(open_output(archive.output), {TABLES[name]: c for name, c in COLUMNS.items()}) as connection:
        register_verdicts(connection, {}, looked or {})
        queue.build_queue(connection, sample, seed)
        return rows_of(connection, "select * from queue order by pair"), queue.sample_verdicts(connection)


def digest(number: int) -> str:
    return f"{number:064x}"


def cluster(archive: Archive, master: int, sizes: list[int], tier: str = "probable", action: str = "review") -> None:
    """Add a cluster of a master and variants of these sizes, by rows alone."""
    for place, size in enumerate([0, *sizes]):
        content, uri = digest(master + place), f"file:///a/{master}-{place}"
        row = {
            "uri": uri, "version": "", "etag": "e", "library": "hk", "storage_class": "FILE", "size": size,
            "content_id": content, "cluster_id": digest(master), "action": action if place else "keep",
            "bytes_freed": size if action == "review" else 0, "tier_to_kept": tier if place else None,
            "kept_uri": f"file:///a/{master}-0" if place else None, "kept_version": "" if place else None,
        }  # fmt: skip
        archive.rows["decisions"].append(row)
        archive.rows["clusters"].append(
            row
            | {"family_id": digest(master), "is_master": not place, "tier": tier, "kind": "resized", "kind_text": "r"}
        )


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path)


def test_ranks_clusters_by_what_they_free(archive: Archive) -> None:
    for master, sizes in ((100, [5]), (200, [50, 1]), (300, [20])):
        cluster(archive, master, sizes)
    archive.write()
    rows, _ = ask(archive)
    assert [row["bytes_freed"] for row in rows] == [50, 1, 20, 5]
    assert [row["item"] for row in rows] == [0, 0, 1, 2]
    assert all(row["content_a"] < row["content_b"] for row in rows)
    assert all(row["kept"] == row["cluster_id"] for row in rows)


def test_shows_a_large_cluster_in_parts_and_every_pair_once(archive: Archive) -> None:
    cluster(archive, 1000, list(range(1, 61)))
    archive.write()
    rows, _ = ask(archive)
    sizes = [len(list(group)) for _, group in itertools.groupby(rows, key=lambda row: row["item"])]
    assert sizes == [24, 24, 12]
    assert len({row["other"] for row in rows}) == 60


def test_draws_the_same_sample_again_and_another_with_another_seed(archive: Archive) -> None:
    for master in range(0, 4000, 40):
        cluster(archive, master, [3], action="keep")
    archive.write()
    drawn = [{row["other"] for row in ask(archive, 10, seed)[0]} for seed in ("s", "s", "t")]
    assert len(drawn[0]) == 10
    assert drawn[0] == drawn[1] != drawn[2]


def test_samples_every_tier(archive: Archive) -> None:
    for master in range(0, 4000, 40):
        cluster(archive, master, [3], tier="near-certain" if master % 80 else "probable", action="keep")
    archive.write()
    rows, _ = ask(archive, 7)
    assert sorted(row["tier"] for row in rows) == ["near-certain"] * 7 + ["probable"] * 7
    assert all(row["sample_only"] and row["bytes_freed"] == 0 for row in rows)


def test_verdicts_on_the_sample_give_the_tiers_precision_and_leave_the_queue(archive: Archive) -> None:
    for master in range(0, 400, 40):
        cluster(archive, master, [3], action="keep")
    archive.write()
    said = ["same", "same", "split", "different", "defer", "conflict"]
    pairs = {
        (digest(40 * n), digest(40 * n + 1)): (outcome, ("ann", "bo")[n % 2 :])
        for n, outcome in enumerate(said)
        if outcome != "defer"
    }
    rows, verdicts = ask(archive, 100, looked=pairs)
    assert verdicts == {"probable": queue.Found(looked=4, same=3, people=2)}
    left = {row["kept"] for row in rows}
    assert left == {digest(40 * n) for n in range(4, 10)}


def test_asks_about_identical_bytes_whose_records_conflict(archive: Archive) -> None:
    cluster(archive, 100, [5])
    for row in archive.rows["decisions"]:
        row["content_id"] = digest(100)
    archive.rows["decisions"][1] |= {"tier_to_kept": "identical", "conflicts": ["licence"]}
    archive.write()
    (row,) = ask(archive)[0]
    assert (row["content_a"], row["content_b"], row["kind"]) == (digest(100), digest(100), "copy")
    assert row["conflicts"] == ["licence"]


def test_an_archive_without_twins_has_an_empty_queue(archive: Archive) -> None:
    archive.write()
    assert ask(archive, 10) == ([], {})


def test_writes_the_whole_queue_as_parquet(published) -> None:
    (path,) = (published.folder / "review" / "queue").iterdir()
    table = pq.read_table(path)
    assert table.column_names == list(queue.COLUMNS)
    waiting = {row["content_id"] for row in published.archive.rows["decisions"] if row["action"] == "review"}
    assert waiting <= set(table.column("other").to_pylist())


@pytest.fixture
def beside(tmp_path):
    """Six clusters: three wait, two are below the cut-off, one is a near miss of another picture."""
    made = Archive(tmp_path)
    add_clusters(made, 6)
    going = [row for row in made.rows["decisions"] if row["action"] == "review"]
    for row in going[3:5]:
        row |= {"action": "keep", "rule": "below-cutoff", "bytes_below_cutoff": 999_999, "bytes_freed": 0}
    going[5] |= {"action": "keep", "rule": "only-copy", "bytes_freed": 0, "kept_uri": None}
    ids = sorted(row["content_id"] for row in made.rows["decisions"][-2:])
    made.add_pair(*ids, "probable", "similar", "looks alike, not confirmed", 12, in_cluster=False)
    made.write()
    return publish(made, Options(thumbnails=0, proofs=0, sketches=0, sample=0))


def test_what_nobody_has_to_look_at_comes_last_in_queues_of_its_own(beside) -> None:
    files = f"{beside.folder}/review/queue/*.parquet"
    rows = duckdb.sql(f"from '{files}' select beside, sample_only, bytes_freed order by pair")
    assert rows.fetchall() == [
        ("", False, 106), ("", False, 105), ("", False, 104),
        ("below", False, 999_999), ("below", False, 999_999), ("similar", True, 0),
    ]  # fmt: skip
    assert "3 pairs in 3 clusters" in beside.text("report.html")
    index = json.loads(json.loads(beside.text("review/data/index.js").split(",", 1)[1].rsplit(")", 1)[0]))
    assert (index["asked"], index["sampled"], index["count"]) == (3, 0, 6)
    assert [flag & (FLAGS["below"] | FLAGS["similar"]) for flag in index["flags"]] == [0, 0, 0, 32, 32, 64]


def test_verify_sees_a_pair_called_below_the_cut_off_that_isnt(beside) -> None:
    with duckdb.connect() as db:
        db.execute(f"create view decisions as select * from '{beside.folder}/decisions/*.parquet'")
        db.execute(
            f"create view queue as select * replace ('below' as beside) from '{beside.folder}/review/queue/*.parquet'"
        )
        broken = [check.text for check in QUEUE_CHECKS if db.execute(check.sql).fetchall()]
    assert any("called below the cut-off" in text for text in broken)
