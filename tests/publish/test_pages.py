"""The review pages' files: whole, consistent, and safe to run as scripts."""

from __future__ import annotations

import json
import re
import shutil

import pyarrow as pa
import pytest

from mirrorfold.transforms.publish.pages import ITEMS_PER_SHARD, SCRIPTS
from mirrorfold.transforms.publish.publish import Options
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish


def arguments(text: str, name: str) -> list:
    """Read what a data script hands over, without running it."""
    body = re.fullmatch(rf'mirrorfold\.receive\("{name}",(.*)\);\n', text, re.DOTALL)[1]
    return json.loads(f"[{body}]")


@pytest.fixture(scope="module")
def index(published) -> dict:
    return json.loads(arguments(published.text("review/data/index.js"), "index")[0])


@pytest.fixture(scope="module")
def items(published) -> list[dict]:
    return arguments(published.text("review/data/items-00000.js"), "items")[1]


def test_data_scripts_are_ascii_data_and_nothing_else(published) -> None:
    for path in (published.folder / "review" / "data").iterdir():
        data = path.read_bytes()
        assert data.isascii()
        assert data.count(b"\n") == 1
        arguments(data.decode(), path.stem.partition("-")[0])


def test_index_items_and_ids_speak_of_the_same_pairs(published, index: dict, items: list[dict]) -> None:
    ids = arguments(published.text("review/data/ids-00000.js"), "ids")[1]
    assert index["count"] == len(ids) == len(index["item"]) == len(index["bytes"])
    seen = []
    for number, item in enumerate(items):
        for pair in item["pairs"]:
            assert index["item"][pair["n"]] == number
            content_a, content_b, kept_is_b = ids[pair["n"]]
            kept, other = item["contents"][pair["kept"]]["id"], item["contents"][pair["other"]]["id"]
            assert {content_a, content_b} == {kept, other}
            assert kept == (content_b if kept_is_b else content_a)
            seen.append(pair["n"])
    assert seen == list(range(index["count"]))


def test_every_picture_is_there(published, items: list[dict]) -> None:
    pictures = {content["pic"] for item in items for content in item["contents"]}
    assert pictures
    for picture in pictures:
        assert (published.folder / "review" / picture).read_bytes()[8:12] == b"WEBP"


def test_the_largest_clusters_have_proofs(items: list[dict]) -> None:
    large = [{content["id"] for content in item["contents"] if content["pic"].endswith("-1024.webp")} for item in items]
    first = {content["id"] for item in items[:2] for content in item["contents"]}
    assert set().union(*large[:2]) == first
    assert set().union(*large[2:]) <= first, "what of them is below the cut-off comes again, last"


def test_paths_versions_and_hostile_metadata_arrive_exactly(published, items: list[dict]) -> None:
    shown = {tuple(place[:2]) for item in items for content in item["contents"] for place in content["at"]}
    listed = {(row["uri"], row["version"]) for row in published.archive.rows["decisions"] if row.get("cluster_id")}
    assert shown <= listed
    assert len(shown) > 40
    assert any("<img src=x" in content["meta"].get("creator", "") for item in items for content in item["contents"])


def test_the_page_loads_its_scripts_in_order_and_allows_no_others(published) -> None:
    page = published.text("review/index.html")
    assert "script-src 'self'; style-src 'self'; img-src 'self' data:" in page
    assert "require-trusted-types-for 'script'" in page
    sources = re.findall(r'<script defer src="([^"]+)"></script>', page)
    assert sources == [*SCRIPTS[:2], "words.js", "data/index.js", "data/team.js", "served.js", *SCRIPTS[2:]]
    assert page.count("<script") == len(sources)
    assert " style=" not in page
    assert not re.findall(r"\son\w+=", page)


def test_no_script_writes_markup(published) -> None:
    for name in SCRIPTS:
        text = published.text(f"review/{name}")
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert sink not in text, (name, sink)


def test_a_smaller_queue_leaves_no_stale_shard(tmp_path) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, ITEMS_PER_SHARD + 5)
    archive.write()
    options = Options(thumbnails=0, proofs=0, sketches=0, sample=0)
    folder = publish(archive, options).folder / "review" / "data"
    assert {path.name for path in folder.glob("items-*")} == {"items-00000.js", "items-00001.js"}
    verdicts = folder.parent / "verdicts" / "kept.parquet"
    verdicts.parent.mkdir()
    verdicts.write_bytes(b"people's work")
    shutil.rmtree(tmp_path / "out" / "decisions")
    archive.rows["decisions"] = archive.rows["decisions"][:4]
    archive.write()
    publish(archive, options)
    assert {path.name for path in folder.glob("items-*")} == {"items-00000.js"}
    assert verdicts.read_bytes() == b"people's work"


def test_clusters_beyond_the_limit_are_counted(tmp_path) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 8)
    archive.write()
    result = publish(archive, Options(clusters=5, thumbnails=0, proofs=0, sketches=0, sample=0))
    found = json.loads(arguments(result.text("review/data/index.js"), "index")[0])
    assert (found["items"], found["count"], found["beyond"]) == (5, 5, 3)


def test_what_the_catalogue_says_is_told_apart_from_what_the_file_says(tmp_path) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 2)
    archive.write()
    said = [
        pa.table({"uri": ["s3://bucket/0a", "s3://bucket/0b"], "licence": ["CC0", "<b>ours</b>"]}),
        pa.table({"uri": ["s3://bucket/unknown", "s3://bucket/0b"], "catalogue_no": ["1", "HK-7"]}),
    ]
    result = publish(archive, Options(thumbnails=0, proofs=0, sketches=0, sample=0), records=said)
    first, second = arguments(result.text("review/data/items-00000.js"), "items")[1]
    records = [content["record"] for content in first["contents"]]
    assert records == [{"licence": "CC0"}, {"licence": "<b>ours</b>", "catalogue_no": "HK-7"}]
    assert [content["record"] for content in second["contents"]] == [{}, {}]
