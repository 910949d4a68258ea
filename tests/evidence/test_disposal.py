"""A disposal list for a records office, in the columns of its form; who decided on what goes, in every list."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mirrorfold.configs import disposal_form as disposal
from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.deciders import Deciders
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.finished.export_disposal import export_disposal
from tests.finished_folders import finished


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("disposal")
    for name in ("a.jpg", "b.jpg"):
        (root / "hk").mkdir(exist_ok=True)
        (root / "gz" / "1961").mkdir(parents=True, exist_ok=True)
        (root / "hk" / name).write_text(f"of {name}")
        shutil.copy(root / "hk" / name, root / "gz" / "1961" / name)
    taken = {name: {"capture_time": f"196{number}-05-04T10:00:00"} for number, name in enumerate(("a.jpg", "b.jpg"))}
    out = finished(root, ["hk", "gz"], "approval: {required_roles: [curator]}\n", taken)
    approve(str(out), "curator", "Ann Lee")
    return out


def rows(path: Path) -> list[dict]:
    return list(csv.DictReader(path.open(newline="")))


def test_a_row_for_each_series_in_the_columns_of_the_form(run: Path):
    done = export_disposal(str(run))
    (row,) = rows(run / done.folder / "disposal.csv")
    assert (done.objects, row["Date range"], row["Copies kept in"]) == (2, "1960-05-04 to 1961-05-04", "hk")
    assert row["Series"].endswith("gz/1961")
    assert "Ann Lee (curator" in row["Disposal authority"]
    assert (row["Decided by"], row["Agreed by"]) == ("the policy", "")


def test_a_form_of_yours(run: Path, tmp_path: Path):
    form = tmp_path / "ours.yaml"
    form.write_text(
        "title: T\nsource: S\ndepth: 0\ncolumns: [{name: 系列, value: '{library}'}, {name: Size, value: '{bytes}'}]"
    )
    (row,) = rows(run / export_disposal(str(run), str(form)).folder / "disposal.csv")
    assert row == {"系列": "gz", "Size": "16"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: T\nsource: S\ncolumns: [{name: A, value: '{colour}'}]", "no field {colour}"),
        ("title: T\nsource: S\ncolumns: []", "columns"),
        ("title: [", "isn't a template"),
        (None, "the ready ones are general"),
    ],
)
def test_a_form_that_is_none_is_one_line(run: Path, tmp_path: Path, text: str | None, said: str):
    form = tmp_path / "form.yaml"
    if text is not None:
        form.write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        export_disposal(str(run), str(form))
    assert "\n" not in str(error.value)


def test_every_ready_form_can_be_filled(run: Path):
    for name in disposal.names():
        assert export_disposal(str(run), name).rows == 1


def test_lists_name_who_decided_when_and_by_what(run: Path):
    done = export(str(run), "quarantine", "csv", recheck=False)
    listed = rows(run / done.folder / "quarantine.csv")
    assert len(listed) == 2
    for row in listed:
        assert row["decided_by"].startswith("policy ")
        assert "signed by Ann Lee (curator)" in row["decided_by"]
        assert row["decided_at"]
        assert "sha256" in row["evidence"]


def test_reviewers_are_named_before_the_policy():
    people = Deciders("p" * 64, {"7": ("Bo", "2026-01-02")}, (("Ann", "curator", "2026-01-03"),), "2026-01-01")
    assert people.of(["sha256:x", "verdict:7"]) == ("Bo; signed by Ann (curator)", "2026-01-02; 2026-01-03")
    assert people.of(["sha256:x"])[0].startswith("policy pppppppppppp")


def test_the_command_teaches_a_wrong_form(run: Path):
    done = subprocess.run(
        [Path(sys.executable).parent / "mirrorfold", "export", run, "--what", "disposal", "--template", "x"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
