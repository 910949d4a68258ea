"""Manifests of what was read, as sha256sum, bagit.py and an OCFL validator take them."""

from __future__ import annotations

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import bagit
import pytest

from mirrorfold.pipelines.finished.export_fixity import export_fixity
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.publish.fixity import formats
from mirrorfold.transforms.publish.fixity.formats import File, Group
from tests.finished_folders import finished

NAMES = ("plain.jpg", "a b/c d.jpg", "中文/图.jpg", "back\\slash.jpg", "line\nbreak.jpg", "-dash.jpg", "sub/twin.jpg")


def ocfl_validator():
    """Import ocfl-py's validator: it asks for s3fs on its way, which no folder needs (see pyproject.toml)."""
    stand_in = types.ModuleType("s3fs")
    stand_in.S3FileSystem = type("S3FileSystem", (), {})
    sys.modules.setdefault("s3fs", stand_in)
    return importlib.import_module("ocfl.validator").Validator


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    tmp_path = tmp_path_factory.mktemp("fixity")
    for number, name in enumerate(NAMES):
        path = tmp_path / "hk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"picture {number}".encode())
    (tmp_path / "gz").mkdir()
    shutil.copy(tmp_path / "hk" / "plain.jpg", tmp_path / "gz" / "copy.jpg")
    (tmp_path / "hk" / "notes.txt").write_text("who took them")
    return finished(tmp_path, ["hk", "gz"])


@pytest.fixture
def archive(made: Path) -> Path:
    """Give the run, without exports."""
    shutil.rmtree(made / "exports", ignore_errors=True)
    return made


def sha256sum(folder: Path, manifest: Path) -> tuple[int, str]:
    done = subprocess.run(["sha256sum", "-c", "--strict", manifest], cwd=folder, capture_output=True)
    return done.returncode, done.stdout.decode()


def test_sha256sum_checks_what_is_carried_and_what_is_set_aside(archive: Path):
    done = export_fixity(str(archive), "sha256sum", read_rest=True)
    assert (done.rows, done.left) == (len(NAMES) + 2, 0)
    here = archive / done.folder
    code, said = sha256sum(archive.parent / "hk", here / "hk" / "hk" / "carried.sha256")
    assert (code, said.count(": OK")) == (0, len(NAMES) + 1)
    assert sha256sum(archive.parent / "gz", here / "gz" / "gz" / "set-aside.sha256")[0] == 0
    shutil.copytree(archive.parent / "hk", archive / "exports" / "copied")
    (archive / "exports" / "copied" / "plain.jpg").write_bytes(b"picture X")
    assert sha256sum(archive / "exports" / "copied", here / "hk" / "hk" / "carried.sha256")[0] == 1


def test_bagit_validates_the_copy_and_sees_a_byte_that_changed(archive: Path):
    done = export_fixity(str(archive), "bagit", read_rest=True)
    bag = archive / done.folder / "hk" / "hk"
    shutil.copytree(archive.parent / "hk", bag / "data")
    assert bagit.Bag(str(bag)).validate()
    (bag / "data" / "plain.jpg").write_bytes(b"picture X")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bag)).validate()


def test_an_ocfl_validator_accepts_the_copy_and_sees_a_byte_that_changed(archive: Path):
    done = export_fixity(str(archive), "ocfl", read_rest=True)
    place = archive / done.folder / "hk" / "hk"
    shutil.copytree(archive.parent / "hk", place / "v1" / "content")
    checker = ocfl_validator()()
    assert checker.validate_object(str(place)), checker.status_str()
    (place / "v1" / "content" / "plain.jpg").write_bytes(b"picture X")
    assert not ocfl_validator()().validate_object(str(place))


def test_a_manifest_for_each_prefix(archive: Path):
    done = export_fixity(str(archive), "sha256sum", depth=1)
    (left,) = csv.DictReader((archive / done.folder / "left-out.csv").read_text().splitlines())
    assert (left["uri"].rpartition("/")[2], "--read-rest" in left["why"], done.left) == ("notes.txt", True, 1)
    index = list(csv.DictReader((archive / done.folder / "manifests.csv").read_text().splitlines()))
    assert [row["prefix"] for row in index if row["library"] == "hk"] == ["", "a b", "sub", "中文"]
    for row in index:
        for manifest in (archive / done.folder / row["folder"]).iterdir():
            assert sha256sum(Path(row["place"]), manifest)[0] == 0
    assert sum(int(row["files"]) for row in index) == done.rows


def test_csv_has_every_object_with_how_its_digest_is_known(archive: Path):
    done = export_fixity(str(archive), "csv")
    rows = {
        row["uri"].rpartition("/")[2]: row
        for path in (archive / done.folder).glob("*/*/fixity.csv")
        for row in csv.DictReader(path.open(newline=""))
    }
    assert (rows["copy.jpg"]["carried"], rows["plain.jpg"]["carried"]) == ("no", "yes")
    assert rows["copy.jpg"]["sha256"] == rows["plain.jpg"]["sha256"]
    assert (rows["notes.txt"]["sha256"], rows["notes.txt"]["why"]) == ("", "not-an-image")
    assert {rows[name]["evidence"] for name in ("copy.jpg", "plain.jpg")} == {"read"}


GROUP = Group("urn:x", "hk", "mirrorfold 0", "2026-11-30T00:00:00+00:00", "plan")


@pytest.mark.parametrize(
    ("key", "refusing"),
    [
        ("../up.jpg", {"sha256sum", "bagit", "ocfl"}),
        ("a//b.jpg", {"sha256sum", "bagit", "ocfl"}),
        ("/lead.jpg", {"sha256sum", "bagit", "ocfl"}),
        (escape_key(b"latin-\xe9.jpg"), {"bagit", "ocfl"}),
        ("100%.jpg", {"bagit"}),
        ("trail ", {"bagit"}),
        ("folder", {"sha256sum", "bagit", "ocfl"}),
        ("fine.jpg", set()),
    ],
)
def test_a_name_that_a_form_cannot_hold_is_refused_by_that_form_alone(key: str, refusing: set[str]):
    folders = formats.folders_of(["folder/inside.jpg"])
    file = File(key, 1, "0" * 64, True)
    assert {form for form in formats.FORMS if formats.refuse(form, file, folders)} == refusing


def test_a_bag_of_a_bucket_says_where_its_files_are_fetched():
    made = formats.bagit([File("a b.jpg", 7, "0" * 64, True, "s3://hk/a b.jpg")], GROUP)
    assert made["fetch.txt"] == b"s3://hk/a%20b.jpg 7 data/a b.jpg\n"


@pytest.mark.parametrize(("to", "said"), [("rclone", "--to sha256sum, bagit"), ("s3-batch", "is a record")])
def test_a_tool_takes_no_record(archive: Path, to: str, said: str):
    done = subprocess.run(
        [Path(sys.executable).parent / "mirrorfold", "export", archive, "--what", "fixity", "--to", to],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (2, True, 1)
    assert not os.path.exists(archive / "exports")


def test_the_command_says_what_it_wrote(archive: Path):
    done = subprocess.run(
        [Path(sys.executable).parent / "mirrorfold", "export", archive, "--what", "fixity", "--json"],
        capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["rows"], found["left"], found["packages"]) == (len(NAMES) + 1, 1, 0)
    assert all(os.path.exists(path) for path in found["files"])
