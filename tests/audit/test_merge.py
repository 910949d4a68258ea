"""A merge equals one run over both sides where everything travelled; from hashes nothing is surer than probable."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.compute as pc
import pytest

from demo.archive import write_folder
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.merge import merge_mission, merged_request
from mirrorfold.pipelines.merging.pack import pack
from mirrorfold.pipelines.merging.sides import bring
from mirrorfold.pipelines.record.request import Request, resolve_policy
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.transforms.merge.withhold import WITHHELD
from tests.audit.world import WITHOUT_PAGES, World, pictures, shards, table
from tests.mission.stores import s3_client

EQUAL = ("objects", "contents", "failures", "pairs", "clusters", "decisions", "lineage", "savings")
pytestmark = pytest.mark.timeout(900)


def mission(output: Path, *sources: str, **settings) -> Path:
    chosen = Settings(**settings)
    specs = parse_sources(sources, chosen, str(output))
    run(Request(specs, chosen, resolve_policy(chosen)), str(output), steps=WITHOUT_PAGES)
    return output


def merge(output: Path, *folders: str | Path) -> Path:
    named = [str(folder) for folder in folders]
    steps = [step if step.name != "publish" else WITHOUT_PAGES[-1] for step in merge_mission(named)]
    run(merged_request(named), str(output), steps=tuple(steps))
    return output


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Two institutions' runs, and one over both."""
    root = tmp_path_factory.mktemp("merge")
    world = World(root / "archive")
    hk, gz = (f"{name}={world.root / name}" for name in ("hk", "gz"))
    return {
        "root": root,
        "archive": world.root,
        "a": mission(root / "a", hk),
        "b": mission(root / "b", gz),
        "both": mission(root / "both", hk, gz),
    }


@pytest.fixture(scope="module")
def merged(sides):
    return merge(sides["root"] / "merged", sides["b"], sides["a"])


@pytest.mark.parametrize("name", EQUAL)
def test_it_equals_one_run_over_both(sides, merged, name: str) -> None:
    assert shards(merged, name) == shards(sides["both"], name)


def test_each_side_gets_its_own_plan(sides, merged) -> None:
    found = json.loads((merged / "sides" / "sides.json").read_text())
    assert {side["name"]: side["libraries"] for side in found["sides"]} == {"a": ["hk"], "b": ["gz"]}
    for name, library in (("a", "hk"), ("b", "gz")):
        lines = (merged / "sides" / name / "quarantine.csv").read_text().splitlines()[1:]
        decided = table(merged, "decisions")
        mine = decided.filter(pc.and_(pc.equal(decided["action"], "quarantine"), pc.equal(decided["library"], library)))
        assert sorted(line.split('","')[0].strip('"') for line in lines) == sorted(mine["uri"].to_pylist())
    assert sum(row["objects"] for row in found["keeps"] if row["of"] != row["by"])
    page = (merged / "sides" / "index.html").read_text()
    assert "Which side keeps what" in page
    for side in found["sides"]:
        assert len(side["files"]) >= 4
        assert all((merged / "sides" / side["name"] / file).exists() for file in side["files"])
        assert all(f'href="{side["name"]}/{file}"' in page for file in side["files"])


def test_what_stays_at_home_stays(sides) -> None:
    packed = sides["root"] / "packed"
    pack(str(sides["b"]), str(packed), hashes_only=True)
    contents = table(packed, "contents")
    assert all(contents[name].null_count == contents.num_rows for name in WITHHELD)
    assert contents["search"].null_count == 0
    assert shards(packed, "objects") == shards(sides["b"], "objects")


def test_hashes_alone_find_every_content_that_has_a_twin_and_confirm_none(sides, merged) -> None:
    packed = sides["root"] / "packed for two"
    pack(str(sides["b"]), str(packed), hashes_only=True)
    output = merge(sides["root"] / "merged from hashes", sides["a"], f"b={packed}")
    at_home = {row["content_id"] for row in table(output, "contents").to_pylist() if row["luma"] is None}
    pairs = table(output, "pairs").to_pylist()
    blind = [row for row in pairs if {row["content_a"], row["content_b"]} & at_home and row["rule"] != "picture-digest"]
    assert blind
    assert {(row["tier"], row["in_cluster"], row["rule"]) for row in blind} == {("probable", False, "withheld")}
    assert all(row["correlation"] is None for row in blind)
    sure = {
        content_id
        for row in table(merged, "pairs").to_pylist()
        if row["tier"] == "near-certain" and {row["content_a"], row["content_b"]} & at_home
        for content_id in (row["content_a"], row["content_b"])
    }
    assert sure
    assert sure <= {row[end] for row in pairs for end in ("content_a", "content_b")}, "found, if not confirmed"
    identical = [row for row in table(merged, "decisions").to_pylist() if row["action"] == "quarantine"]
    mine = [row for row in table(output, "decisions").to_pylist() if row["action"] == "quarantine"]
    assert {row["uri"] for row in mine} == {row["uri"] for row in identical}


