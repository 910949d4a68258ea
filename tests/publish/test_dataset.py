"""A corpus that models are trained on: planted leaks are found, figures add up, shards are as listed."""

from __future__ import annotations

import csv
import io
import json
import random
import tarfile
from pathlib import Path
from urllib.parse import urlparse

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo.archive import write_folder
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.finished.dataset import find_leakage, find_repeats, list_kept
from mirrorfold.transforms.publish import dataset
from mirrorfold.transforms.publish.webdataset import shards
from tests.audit.test_merge import mission
from tests.audit.world import pictures

pytestmark = pytest.mark.timeout(300)


def changed(data: bytes, side: int = 0, grey: bool = False) -> bytes:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture = picture.convert("L") if grey else picture
    if side:
        picture.thumbnail((side, side))
    picture.save(out := io.BytesIO(), "JPEG", quality=85)
    return out.getvalue()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """A web crawl to train on, and a test set with pictures of it: as they were, smaller, grey, and its own."""
    root, some = tmp_path_factory.mktemp("corpus"), pictures()
    china, coffee, rocket = (some[f"{name}.jpg"] for name in ("china", "coffee", "rocket"))
    write_folder({"china.jpg": china, "again/china.jpg": china, "coffee.jpg": coffee}, root / "web")
    write_folder({"a.jpg": china, "b.jpg": changed(coffee, 150), "own.jpg": rocket}, root / "test")
    return mission(root / "run", f"web={root / 'web'}", f"test={root / 'test'}", policy="training-set")


def rows(path: Path) -> list[dict]:
    return list(csv.DictReader(path.open(newline="")))


def test_every_planted_leak_is_found_and_no_other(corpus: Path):
    found = find_leakage(str(corpus), ["train=web", "test=test"])
    leaks = {Path(row["uri"]).name: row for row in rows(corpus / found.folder / "leaks.csv")}
    assert {name: row["class"] for name, row in leaks.items()} == {"a.jpg": "identical", "b.jpg": "near-certain"}
    assert Path(leaks["b.jpg"]["trained_uri"]).name == "coffee.jpg"
    assert leaks["b.jpg"]["kind"] == "resized"
    assert [(f["class"], f["leaks"], f["objects"]) for f in found.figures] == [
        ("identical", 1, 3), ("near-certain", 1, 3),
    ]  # fmt: skip
    left = {Path(row["uri"]).name for row in rows(corpus / found.folder / "leave-out.csv")}
    assert left == {"china.jpg", "coffee.jpg"}
    assert found.leave_out == 3


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_out_leaves_no_leak(seed: int):
    """Of random clusters over random splits what leaks shares bytes or a cluster, and without that nothing leaks."""
    chance = random.Random(seed)
    members = []
    for number in range(300):
        picture = chance.randrange(150)
        content, alone = f"{picture}-{chance.randrange(3)}", picture % 5 == 0
        content = str(number) if alone else content
        cluster, split = (None if alone else f"{picture}-0"), chance.choice(["train", "test", "val", None])
        tier = "identical" if content == cluster else chance.choice(dataset.SAME[1:])
        members.append(
            (f"u{number:03}", "", chance.choice("ab"), 1, content, cluster, cluster, tier, "resized", False, split)
        )
    left: set[str] = set()
    for _ in range(2):
        connection = duckdb.connect()
        connection.execute(
            "CREATE TABLE members (uri VARCHAR, version VARCHAR, library VARCHAR, size INT, content_id VARCHAR,"
            " cluster_id VARCHAR, family_id VARCHAR, tier VARCHAR, kind VARCHAR, master BOOL, split VARCHAR);"
            "CREATE TABLE pairs (content_a VARCHAR, content_b VARCHAR, kind VARCHAR, in_cluster BOOL)"
        )
        rest = [row for row in members if row[0] not in left]
        connection.executemany(f"INSERT INTO members VALUES ({', '.join('?' * 11)})", rest)
        dataset.find_leaks(connection, "train")
        found = {row[3] for row in dataset.leak_rows(connection) if row[1] in dataset.SAME}
        trained = [row for row in rest if row[10] == "train"]
        shown = {row[4] for row in trained}, {row[5] for row in trained} - {None}
        assert found == {
            row[0] for row in rest if row[10] in ("test", "val") and (row[4] in shown[0] or row[5] in shown[1])
        }
        assert bool(found) != bool(left)
        left = {row[0] for row in dataset.to_leave_out(connection, "train")}


