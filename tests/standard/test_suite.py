"""The suite: the same bytes from a seed everywhere, cases for every relation, and a score that can't be fooled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from standard.adapters import answers
from standard.score import COLUMNS, AnswerError, level, main, read_answer, score, total
from standard.suite.build import DIGESTS, write
from standard.suite.cases import CLASSES, EACH, cases
from standard.words import relations

ROOT = Path(__file__).resolve().parents[2]
Rows = list[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("suite") / "one"
    write(cases(1, 1), folder, 1)
    return folder


@pytest.fixture(scope="module")
def labels(suite: Path) -> dict:
    return json.loads((suite / "labels.json").read_text("utf-8"))


def scored(suite: Path, labels: dict, rows: Rows, tmp_path: Path) -> dict:
    answers.write(tmp_path / "answer.csv", rows)
    return score(
        labels, read_answer(tmp_path / "answer.csv", (path for case in labels["cases"] for path in case["files"]))
    )


def truth(labels: dict, action: str = "ask") -> Rows:
    """Answer as somebody would who knows: everything is found, nothing is removed."""
    return [
        (a, b, relation, action)
        for case in labels["cases"]
        for a, b, relation in case["pairs"]
        if relations()[relation]["find"] != "must-not"
    ]


def test_a_seed_decides_every_byte(suite: Path, tmp_path: Path) -> None:
    want = json.loads(DIGESTS.read_text("utf-8"))["one of each"]
    assert write(cases(1, 1), tmp_path / "again", 1)["all"] == want
    assert (tmp_path / "again" / "labels.json").read_bytes() == (suite / "labels.json").read_bytes()


def test_another_seed_makes_other_pictures(labels: dict, tmp_path: Path) -> None:
    write(cases(2, 1), tmp_path / "held-out", 2)
    other = json.loads((tmp_path / "held-out" / "labels.json").read_text("utf-8"))
    mine, theirs = (
        {digest for case in found["cases"] for path, digest in case["files"].items() if path.endswith("g")}
        for found in (labels, other)
    )
    assert mine & theirs == set()


@pytest.mark.slow
def test_the_public_suite_is_built_byte_for_byte(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "standard.suite.build", str(tmp_path / "public")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "byte for byte" in done.stdout


def test_there_are_cases_enough_and_one_of_every_relation(labels: dict) -> None:
    assert EACH * len(CLASSES) >= 400
    shown = {relation for case in labels["cases"] for _, _, relation in case["pairs"]}
    assert shown == set(relations()) - {"part-of-package"}  # that one is a class: what is copied out of a package
    assert {case["class"] for case in labels["cases"]} == set(CLASSES)
    assert "part-of-package" in CLASSES
    assert all(case["keep"] or case["groups"] for case in labels["cases"])


def test_who_finds_everything_and_loses_nothing_has_aaa(suite: Path, labels: dict, tmp_path: Path) -> None:
    tallies = scored(suite, labels, truth(labels), tmp_path)
    assert level(tallies.values()) == "AAA"
    everything = total(tallies)
    assert everything.named == sum(everything.wanted.values())


def test_who_answers_nothing_loses_nothing_and_finds_nothing(suite: Path, labels: dict, tmp_path: Path) -> None:
    tallies = scored(suite, labels, [], tmp_path)
    assert level(tallies.values()) == "AA"
    assert total(tallies).found.total() == 0


def test_who_removes_what_looks_alike_loses(suite: Path, labels: dict, tmp_path: Path) -> None:
    tallies = scored(suite, labels, truth(labels, "remove-b"), tmp_path)
    assert level(tallies.values()) == "-"
    for kind in ("licensed-crop", "cropped", "mirrors", "restored", "family", "burst"):
        assert tallies[kind].lost, kind
    assert not tallies["same-bytes"].lost
    held = scored(suite, labels, truth(labels, "remove-a"), tmp_path)
    for kind in ("hold", "part-of-package", "damaged", "recoded"):
        assert held[kind].lost, kind


def test_both_copies_removed_for_each_other_are_lost(suite: Path, labels: dict, tmp_path: Path) -> None:
    ((a, b, _),) = next(case["pairs"] for case in labels["cases"] if case["class"] == "same-bytes")
    tallies = scored(suite, labels, [(a, b, "", "remove-a"), (b, a, "", "remove-a")], tmp_path)
    assert tallies["same-bytes"].lost == sorted([a, b])


def test_asking_about_another_page_is_false_and_a_finding_isnt(suite: Path, labels: dict, tmp_path: Path) -> None:
    ((a, b, _),) = next(case["pairs"] for case in labels["cases"] if case["class"] == "other-page")
    assert level(scored(suite, labels, [(a, b, "", "ask")], tmp_path).values()) == "A"
    assert level(scored(suite, labels, [(a, b, "", "keep")], tmp_path).values()) == "AA"


def test_files_of_two_cases_are_different_pictures(suite: Path, labels: dict, tmp_path: Path) -> None:
    a, b = (next(iter(labels["cases"][k]["files"])) for k in (0, 1))
    assert total(scored(suite, labels, [(a, b, "", "ask")], tmp_path)).cases_false == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "answer.csv:1: the columns must be file_a,file_b,relation,action"),
        ("{head}\nA,B\n", "answer.csv:2: 2 values instead of 4"),
        ("{head}\nA,nowhere.jpg,,ask\n", "answer.csv:2: the suite has no file 'nowhere.jpg'"),
        ("{head}\nA,A,,ask\n", "answer.csv:2: a file can't be a duplicate of itself"),
        ("{head}\nA,B,twin,ask\n", "answer.csv:2: no relation is called 'twin'"),
        ("{head}\nA,B,,delete\n", "answer.csv:2: the action must be one of"),
        ("{head}\nA,B,,ask\nA,B,,ask\n", "answer.csv:3: this pair was answered before"),
        ('{head}\nA,"B"x,,ask\n', "no CSV in UTF-8"),
        ("", "answer.csv:1: the columns must be"),
    ],
)
def test_a_malformed_answer_is_refused_with_a_line(suite, labels, tmp_path, capsys, text: str, said: str) -> None:
    a, b = (next(iter(labels["cases"][k]["files"])) for k in (0, 1))
    text = text.replace("{head}", ",".join(COLUMNS)).replace("A", a).replace("B", b)
    (tmp_path / "answer.csv").write_text(text, "utf-8")
    assert main([str(suite), str(tmp_path / "answer.csv")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_bytes_that_are_no_text_are_refused(suite: Path, tmp_path: Path) -> None:
    (tmp_path / "answer.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnswerError, match="UTF-8"):
        read_answer(tmp_path / "answer.csv", [])


@pytest.mark.slow
def test_mirrorfold_loses_nothing_and_asks_nothing_false(suite: Path, labels: dict, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "standard.adapters.mirrorfold", str(suite), str(tmp_path / "answer.csv")]
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    files = [path for case in labels["cases"] for path in case["files"]]
    tallies = score(labels, read_answer(tmp_path / "answer.csv", files))
    assert level(tallies.values()) in ("AA", "AAA"), {
        name: one for name, one in tallies.items() if one.lost or one.false
    }
    for kind in ("same-bytes", "other-metadata", "recoded", "resized", "hold", "mirrors", "hostile"):
        assert tallies[kind].found["must"] == tallies[kind].wanted["must"], kind


def test_fclones_way_loses_the_held_the_packaged_and_a_jurisdictions_last(suite, labels, tmp_path) -> None:
    """Of equal bytes the first stays, whatever else holds: the answer that suits no archive."""
    by_digest: dict[str, list[str]] = {}
    for case in labels["cases"]:
        for path, digest in case["files"].items():
            by_digest.setdefault(digest, []).append(path)
    rows = [(path, paths[0], "", "remove-a") for paths in by_digest.values() for path in sorted(paths)[1:]]
    tallies = scored(suite, labels, rows, tmp_path)
    assert tallies["mirrors"].lost
    assert total(tallies).false == []
    assert total(tallies).found["must"] < total(tallies).wanted["must"]


def test_hashes_ask_about_what_looks_alike(suite, labels, tmp_path) -> None:
    from standard.adapters.hashes import main as ask

    assert ask("imagehash", suite, tmp_path / "answer.csv") == 0
    files = [path for case in labels["cases"] for path in case["files"]]
    tallies = score(labels, read_answer(tmp_path / "answer.csv", files))
    assert total(tallies).lost == []
    assert tallies["same-bytes"].found["must"] == 1
    assert tallies["resized"].found["must"] == 1
