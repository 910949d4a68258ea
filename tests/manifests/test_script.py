"""A studio's folder, from the run to files moved aside and back, by the script that the export writes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mirrorfold.pipelines.finished.export import export
from tests.mission.archive import libraries

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
ODD = (
    'it\'s a "name" with $(odd) `signs` & spaces.jpg',
    "-n.jpg",
    " leading and trailing .jpg",
    "客戶/照片 1.jpg",
    "back\\slash.jpg",
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Clean a folder of originals and of copies under odd names; give the folder, the run, and its export."""
    root = tmp_path_factory.mktemp("studio")
    photos, out = root / "photos", root / "out"
    pictures = [data for name, data in next(iter(libraries().values())).items() if name.endswith(".jpg")][: len(ODD)]
    for number, (name, data) in enumerate(zip(ODD, pictures, strict=True)):
        for path in (photos / "masters" / f"{number}.jpg", photos / "desk" / name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    line = [MIRRORFOLD, "run", str(photos), "-o", str(out), "--policy", "studio"]
    shown = subprocess.run(line, check=True, capture_output=True, text=True)
    assert "Next" in shown.stdout
    done = export(str(out), "quarantine", "script")
    assert (done.rows, done.refused, done.draft) == (len(ODD), 0, [])
    return photos, out, out / done.folder


@pytest.fixture
def world(studio, tmp_path: Path) -> tuple[Path, Path]:
    """Give a test files of its own at the very places that the lists name, and put them back afterwards."""
    photos, _, folder = studio
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}
    yield photos, folder
    for place in (photos, quarantine(photos)):
        shutil.rmtree(place, ignore_errors=True)
    for path, data in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def quarantine(photos: Path) -> Path:
    return photos.with_name(f"{photos.name}-quarantine")


def state(photos: Path) -> dict[str, str]:
    return {
        str(path.relative_to(photos.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for place in (photos, quarantine(photos))
        for path in place.rglob("*")
        if path.is_file()
    }


def script(folder: Path, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["sh", str(folder / "quarantine.sh"), *options], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_look_moves_nothing(world) -> None:
    photos, folder = world
    before = state(photos)
    said = script(folder).stdout
    assert said.count("would move: ") == len(ODD)
    assert state(photos) == before


def test_there_and_back(world) -> None:
    photos, folder = world
    before = state(photos)
    assert script(folder, "--move").stdout.startswith(f"{len(ODD)} moved, 0 there already, 0 left")
    moved = state(photos)
    assert {name for name in moved if name.startswith("photos-quarantine/")} == {
        f"photos-quarantine/desk/{name}" for name in ODD
    }
    assert sorted(moved.values()) == sorted(before.values())
    assert script(folder, "--move").stdout.startswith(f"0 moved, {len(ODD)} there already, 0 left")
    assert script(folder, "--undo").stdout.startswith(f"{len(ODD)} moved")
    assert state(photos) == before


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


@pytest.mark.parametrize(
    ("where", "harm", "says"),
    [
        pytest.param("desk/-n.jpg", change, "it isn't the file that was decided on", id="changed"),
        pytest.param("desk/-n.jpg", link, "it isn't the file that was decided on", id="a link now"),
        pytest.param("masters/1.jpg", change, "its kept copy isn't there with the same bytes", id="kept copy rotted"),
        pytest.param("masters/1.jpg", Path.unlink, "its kept copy isn't there", id="kept copy gone"),
    ],
)
def test_what_is_no_longer_so_stays(world, where: str, harm, says: str) -> None:
    photos, folder = world
    harm(photos / where)
    done = script(folder, "--move", code=1)
    assert done.stdout.startswith(f"{len(ODD) - 1} moved, 0 there already, 1 left")
    assert says in done.stderr
    assert (photos / "desk/-n.jpg").exists()


def test_nothing_is_overwritten(world) -> None:
    photos, folder = world
    there = quarantine(photos) / "desk" / "-n.jpg"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"somebody else's")
    assert "something lies at the target" in script(folder, "--move", code=1).stderr
    assert there.read_bytes() == b"somebody else's"
    shutil.copy(photos / "masters" / "0.jpg", photos / "desk" / ODD[0])
    assert "something lies at the target" in script(folder, "--undo", code=1).stderr


def test_both_scripts_name_the_lists_and_the_readme_says_how(studio) -> None:
    folder = studio[2]
    lists = [path.name for path in folder.glob("*.tsv")]
    for name in ("quarantine.sh", "quarantine.ps1"):
        text = (folder / name).read_text("ascii")
        assert "@LISTS@" not in text
        assert all(f"'{found}'" in text for found in lists)
    assert "sh quarantine.sh --undo" in (folder / "README.txt").read_text("utf-8")


@pytest.mark.parametrize(("target", "says"), [("{}/aside", "lies within the source"), ("aside", "the whole path")])
def test_a_target_that_wont_do(studio, target: str, says: str) -> None:
    photos, out, _ = studio
    if says == "the whole path":
        with pytest.raises(ValueError, match=says):
            export(str(out), "quarantine", "script", target=target)
        return
    copy = out.with_name("copy")
    shutil.copytree(out, copy, dirs_exist_ok=True)
    done = export(str(copy), "quarantine", "script", target=target.format(photos))
    assert (done.rows, done.refused) == (0, len(ODD))
    assert says in (copy / done.folder / "refused.csv").read_text("utf-8")
