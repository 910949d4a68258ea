"""`mirrorfold reconcile`, as people type it, after a move by a copier, a DAM that recompresses, and a person."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Make a run over two photographs, a copy and a text, and a destination to which all that is kept was copied."""
    place = tmp_path_factory.mktemp("after")
    photos = place / "photos"
    (photos / "b").mkdir(parents=True)
    Image.fromarray(data.coffee()).save(photos / "coffee.png")
    Image.fromarray(data.chelsea()).save(photos / "chelsea.jpg", quality=95)
    shutil.copy(photos / "chelsea.jpg", photos / "b" / "copy.jpg")
    (photos / "notes.txt").write_text("who took them")
    subprocess.run([MIRRORFOLD, "run", photos, "-o", place / "out"], check=True, capture_output=True)
    return place


def ask(place: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    said = subprocess.run([MIRRORFOLD, "reconcile", "out", *arguments], cwd=place, capture_output=True, text=True)
    assert said.returncode == code, said.stderr
    return said


def kept(place: Path) -> str:
    """Name the copy of the cat that the plan keeps."""
    rows = (place / "out" / "manifests" / "migrate.csv").read_text()
    return "chelsea.jpg" if "/photos/chelsea.jpg" in rows else "b/copy.jpg"


def test_what_a_dam_recompressed_is_told_apart(place: Path) -> None:
    dam = place / "dam"
    (dam / "b").mkdir(parents=True)
    shutil.copy(place / "photos" / "notes.txt", dam / "notes.txt")
    shutil.copy(place / "photos" / kept(place), dam / kept(place))
    Image.open(place / "photos" / "coffee.png").save(dam / "coffee.jpg", quality=85)  # of another ending, too
    Image.fromarray(data.rocket()).save(dam / "stranger.png")
    said = ask(place, "dam", "--json", code=5)
    found = json.loads(said.stdout)
    assert found["counts"] == {"arrived": 1, "arrived-otherwise": 1, "left-behind": 1, "unexpected": 1, "unproved": 1}
    assert found["faults"]["unexpected"][0][0].endswith("/stranger.png")
    assert found["nowhere"] == 1
    assert "1 content that the plan keeps is nowhere in what was looked in" in said.stderr
    ask(place, "dam", "--accept-recompressed")
    with_home = json.loads(ask(place, "dam", "photos", "--json").stdout)  # its source still has the content
    assert with_home["counts"]["arrived-otherwise"] == 1
    Image.fromarray(data.astronaut()).save(dam / "coffee.jpg")  # another picture under its name
    assert json.loads(ask(place, "dam", "--accept-recompressed", "--json", code=5).stdout)["counts"]["missing"] == 1


def test_the_run_stays_what_it_was(place: Path) -> None:
    ask(place, "photos")
    assert subprocess.run([MIRRORFOLD, "verify", "out"], cwd=place, capture_output=True).returncode == 0
    record = json.loads((place / "out" / "reconciliation.json").read_text())
    assert record["counts"] == {"in-place": 3, "waiting": 1}
    assert record["targets"] == ["photos"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name what to look in"),
        (("photos", "--sample", "150%"), "isn't a share below 1"),
        (("photos", "--as-of", "soon"), "soon"),
    ],
    ids=["no target", "sample", "date"],
)
def test_wrong_usage_is_one_line(place: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = ask(place, *arguments, code=2)
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