def test_splits_are_named_by_pattern(corpus: Path):
    found = find_leakage(str(corpus), ["train=**/web/again/**", "test=test"])
    assert [f["class"] for f in found.figures] == ["identical"]
    assert find_leakage(str(corpus), ["train=**/web/nothing/**", "train=**/test/own.jpg", "test=web"]).figures == []


def test_shares_add_up(corpus: Path):
    figures = find_repeats(str(corpus))
    found = {(f["library"], f["class"]): (f["repeats"], f["objects"]) for f in figures}
    assert sum(repeats for repeats, _ in found.values()) == 6 - 3, "six files, three pictures"
    assert all(f["share"] == f["repeats"] / f["objects"] and f["own"] <= f["repeats"] for f in figures)
    assert {of for _, of in found.values()} == {3}


@pytest.mark.parametrize(("one_per", "samples"), [("picture", 3), ("content", 3), ("object", 3)])
def test_the_list_has_one_file_for_each(corpus: Path, one_per: str, samples: int):
    done = list_kept(str(corpus), "jsonl", one_per, 1)
    (path,) = (corpus / done.folder).iterdir()
    said = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(said) == done.samples
    assert done.samples >= samples
    assert all(Path(urlparse(row["uri"]).path).exists() for row in said)
    if one_per == "picture":
        assert sorted(row["files"] for row in said) == [1, 2, 3]


def test_shards_made_by_the_lists_are_as_the_index_says(corpus: Path, tmp_path: Path):
    done = list_kept(str(corpus), "webdataset", "picture", 40_000)
    listed = json.loads((corpus / done.folder / "index.json").read_text())
    assert listed["__kind__"] == "wids-shard-index-v1"
    assert sum(shard["nsamples"] for shard in listed["shardlist"]) == 3
    assert len(listed["shardlist"]) > 1
    for shard in listed["shardlist"]:
        lines = (corpus / done.folder / shard["url"].replace(".tar", ".jsonl")).read_text().splitlines()
        pack(tmp_path / shard["url"], [json.loads(line) for line in lines])
        assert (tmp_path / shard["url"]).stat().st_size == shard["filesize"]
        with tarfile.open(tmp_path / shard["url"]) as tar:
            assert len(tar.getnames()) == 2 * shard["nsamples"]


def pack(path: Path, samples: list[dict]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            data = Path(urlparse(sample["uri"]).path).read_bytes()
            for ending, content in ((sample["ending"], data), ("json", sample["json"].encode())):
                member = tarfile.TarInfo(f"{sample['__key__']}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


@given(st.lists(st.integers(0, 50_000), max_size=20), st.integers(1, 100_000))
def test_no_shard_is_larger_than_asked_but_for_one_picture(sizes: list[int], largest: int):
    files = [
        {"content_id": f"{n:064d}", "media_type": "image/png", "uri": "u", "version": "", "size": size}
        for n, size in enumerate(sizes)
    ]
    made = list(shards(files, largest))
    assert [s["__key__"] for shard in made for s in shard.samples] == [file["content_id"] for file in files]
    assert all(shard.filesize <= largest or len(shard.samples) == 1 for shard in made)
    assert len({shard.name for shard in made}) == len(made)


BAD = {
    "one split": (["train=web"], "between two splits or more"),
    "no name": (["train=web", "test"], "write NAME=LIBRARY"),
    "overlap": (["train=web", "test=**/coffee.jpg"], "lies in two splits"),
    "empty": (["train=web", "test=nobody"], "no picture lies in the split test"),
}


@pytest.mark.parametrize(("splits", "said"), BAD.values(), ids=BAD)
def test_bad_splits_are_one_line(corpus: Path, splits: list[str], said: str):
    done = CliRunner().invoke(cli, ["dataset", "leakage", str(corpus), *(f"--split={split}" for split in splits)])
    assert done.exit_code
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_the_commands(corpus: Path):
    for command, said in (
        (["leakage", str(corpus), "--split", "train=web", "--split", "test=test"], "to leave out of training"),
        (["repeats", str(corpus)], "identical"), (["kept", str(corpus), "--to", "webdataset"], "3 samples"),
    ):  # fmt: skip
        done = CliRunner().invoke(cli, ["dataset", *command])
        assert said in done.output, done.output
    bad = CliRunner().invoke(cli, ["dataset", "kept", str(corpus), "--shard-bytes", "many"])
    assert "write a size" in str(bad.exception)
