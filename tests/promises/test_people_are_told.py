"""What no plan may decide is named for people: pictures that nothing keeps, packages that are there twice."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from rich.console import Console

from mirrorfold.pipelines.commands.summary import summarise
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs

from .kit import copies, finish

SOON = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
NOWHERE = {
    "in a bin alone": ({"s3://nas/#recycle/a.jpg": {}}, 1),
    "in two bins": ({"s3://nas/#recycle/a.jpg": {}, "s3://nas/.snapshot/d/a.jpg": {}}, 2),
    "where a rule deletes it": ({"s3://nas/tmp/a.jpg": {"expires_at": SOON}}, 1),
    "in a bin, and as an older version": (
        {"s3://nas/#recycle/a.jpg": {}, "s3://nas/a.jpg": {"version": "1", "is_latest": False}}, 1),
    "in a bin and on the shelf": ({"s3://nas/#recycle/a.jpg": {}, "s3://nas/a.jpg": {}}, 0),
    "in a bin and in an archive class": ({"s3://nas/#recycle/a.jpg": {}, "s3://nas/a.jpg": {"archived": True}}, 0),
    "in a bin, but held there": ({"s3://nas/#recycle/a.jpg": {"hold": "yes"}}, 0),
}  # fmt: skip


def listed(folder, name: str) -> list[dict]:
    write_manifests(LocalOutput(str(folder)))
    return list(csv.DictReader((folder / f"manifests/{name}.csv").read_text().splitlines()))


@pytest.mark.parametrize(("places", "named"), NOWHERE.values(), ids=NOWHERE)
def test_a_picture_that_no_lasting_copy_shows_is_named(tmp_path, places, named):
    finish(tmp_path, copies(*(obj(uri, "a", **fields) for uri, fields in places.items())))
    rows = listed(tmp_path, "at-risk")
    assert len(rows) == named
    assert all(row["uri"] in places and row["reason"] for row in rows)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(summarise(LocalOutput(str(tmp_path)), True))
    assert ("At risk" in console.export_text()) == bool(named)


def test_it_is_named_once_an_earlier_plan_has_every_copy(tmp_path):
    twins = {uri: obj(uri, "a") for uri in ("s3://nas/a.jpg", "s3://nas/b.jpg")}
    plan = finish(tmp_path / "1", copies(*twins.values()))
    for action, rules in (("keep", []), ("quarantine", ["planned-before"])):
        (left,) = [uri for uri, (decided, _) in plan.items() if decided == action]
        finish(tmp_path / action, copies(twins[left]), previous=tmp_path / "1")
        assert [row["rule"] for row in listed(tmp_path / action, "at-risk")] == rules


def bag(place: str, **changed: str) -> dict[str, str]:
    """Name the content of each file of a bag; one that begins with a hyphen is no picture."""
    files = {"bagit.txt": "-tag", "manifest-sha256.txt": "-list", "data/1.jpg": "one", "data/2.jpg": "two"}
    return {f"{place}{path}": name for path, name in (files | changed).items()}


TWINS = {
    "whole": (bag("s3://gz/copy/"), ["bagit:s3://gz/copy/", "bagit:s3://hk/bag/"]),
    "another picture in it": (bag("s3://gz/copy/", **{"data/2.jpg": "other"}), []),
    "a file more": (bag("s3://gz/copy/", **{"data/3.jpg": "one"}), []),
    "another manifest, by what the store states": (bag("s3://gz/copy/", **{"manifest-sha256.txt": "-new"}), []),
    "named otherwise": (bag("s3://gz/copy/data/"), []),
}  # fmt: skip


@pytest.mark.parametrize(("other", "named"), TWINS.values(), ids=TWINS)
def test_a_package_that_is_there_twice_is_named_as_a_whole(tmp_path, other, named):
    rows, skipped = [], []
    for uri, name in sorted((bag("s3://hk/bag/") | other).items()):
        text = name.startswith("-")
        package = f"bagit:{uri[: uri.index('/', 6)]}/{'copy' if '/copy/' in uri else 'bag'}/"
        md5 = content_id(name)[:32] if text else None
        rows.append(obj(uri, None if text else name, package=package, md5=md5))
        skipped += [{"uri": uri, "stage": "skipped", "error": "not-an-image"}] * text
    pictures = sorted({name for name in other.values() if name[0] != "-"} | {"one", "two"})
    write_run(tmp_path, {
        "objects": objects(*rows), "contents": contents(*map(content, pictures)), "clusters": clusters(),
        "pairs": pairs(), "failures": failures(*skipped),
    })  # fmt: skip
    found = listed(tmp_path, "packages")
    assert [row["package"] for row in found] == named
    assert all((row["files"], row["unread"], row["twins"]) == ("4", "2", "1") for row in found)
