"""What people are asked and shown is what their decision would do, and each number is the same wherever it stands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import duckdb
import pytest
from rich.console import Console

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.commands.summary import plain_summary, summarise
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.publish import commands, source_argument
from mirrorfold.pipelines.savings import decisions_totals
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.publish.report import grounds
from mirrorfold.transforms.publish.text import human_bytes
from mirrorfold.transforms.retain.verdicts import looked_at
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput, open_output
from mirrorfold.transforms.verify.queue import QUEUE_CHECKS, open_queue
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish


def index_of(folder: Path) -> dict:
    text = (folder / "review" / "data" / "index.js").read_text()
    return json.loads(json.loads(re.search(r"receive\((.*)\)", text, re.DOTALL)[1].split(",", 1)[1]))


def queue_of(folder: Path) -> list[dict]:
    found = duckdb.sql(f"select * from '{folder}/review/queue/*.parquet' order by pair")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def archive(tmp_path) -> Archive:
    """Four clusters: one that waits, one below the cut-off, a role variant, one whose exact copies go first."""
    made = Archive(tmp_path)
    add_clusters(made, 4)
    waits, below, role, first = (row for row in made.rows["decisions"] if row["action"] == "review")
    waits |= {"rule": "probable", "bytes_if_same": waits["bytes_freed"]}
    kept = {"action": "keep", "bytes_freed": 0, "kept_uri": None, "bytes_if_same": 70}
    below |= kept | {"rule": "below-cutoff", "bytes_below_cutoff": 70, "conflicts": ["licence"]}
    role |= kept | {"rule": "role-master", "conflicts": ["catalogue_no"]}
    first |= kept | {"rule": "identical-first", "size": 70}
    made.write()
    return made


NO_PICTURES = Options(thumbnails=0, proofs=0, sketches=0, sample=10)


def test_pairs_outside_the_review_show_the_conflicts_and_bytes_of_the_decision(archive) -> None:
    rows = {row["rule"]: row for row in queue_of(publish(archive, NO_PICTURES).folder)}
    sampled = [row for row in queue_of(archive.root / "out") if row["sample_only"]]
    assert sorted((row["bytes_if_same"], *row["conflicts"]) for row in sampled) == [
        (70, "catalogue_no"),
        (70, "licence"),
    ]
    assert rows["identical-first"]["bytes_freed"] == rows["identical-first"]["bytes_if_same"] == 70
    index = index_of(archive.root / "out")
    assert sorted(index["flags"][pair] & 5 for pair in range(index["count"])) == [0, 0, 5, 5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("0::bigint as bytes_if_same", "frees other bytes"),
        ("[]::varchar[] as conflicts", "fewer conflicts"),
        ("true as sample_only", "isn't asked about"),
        ("false as sample_only", "waits for nobody"),
    ],
)
def test_verify_sees_a_queue_that_says_something_else(archive, tmp_path, change: str, said: str) -> None:
    out = publish(archive, NO_PICTURES).folder

    def broken(queue: str) -> list[str]:
        db = duckdb.connect()
        db.execute(f"create view decisions as select * from '{out}/decisions/*.parquet'")
        assert open_queue(db, [queue])
        return [check.text for check in QUEUE_CHECKS if db.execute(check.sql).fetchall()]

    (path,) = (str(path) for path in (out / "review" / "queue").glob("*.parquet"))
    assert broken(path) == []
    duckdb.sql(f"copy (select * replace ({change}) from '{path}') to '{tmp_path}/changed.parquet'")
    assert any(said in text for text in broken(f"{tmp_path}/changed.parquet"))


def test_report_pages_and_summary_count_the_same_work(archive) -> None:
    report = publish(archive, NO_PICTURES).text("report.html")
    assert "No byte-for-byte copies may go under this policy. 174 bytes wait" in report
    assert report.count('<td class="n">174 bytes</td>') == 1, "the library's row has the copies that go after others"
    index = index_of(archive.root / "out")
    output = open_output(archive.output)
    with Console(width=200, record=True, file=open("/dev/null", "w")) as console:
        console.print(summarise(output, True))
    screen = console.export_text()
    waiting = [pair for pair in range(index["count"]) if not index["flags"][pair] & 4]
    assert index["asked"] == len(waiting) == 2
    size = human_bytes(sum(index["bytes"][pair] for pair in waiting))
    assert size == "174 bytes"
    assert f"<b>{size}</b>" in report
    assert re.search(rf"<title>[^<]*: {size}</title>", report), "the bar says otherwise than the card"
    assert "2 pairs in 2 clusters" in report
    assert "174 B: 2 pairs in 2 clusters" in screen
    assert decisions_totals(output) == {"review_actions": 2}
    output.put("_SUCCESS", b"")
    waits = {"pairs": 2, "clusters": 2, "bytes_freed": 174}
    assert plain_summary(output, {}, ())["waits"] == waits
    assert index["work"] == {"pairs": 2, "clusters": 2, "bytes": 174}


def test_a_cluster_shown_in_parts_is_one_cluster(tmp_path) -> None:
    made = Archive(tmp_path)
    add_clusters(made, 60)
    for row in made.rows["decisions"] + made.rows["clusters"]:
        row["cluster_id"] = made.rows["decisions"][0]["content_id"]
        row["kept_uri"] = row["kept_uri"] and made.rows["decisions"][0]["uri"]
    made.write()
    report = publish(made, Options(thumbnails=0, proofs=0, sketches=0, sample=0)).text("report.html")
    index = index_of(tmp_path / "out")
    assert "60 pairs in 1 cluster," in report
    assert index["work"] == {"pairs": 60, "clusters": 1, "bytes": sum(index["bytes"])}
    assert (index["items"], index["clusters"]) == (3, [0, 0, 0])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("identical", 2)], ["2 are byte-for-byte copies"]),
        ([("identical", 2), ("people", 3)], ["2 are byte-for-byte copies", "3 go because people decided so"]),
        ([("people", 1), ("policy", 4)], ["1 goes because people", "4 are variants that the policy names"]),
    ],
    ids=["copies", "after verdicts", "a policy that names a tier"],
)
def test_the_headline_names_each_ground_and_no_other(rows, said) -> None:
    plan = [{"action": "quarantine", "freed": 9, "ground": ground, "objects": objects} for ground, objects in rows]
    text = str(grounds(plan)["en"])
    assert all(part in text for part in said)
    assert text.count(".") == len(said)


def verdict(who: str, said: str = "same", seen: bool = True) -> dict:
    pair = {"content_a": "a" * 64, "content_b": "b" * 64, "id": f"{who}{said}", "at": f"2026-01-0{len(said)}"}
    return pair | {"verdict": said, "reviewer": who, "reason": "", "seen": seen}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([verdict("ann", seen=False)], {}),
        ([verdict("ann", "defer")], {}),
        ([verdict("ann"), verdict("bo", seen=False)], {("a" * 64, "b" * 64): ("same", ("ann",))}),
        ([verdict("ann"), verdict("bo")], {("a" * 64, "b" * 64): ("same", ("ann", "bo"))}),
        ([verdict("ann"), verdict("bo", "different")], {("a" * 64, "b" * 64): ("conflict", ("ann", "bo"))}),
    ],
    ids=["a whole filter", "put off", "one of two looked", "two looked", "they disagree"],
)
def test_only_those_count_who_looked(said, found) -> None:
    assert looked_at(said) == found


def run_of(folder: Path, sources: tuple[SourceSpec, ...], previous: str | None = None) -> RunContext:
    policy = load_policy("museum")
    return RunContext(str(folder), Settings(), policy, sources, previous=previous)


STORES = {
    "a folder": ("file", "", "rclone"),
    "a bucket with versions": ("s3", "v1", "s3-batch"),
    "a bucket without": ("s3", "", "rclone"),
    "GCS": ("gs", "17", "storage-transfer"),
}


@pytest.mark.parametrize(("store", "version", "tool"), STORES.values(), ids=STORES)
def test_every_command_that_the_report_prints_is_one(tmp_path, store: str, version: str, tool: str) -> None:
    archive = Archive(tmp_path)
    row = {"uri": "x://b/1", "version": version, "library": "hk", "store": store, "action": "quarantine", "size": 9}
    archive.rows["objects"], archive.rows["decisions"] = [row], [row]
    archive.write()
    place = str(tmp_path) if store == "file" else "b"
    sources = (SourceSpec("my photos (2019)", "live", store, place), SourceSpec("hk", "live", store, place, "p/"))
    found = commands(run_of(tmp_path / "out", sources, previous="last month/"))
    assert "--previous 'last month/'" in found["again"]
    assert "my photos" not in found["again"]
    assert f"--to {tool}" in found["export"]
    for name in ("again", "import", "approve", "export", "check"):
        for line in found[name].splitlines():
            program, command, *words = shlex.split(line)
            assert program == "mirrorfold"
            parsed = cli.commands[command]
            if isinstance(parsed, click.Group):
                parsed, words = parsed.commands[words[0]], words[1:]
            parsed.make_context(command, words)


def test_a_merge_is_not_said_to_be_made_by_listing(tmp_path) -> None:
    archive = Archive(tmp_path)
    archive.write()
    LocalOutput(archive.output).put("_work/steps/merge.json", b"{}")
    found = commands(run_of(tmp_path / "out", (SourceSpec("hk", "live", "s3", "b"),)))
    assert found["again"] == ""
    assert "mirrorfold publish --output" in found["import"]


def test_a_library_is_named_only_where_the_command_line_takes_its_name() -> None:
    assert (
        source_argument(SourceSpec("my photos (2019)", "live", "file", "/a/my photos (2019)")) == "/a/my photos (2019)"
    )