def edit(folder: Path, target: Path, **record) -> Path:
    """Copy what the checks of a merge read, with another record."""
    for name in ("_SUCCESS", "_work/request.json"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((folder / name).read_bytes())
    found = json.loads((folder / "run.json").read_text())
    (target / "run.json").write_text(json.dumps(found | record))
    return target


def test_other_algorithms_are_refused(sides, tmp_path) -> None:
    other = edit(sides["b"], tmp_path / "old", algorithms=["mf0"])
    with pytest.raises(UsageError, match=r"different versions.*run the older side again"):
        bring([str(sides["a"]), str(other)])


def test_other_schemas_are_refused(sides, tmp_path) -> None:
    other = edit(sides["b"], tmp_path / "old", schemas={"objects": 99})
    with pytest.raises(UsageError, match="version 99 of the table objects"):
        bring([str(sides["a"]), str(other)])


def test_an_unfinished_run_is_refused(sides, tmp_path) -> None:
    with pytest.raises(UsageError, match="holds no finished run"):
        bring([str(sides["a"]), str(tmp_path)])


def test_one_folder_on_two_machines_needs_names(sides, tmp_path) -> None:
    other = edit(sides["a"], tmp_path / "other")
    with pytest.raises(UsageError, match="name the sides"):
        bring([str(sides["a"]), str(other)])


def test_equal_names_are_told_apart(sides, tmp_path) -> None:
    other = edit(sides["a"], tmp_path / "other")
    request = json.loads((other / "_work/request.json").read_text())
    request["sources"][0]["bucket"] = str(sides["archive"])
    (other / "_work/request.json").write_text(json.dumps(request))
    one, two = bring([f"north={sides['a']}", f"south={other}"])
    assert (one.libraries, two.libraries) == (["north.hk"], ["south.hk"])
    folder = sides["archive"] / "hk"
    assert one.specs[0].bucket == f"north{folder}"
    assert one.side.names.uri(f"file://{folder}/x.jpg") == f"file://north{folder}/x.jpg"
    assert one.side.names.uri(f"file://{folder}-other/x.jpg") == f"file://{folder}-other/x.jpg"


def test_other_policies_are_not_chosen_silently(sides, tmp_path) -> None:
    other = edit(sides["b"], tmp_path / "other")
    request = json.loads((other / "_work/request.json").read_text())
    request["policy"]["min_archival_copies"] = 2
    (other / "_work/request.json").write_text(json.dumps(request))
    with pytest.raises(UsageError, match="--policy"):
        merged_request([str(sides["a"]), str(other)])


def test_a_hold_that_cant_be_asked_about_holds(moto, tmp_path, no_ambient_credentials, monkeypatch) -> None:
    """The other side's store doesn't answer here: none of its objects is quarantined, ours are judged as ever."""
    files = {f"{name}.jpg": pictures()[f"{name}.jpg"] for name in ("china", "coffee", "rocket")}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    client = s3_client(moto)
    client.create_bucket(Bucket="other-side", ObjectLockEnabledForBucket=True)
    for key, data in {**files, **{f"again/{key}": data for key, data in files.items()}}.items():
        client.put_object(Bucket="other-side", Key=key, Body=data)
    write_folder({**files, **{f"again/{key}": data for key, data in files.items()}}, tmp_path / "here")
    for path in (tmp_path / "here").rglob("*.jpg"):
        os.utime(path, (10**9, 10**9))  # written long before, so that no gateway to this folder could show the bucket
    there = mission(tmp_path / "there", "there=s3://other-side")
    mine = mission(tmp_path / "mine", f"here={tmp_path / 'here'}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    decided = table(merge(tmp_path / "merged", there, mine), "decisions").to_pylist()
    actions = {
        library: {row["action"] for row in decided if row["library"] == library} for library in ("here", "there")
    }
    asked = {row["uri"]: row["detail"] for row in table(tmp_path / "merged", "hold_checks").to_pylist()}
    theirs = [detail for uri, detail in asked.items() if uri.startswith("s3://")]
    assert theirs
    assert all("credentials" in detail for detail in theirs)
    assert "quarantine" not in actions["there"]
    assert "blocked" in actions["there"]
    assert "quarantine" in actions["here"]
