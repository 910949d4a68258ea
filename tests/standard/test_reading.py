"""Blind readings: readers get pairs without answers, and agreement is counted as it is defined."""

from __future__ import annotations

import csv
import json

import pytest

from standard import reading


@pytest.fixture
def suite(tmp_path):
    """Make a suite of few bytes: three relations, some with a pair that nobody can tell."""
    cases = []
    for number, relation in enumerate(["cropped", "cropped", "toned", "rotated", "undecided"]):
        names = [f"hk/{number}a.jpg", f"hk/{number}b.png"]
        for name in names:
            (tmp_path / "suite/files/hk").mkdir(parents=True, exist_ok=True)
            (tmp_path / "suite/files" / name).write_bytes(name.encode())
        cases.append({"case": f"{number:04d}", "files": dict.fromkeys(names, ""), "pairs": [[*names, relation]]})
    (tmp_path / "suite/labels.json").write_text(json.dumps({"cases": cases}))
    return tmp_path / "suite"


def test_readers_see_pairs_of_all_relations_and_no_answer(suite, tmp_path, capsys):
    key = tmp_path / "key.json"
    assert reading.main(["draw", str(suite), str(tmp_path / "kit"), "--key", str(key), "--pairs", "3"]) == 0
    assert sorted(json.loads(key.read_text()).values()) == ["cropped", "rotated", "toned"]
    kit = "".join(path.read_text() for path in (tmp_path / "kit").rglob("*.???"))
    assert not any(word in kit for word in ("cropped", "rotated", "toned"))
    assert {path.name for path in (tmp_path / "kit/001").iterdir()} == {"A.jpg", "B.png", "names.txt"}
    assert reading.main(["draw", str(suite), str(tmp_path / "kit"), "--key", str(key)]) == 2
    assert "isn't empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "kappa"),
    [([("a", "a"), ("b", "b")], 1.0), ([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")], 0.0), ([("a", "a")], 1.0),
     ([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15, 0.4)],
    ids=["all alike", "as by chance", "one label", "a textbook's table"],
)  # fmt: skip
def test_kappa(labels, kappa):
    assert reading.kappa(labels) == pytest.approx(kappa)
    low, high = reading.interval(labels, reading.kappa)
    assert low <= kappa <= high


def test_a_report_names_where_readers_part(tmp_path, capsys):
    (tmp_path / "key.json").write_text(json.dumps({"001": "toned", "002": "cropped"}))
    for name, said in (("ann", ("toned", "cropped")), ("bo", ("recoloured", "cropped"))):
        with (tmp_path / f"{name}.csv").open("w") as sheet:
            csv.writer(sheet).writerows([reading.SHEET, ["001", said[0], ""], ["002", said[1], ""]])
    sheets = [str(tmp_path / f"{name}.csv") for name in ("ann", "bo")]
    assert reading.main(["score", str(tmp_path / "key.json"), *sheets]) == 0
    said = capsys.readouterr().out
    assert "construction and ann: 2 of 2 alike, kappa 1.00" in said
    assert "  001: construction: toned, ann: toned, bo: recoloured" in said
    assert "  002" not in said


@pytest.mark.parametrize(
    ("text", "error"),
    [("pair,relation\n", "the columns must be"), ("pair,relation,note\n009,toned,\n", "no pair '009'"),
     ("pair,relation,note\n001,tonned,\n", "no relation is called 'tonned'"),
     ("pair,relation,note\n", "nothing is said of pair 001")],
    ids=["columns", "pair", "relation", "missing"],
)  # fmt: skip
def test_a_malformed_sheet_is_one_line(tmp_path, capsys, text, error):
    (tmp_path / "key.json").write_text('{"001": "toned"}')
    (tmp_path / "sheet.csv").write_text(text)
    assert reading.main(["score", str(tmp_path / "key.json"), str(tmp_path / "sheet.csv")]) == 2
    assert error in capsys.readouterr().err
