"""A bag's or an OCFL object's own manifest, held against what was read: each disagreement has a kind of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import bagit
import pytest

from mirrorfold.pipelines.errors import BrokenPromiseError
from mirrorfold.pipelines.finished.export_fixity import export_fixity
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.schemas.package_failures import PACKAGE_FAILURES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.publish.fixity.packages import ManifestError, of_bag, of_inventory
from mirrorfold.transforms.stores.output import LocalOutput
from tests.finished_folders import finished


def make_bag(folder: Path, algorithms: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b c.jpg", "notes.txt"):
        (folder / name).write_text(f"of {folder} {name}")
    bagit.make_bag(str(folder), {"Source-Organization": "x"}, checksums=algorithms)
    return folder


def make_object(folder: Path, algorithm: str = "sha512") -> Path:
    (folder / "v1" / "content").mkdir(parents=True)
    (folder / "0=ocfl_object_1.1").write_text("ocfl_object_1.1\n")
    manifest = {}
    for name in ("x.jpg", "y.txt"):
        (folder / "v1" / "content" / name).write_text(f"of {folder} {name}")
        manifest[hashlib.new(algorithm, f"of {folder} {name}".encode()).hexdigest()] = [f"v1/content/{name}"]
    inventory = {"id": "urn:o", "digestAlgorithm": algorithm, "head": "v1", "manifest": manifest, "versions": {}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    return folder


def failures(out: Path) -> set[tuple[str, str]]:
    rows = read_table(LocalOutput(str(out)), PACKAGE_FAILURES).to_pylist()
    return {(row["uri"].partition("/hk/")[2], row["error"]) for row in rows}


def test_whole_packages_agree_whatever_their_algorithm(tmp_path: Path):
    for number, algorithms in enumerate((["sha256"], ["sha512"], ["md5", "sha1"])):
        make_bag(tmp_path / "hk" / str(number), algorithms)
    make_object(tmp_path / "hk" / "object")
    (make_bag(tmp_path / "hk" / "holey", ["sha256"]) / "data" / "a.jpg").unlink()
    (tmp_path / "hk" / "holey" / "fetch.txt").write_text("https://example.org/a.jpg 8 data/a.jpg\n")
    (tmp_path / "hk" / "holey" / "tagmanifest-sha256.txt").unlink()
    done = export_fixity(str(finished(tmp_path, ["hk"])), "sha256sum")
    assert (done.packages, done.disagreements) == (5, 0)


FAULTS = {
    "differs": ("bag/data/a.jpg", lambda path: path.write_text("OF a.jpg")),
    "differs, a text": ("bag/data/notes.txt", lambda path: path.write_text("others")),
    "missing": ("bag/data/b c.jpg", Path.unlink),
    "unnamed": ("bag/data/stranger.jpg", lambda path: path.write_text(f"new {path}")),
    "unreadable-manifest": ("bag/manifest-sha512.txt", lambda path: path.write_text("<html>")),
    "differs, in OCFL": ("object/v1/content/x.jpg", lambda path: path.write_text("OF x.jpg")),
    "missing, in OCFL": ("object/v1/content/y.txt", Path.unlink),
    "unnamed, in OCFL": ("object/v1/content/z.jpg", lambda path: path.write_text(f"new {path}")),
    "unreadable-manifest, in OCFL": ("object/inventory.json", lambda path: path.write_text("{}")),
}


def test_disagreements_stop_the_export_and_are_failures_of_their_own_kind(tmp_path: Path):
    expected = set()
    for number, (kind, (path, change)) in enumerate(FAULTS.items()):
        place = tmp_path / "hk" / str(number)
        if path.startswith("bag/"):
            make_bag(place / "bag", ["sha512"])
        else:
            make_object(place / "object")
        change(place / path)
        expected.add((f"{number}/{path}", kind.partition(",")[0]))
    out = finished(tmp_path, ["hk"])
    with pytest.raises(BrokenPromiseError, match=r"e\.g\. file:///.*: unreadable-manifest") as refused:
        export_fixity(str(out), "sha256sum")
    assert (refused.value.exit_code, "\n" in str(refused.value)) == (4, False)
    assert not (out / "exports").exists()
    assert not (out / "package_failures").exists()
    done = export_fixity(str(out), "sha256sum", despite_packages=True)
    by_tags = {("4/bag/manifest-sha512.txt", "differs")}  # the tag manifest says so of the one that can't be read
    assert failures(out) == expected | by_tags
    assert verify(str(out)) == []
    carried = (out / done.folder / "hk/hk/carried.sha256").read_text()
    assert ("0/bag/data/a.jpg" in carried, "1/bag/data/a.jpg" in carried) == (False, True)
    assert "0/bag/data/a.jpg" in (out / done.folder / "left-out.csv").read_text()


@pytest.mark.parametrize("line", ["zz  data/a.jpg", "00", "00  ../../etc/passwd", "00  /etc/passwd"])
def test_a_manifest_that_is_none_is_said_to_be_none(line: str):
    with pytest.raises(ManifestError):
        of_bag("file:///x/", "manifest-md5.txt", line.encode())


@pytest.mark.parametrize("data", [b"[]", b'{"digestAlgorithm": "md5", "manifest": []}', b"\xff", b"{"])
def test_an_inventory_that_is_none_is_said_to_be_none(data: bytes):
    with pytest.raises(ManifestError):
        of_inventory("file:///x/", data)
