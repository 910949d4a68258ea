"""Names that stay at home: no pack holds them, a merge is careful without them, the owner turns them back."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from demo.archive import write_folder
from mirrorfold.configs.crossing import load_crossing
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.pipelines.merging.at_home import at_home
from mirrorfold.pipelines.merging.inventory import inventory
from mirrorfold.pipelines.merging.pack import pack
from mirrorfold.pipelines.merging.turn_back import turn_back
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.withheld import TOKEN, digest_with
from mirrorfold.transforms.merge.withhold import WITHHELD, withheld_bucket, withhold_names
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.approvals import approve
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.output import LocalOutput
from mirrorfold.transforms.stores.sources import OpenStores
from tests.audit.test_merge import merge, mission
from tests.audit.world import pictures, table
from tests.retain.tables import obj, objects

KEY = "k" * 64
NAMES = ("Chan family", "Nathan Road", "Ann Lee", "broken evidence")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two institutions with some pictures in common, a verdict, a damaged file, and a pack without names."""
    root = tmp_path_factory.mktemp("at home")
    some = pictures()
    mine = {f"{name}.jpg": some[f"{name}.jpg"] for name in ("china", "coffee")}
    theirs = {f"Chan family/Nathan Road, 'no. 7'/{name}": data for name, data in mine.items()}
    theirs |= {
        "Chan family/broken evidence.jpg": some["rocket.jpg"][:600],
        "Chan family/rocket.jpg": some["rocket.jpg"],
    }
    theirs["again/rocket.jpg"] = some["rocket.jpg"]
    write_folder(mine, root / "here")
    write_folder(theirs, root / "Chan family archive")
    (root / "key").write_text(KEY)
    here, there = mission(root / "a", f"hk={root / 'here'}"), mission(root / "b", f"gz={root / 'Chan family archive'}")
    ids = sorted(table(there, "contents").column("content_id").to_pylist())
    said = {"content_a": ids[0], "content_b": ids[1], "verdict": "different", "reviewer": "Ann Lee", "at": "2026-01-01"}
    row = verdicts.checked_verdict(said | {"reason": "the Chan family said so"}, "case")
    verdicts.store_verdicts(LocalOutput(str(there)), [row])
    packed = root / "packed"
    pack(str(there), str(packed), False, (), at_home("uri,reviewer", str(root / "key"), hashes_only=False))
    merged = merge(root / "merged", f"hk={here}", f"gz={packed}")
    return {"root": root, "here": here, "there": there, "packed": packed, "merged": merged, "ids": ids}


