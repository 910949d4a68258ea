"""A file that its own bag denies is no copy to rely on: it stays for people, and nothing goes for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bagit
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.package_failures import PACKAGE_FAILURES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.stores.output import LocalOutput
from tests.finished_folders import finished
from tests.retain.runs import write_run, write_table
from tests.retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
BAG, COPY, OTHER = "s3://bag/data/a.jpg", "s3://copy/a.jpg", "s3://zz/a.jpg"
PREFER = "keep_order: [{library: [bag, copy]}]\n"


def decided(folder: Path, uris: list[str], denied: list[str]) -> dict[str, tuple]:
    """Decide on copies of one picture; give action, rule and kept copy of each."""
    twins = [twin(uri, "a", "a", is_master=n == 0) for n, uri in enumerate(sorted(uris))] if len(uris) > 1 else []
    tables = {
        "objects": objects(*(obj(uri, "a") for uri in sorted(uris))), "contents": contents(content("a")),
        "failures": failures(), "clusters": clusters(*twins), "pairs": pairs(), "denied": denied,
    }  # fmt: skip
    rows = write_run(folder, tables, PREFER)["decisions"].to_pylist()
    return {row["uri"]: (row["action"], row["rule"], row["kept_uri"]) for row in rows}


def deny(folder: Path, *uris: str) -> None:
    """Write what an export of fixity finds."""
    rows = [
        {"uri": uri, "library": "bag", "package": "bagit:s3://bag/", "manifest": "m", "error": "differs"}
        for uri in uris
    ]
    write_table(
        LocalOutput(str(folder)), "package_failures", pa.Table.from_pylist(rows, schema=PACKAGE_FAILURES.schema)
    )


@pytest.mark.parametrize(
    ("uris", "denied", "expected"),
    [
        ([BAG, COPY], [], {BAG: ("keep", None), COPY: ("quarantine", BAG)}),
        ([BAG, COPY], [BAG], {BAG: ("blocked", None), COPY: ("keep", None)}),
        ([BAG, COPY, OTHER], [BAG], {BAG: ("blocked", None), COPY: ("keep", None), OTHER: ("quarantine", COPY)}),
        ([BAG, COPY], [COPY], {BAG: ("keep", None), COPY: ("blocked", None)}),
        ([BAG, COPY], [BAG, COPY], {BAG: ("blocked", None), COPY: ("blocked", None)}),
        ([BAG], [BAG], {BAG: ("blocked", None)}),
    ],
    ids=["sound", "the kept one", "another is kept", "the one that goes", "both", "alone"],
)
def test_what_is_denied_stays_and_nothing_goes_for_it(tmp_path: Path, uris, denied, expected) -> None:
    found = decided(tmp_path, uris, denied)
    assert {uri: (action, kept) for uri, (action, _, kept) in found.items()} == expected
    assert {found[uri][1] for uri in denied} <= {"denied"}
    deny(tmp_path, *denied)
    assert verify(str(tmp_path)) == []


@pytest.mark.parametrize("denied", [BAG, COPY], ids=["kept", "goes"])
def test_verify_sees_a_plan_from_before_it_was_known(tmp_path: Path, denied: str) -> None:
    decided(tmp_path, [BAG, COPY], [])
    deny(tmp_path, denied)
    assert ["its own package denies" in broken.text for broken in verify(str(tmp_path))] == [True]


def test_verify_sees_what_no_package_denies(tmp_path: Path) -> None:
    decided(tmp_path, [BAG, COPY], [BAG])
    assert ["no package does" in broken.text for broken in verify(str(tmp_path))] == [True]


def test_a_list_is_held_against_the_packages_manifests(tmp_path: Path) -> None:
    bag = tmp_path / "bags" / "one"
    bag.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (bag / name).write_text(f"picture {name}")
    bagit.make_bag(str(bag), checksums=["sha256"])
    (bag / "data" / "a.jpg").write_text("PICTURE a.jpg")
    (tmp_path / "copy").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "copy" / name).write_bytes((bag / "data" / name).read_bytes())
    out = finished(tmp_path, ["bags", "copy"])
    done = export(str(out), "quarantine", "csv")
    assert (done.rows, done.refused) == (1, 1)
    folder = out / done.folder
    assert "/copy/b.jpg" in (folder / "quarantine.csv").read_text()
    assert "its own package" in (folder / "refused.csv").read_text()


@pytest.mark.slow
def test_by_command(tmp_path: Path) -> None:
    """Read, find the denial, decide anew: the bag's file and its copy elsewhere both stay."""
    noise = np.random.default_rng(7).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    bag = tmp_path / "archive" / "bag"
    bag.mkdir(parents=True)
    Image.fromarray(noise).save(bag / "a.png")
    bagit.make_bag(str(bag), checksums=["sha512"])
    Image.fromarray(255 - noise).save(bag / "data" / "a.png")  # somebody exchanged it
    (tmp_path / "archive" / "z.png").write_bytes((bag / "data" / "a.png").read_bytes())

    def do(*line: str, code: int = 0) -> str:
        done = subprocess.run([MIRRORFOLD, *line], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == code, done.stderr[-2000:]
        return done.stderr

    def actions() -> dict[str, str]:
        rows = read_table(LocalOutput(str(tmp_path / "out")), TABLES["decisions"]).to_pylist()
        return {row["uri"].rpartition("/")[2]: f"{row['action']} {row['rule']}" for row in rows}

    do("run", "archive", "--output", "out")
    assert actions()["z.png"] == "quarantine identical"
    do("export", "out", "--what", "fixity", code=4)
    do("export", "out", "--what", "fixity", "--despite-packages")
    assert "its own package denies" in do("export", "out", "--what", "quarantine", "--to", "csv", code=4)
    do("publish", "out")
    assert (actions()["a.png"], actions()["z.png"].partition(" ")[0]) == ("blocked denied", "keep")
    do("verify", "out")
