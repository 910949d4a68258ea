"""`mirrorfold find` and `mirrorfold why`, as people type them, on a small run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Make a run over a photograph, its copies, another photograph and a file that is none; and a file at hand."""
    place = tmp_path_factory.mktemp("looking")
    photos = place / "photos"
    (photos / "b").mkdir(parents=True)
    coffee = Image.fromarray(data.coffee()).resize((900, 600))
    coffee.save(photos / "coffee.jpg", quality=92)
    (photos / "b" / "coffee.jpg").write_bytes((photos / "coffee.jpg").read_bytes())
    coffee.resize((450, 300)).save(photos / "small.jpg", quality=80)
    Image.fromarray(data.chelsea()).save(photos / "chelsea.jpg", quality=92)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture at all")
    coffee.crop((0, 0, 765, 510)).save(place / "crop.jpg", quality=90)
    Image.fromarray(data.rocket()).save(place / "rocket.png")
    (place / "note.txt").write_text("no picture")
    subprocess.run([MIRRORFOLD, "run", photos, "-o", place / "out"], check=True, capture_output=True)
    return place


def ask(place: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    said = subprocess.run([MIRRORFOLD, *arguments], cwd=place, capture_output=True, text=True)
    assert said.returncode == code, said.stderr
    return said


def test_find_lists_copies_and_what_the_plan_does_with_them(place: Path) -> None:
    (found,) = json.loads(ask(place, "find", "out", "crop.jpg", "--json").stdout)
    assert [(hit["tier"], [file[0].rpartition("/photos/")[2] for file in hit["files"]]) for hit in found["hits"]] == [
        ("probable", ["b/coffee.jpg", "coffee.jpg"]),
        ("probable", ["small.jpg"]),
    ]
    assert {file[2] for hit in found["hits"] for file in hit["files"]} == {"keep", "quarantine", "review"}
    same, other = json.loads(ask(place, "find", "out", "photos/coffee.jpg", "rocket.png", "--json").stdout)
    assert [hit["tier"] for hit in same["hits"]] == ["identical", "near-certain"]
    assert other["hits"] == []
    assert "rocket.png: nothing among 3 contents" in ask(place, "find", "out", "rocket.png").stdout


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("photos/coffee.jpg", "b/coffee.jpg", "identical, the same bytes"),
        ("photos/coffee.jpg", "small.jpg", "One picture: near-certain, resized to 50 %"),
        ("chelsea.jpg", "small.jpg", "The search doesn't find them"),
        ("crop.jpg", "small.jpg", "One picture: probable, cropped"),
        ("broken.jpg", "small.jpg", "wasn't read: "),
    ],
)
def test_why_answers_in_words(place: Path, a: str, b: str, said: str) -> None:
    assert said in ask(place, "why", "out", a, b).stdout
    plain = json.loads(ask(place, "why", "out", a, b, "--json").stdout)
    assert plain["a"]["uri"].endswith(a)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("find", "out"), "name the pictures to look for"),
        (("find", "out", "note.txt"), "note.txt: not-an-image"),
        (("find", "out", "nowhere.jpg"), "nowhere.jpg: No such file"),
        (("find", "photos", "crop.jpg"), "holds no finished run"),
        (("why", "out", "small.jpg"), "name two files"),
        (("why", "out", "coffee.jpg", "nowhere.jpg"), "coffee.jpg may be any of"),
        (("why", "out", "small.jpg", "nowhere.jpg"), "no object of the run goes by that name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(place: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = ask(place, *arguments, code=2)
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