def holding(folder: Path, names=NAMES) -> list[str]:
    """Name the files of a folder that hold one of the names, in tables too."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            text = json.dumps(pa.parquet.read_table(path).to_pylist(), default=str, ensure_ascii=False)
        found += [f"{path.relative_to(folder)}: {name}" for name in names if name in text]
    return found


def test_no_pack_holds_a_name_that_stays(world):
    assert holding(world["there"])
    assert not holding(world["packed"])
    assert str(world["root"]) not in (world["packed"] / "_work/request.json").read_text()


def test_a_merge_finds_the_copies_and_lets_nothing_go_that_it_cannot_name(world):
    decided = table(world["merged"], "decisions").to_pylist()
    theirs = [row for row in decided if row["library"] == "gz"]
    assert len(theirs) == 5
    assert {row["action"] for row in theirs} <= {"keep", "blocked", "review"}
    assert any(row["cluster_id"] and row["library"] == "hk" for row in decided), "equal bytes were found"
    assert not verify(str(world["merged"]))
    asked = [row for row in table(world["merged"], "hold_checks").to_pylist() if "withheld-" in row["uri"]]
    assert asked
    assert {row["hold"] for row in asked} == {"unknown"}
    assert all("its owner" in row["detail"] for row in asked)


@pytest.mark.parametrize("store", ["s3", "gs", "az", "file"])
def test_no_store_is_asked_about_a_name_that_stayed_at_home(store: str):
    """Whatever its kind: no look-up goes out, and what may be held is."""
    bucket = withheld_bucket(store, "hk-archive", digest_with(b"k"))
    ref = ObjectRef("gz", store, bucket, "withheld-x", "", "e", 1)
    stores = OpenStores((SourceSpec("gz", "live", store, bucket),))
    assert stores.hold(ref)[0] == "unknown"
    assert stores.lasting(ref, ("k", "v"))[0] == "unknown"
    with pytest.raises(StoreError, match="its owner"):
        stores.read(ref)


def test_a_verdict_counts_under_a_digest(world):
    (said,) = verdicts.read_verdicts(LocalOutput(str(world["merged"])))
    assert TOKEN.match(said["reviewer"])
    assert said["reviewer"].endswith(" (gz)")
    assert (said["verdict"], said["reason"], said["content_a"]) == ("different", "", world["ids"][0])


def test_the_owner_turns_what_came_back_into_names(world):
    back, sides = world["root"] / "back", world["merged"] / "sides/gz"
    (sides / "verdicts.jsonl").write_text(json.dumps(verdicts.read_verdicts(LocalOutput(str(world["merged"])))[0]))
    turned = turn_back(str(world["there"]), str(sides), str(world["root"] / "key"), str(back))
    assert turned.strange == 0
    listed = set(table(world["there"], "objects").column("uri").to_pylist())
    rows = list(csv.DictReader((back / "migrate.csv").open(newline="")))
    assert {row["uri"] for row in rows} <= listed
    assert len(rows) == 5
    assert json.loads((back / "verdicts.jsonl").read_text())["reviewer"] == "Ann Lee (gz)"


def test_a_sign_off_by_digest_counts_and_comes_back_as_a_name(world, tmp_path):
    """Whoever signs for the nameless side can be named by digest too."""
    token = digest_with(KEY.encode())("person", "annlee")
    signed = approve(LocalOutput(str(world["merged"])), "curator", token, {"approval": {"required_roles": []}},
                     dt.datetime.now(dt.UTC), side="gz")  # fmt: skip
    assert (signed["name"], signed["side"]) == (token, "gz")
    folder = str(world["merged"] / "approvals")
    turn_back(str(world["there"]), folder, str(world["root"] / "key"), str(tmp_path))
    (record,) = tmp_path.glob("*.json")
    assert json.loads(record.read_text())["name"] == "Ann Lee"


@pytest.mark.slow
def test_one_bucket_that_both_list_is_no_second_copy(world, tmp_path):
    """Without names nobody sees that the pack speaks of our own files: they aren't kept copies of themselves."""
    again = mission(tmp_path / "again", f"other={world['root'] / 'here'}")
    pack(str(again), str(tmp_path / "pack"), False, (), at_home("uri", str(world["root"] / "key"), hashes_only=False))
    merged = merge(tmp_path / "merged", f"hk={world['here']}", f"gz={tmp_path / 'pack'}")
    decided = table(merged, "decisions").to_pylist()
    assert {row["library"] for row in decided} == {"hk"}
    assert {row["action"] for row in decided} == {"keep"}


def test_holds_cross_with_digests():
    held = withhold_names(objects(obj("s3://hk/a", "a", hold="yes", companions=["s3://hk/a.xmp"])), digest_with(b"k"))
    (row,) = held.to_pylist()
    assert row["hold"] == "yes"
    assert row["uri"] == f"s3://{row['bucket']}/{row['key']}"
    (beside,) = withhold_names(objects(obj("s3://hk/a.xmp", "x")), digest_with(b"k")).to_pylist()
    assert row["companions"] == [beside["uri"]], "what belongs together still does"


@given(st.text(), st.text(), st.binary(min_size=1), st.binary(min_size=1))
def test_only_the_key_makes_a_digest(name: str, other: str, key: bytes, another: bytes):
    assert (digest_with(key)("uri", name) == digest_with(key)("uri", other)) == (name == other)
    assert digest_with(key)("uri", name) != digest_with(key)("person", name)
    if key.rstrip(b"\0") != another.rstrip(b"\0") and len(key) < 64 and len(another) < 64:
        assert digest_with(key)("uri", name) != digest_with(another)("uri", name)


def test_every_field_of_a_pack_is_in_the_inventory(world):
    """A column that is added has to say why it crosses; what stays at home is what the options take out."""
    fields, telling = load_crossing()
    said = [(field.table, field.field) for field in fields]
    assert len(said) == len(set(said))
    names = {(t, n) for t in ("objects", "contents", "failures") for n in TABLES[t].schema.names}
    names |= {("verdicts", name) for name in verdicts.SCHEMA.names} | {("handed-out", name) for name in EARLIER.names}
    pack(str(world["there"]), str(world["root"] / "whole"), False)
    kept = json.loads((world["root"] / "whole/run.json").read_text())
    names |= {("run", name) for name in kept}
    request = json.loads((world["root"] / "whole/_work/request.json").read_text())
    names |= {("request", name) for name, value in request.items() if value}
    assert set(said) == names
    assert {field.telling for field in fields} <= set(telling)
    stays = {f.field for f in fields if f.table == "contents" and f.without.get("hashes-only") == "stays"}
    assert stays == set(WITHHELD)
    assert all(f.rebuilt and not f.rebuilt.startswith("REBUILT") for f in fields)


def test_the_inventory_says_what_crosses_under_which_options(world):
    lines, _ = inventory(str(world["there"]), frozenset({"uri", "hashes-only"}))
    said = {(line.table, line.field): line for line in lines}
    assert said["objects", "uri"].crosses.startswith("a keyed digest")
    assert said["contents", "luma"].crosses.startswith("no")
    assert said["contents", "phash64"].crosses == "as it is"
    assert said["objects", "uri"].values == "5"
    assert said["verdicts", "reviewer"].values == "1"


def test_the_commands(world, tmp_path):
    shown = CliRunner().invoke(cli, ["pack", str(world["there"]), "--inventory", "--without", "uri"])
    assert "can the picture be rebuilt" in shown.output
    to = ["--output", str(tmp_path / "p"), "--without", "uri", "--key", str(world["root"] / "key")]
    assert "inventory.csv" in CliRunner().invoke(cli, ["pack", str(world["there"]), *to]).output
    assert "objects" in (tmp_path / "p/inventory.csv").read_text()
    returned = [str(world["there"]), str(world["merged"] / "sides/gz"), "--key", str(world["root"] / "key")]
    assert "turned back" in CliRunner().invoke(cli, ["turn-back", *returned, "-o", str(tmp_path / "q")]).output


BAD = {
    "no key": ({}, "needs --key FILE"),
    "no such key": ({"key": "nowhere"}, "can't read this key"),
    "a short key": ({"key": "short"}, "can be guessed"),
    "a key for nothing": ({"without": "", "key": "key"}, "--key goes with --without"),
    "another name": ({"without": "luma", "key": "key"}, "what can stay at home is uri and reviewer"),
}


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line(tmp_path, given, said):
    (tmp_path / "short").write_text("secret")
    (tmp_path / "key").write_text(KEY)
    key = given.get("key")
    with pytest.raises(UsageError, match=said) as raised:
        at_home(given.get("without", "uri"), key and str(tmp_path / key), hashes_only=False)
    assert "\n" not in str(raised.value)


BACK = {
    "nothing that came back": ({}, "no files that end in"),
    "another key": ({"a.csv": b"uri\ns3://withheld-00000000000000000000000000000000/x\n"}, "made none"),
    "not UTF-8": ({"a.csv": b"uri\n\xff\n"}, "not UTF-8 at byte 4"),
    "no JSON": ({"a.json": b"{"}, "isn't what its name says"),
}


@pytest.mark.parametrize(("files", "said"), BACK.values(), ids=BACK)
def test_what_came_back_in_another_state_is_one_line(world, tmp_path, files, said):
    (tmp_path / "back").mkdir()
    token = digest_with(KEY.encode())("person", "annlee")
    for name, data in files.items():
        (tmp_path / "back" / name).write_bytes(data)
    if "no JSON" in said or said.startswith("isn't"):
        (tmp_path / "back/b.csv").write_text(token)
    with pytest.raises(UsageError, match=said) as raised:
        turn_back(str(world["there"]), str(tmp_path / "back"), str(world["root"] / "key"), str(tmp_path / "out"))
    assert "\n" not in str(raised.value)


def test_a_name_with_quotes_and_lines_stays_one_value(world, tmp_path):
    chance = random.Random(1)
    token = digest_with(KEY.encode())("person", "annlee")
    cells = ["".join(chance.choice('",\n=x') for _ in range(9)) + token for _ in range(50)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([cell, "b"] for cell in cells)
    turn_back(str(world["there"]), str(tmp_path), str(world["root"] / "key"), str(tmp_path / "out"))
    rows = list(csv.reader((tmp_path / "out/a.csv").open(newline="")))
    assert [row[0].removeprefix("'") for row in rows] == [cell.replace(token, "Ann Lee") for cell in cells]
