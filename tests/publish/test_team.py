"""A review by several people: shares, agreement, disagreement and its end."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.publish.kappa import agreements, cohen_kappa
from mirrorfold.transforms.publish.parts import Split, Unit, assign
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.publish.team import people_of, read_split, save_split
from mirrorfold.transforms.retain.verdicts import checked_verdict, rule_on
from mirrorfold.transforms.stores.output import open_output
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish

A, B = "a" * 64, "b" * 64
NAMES = tuple("abcdefgh")


def split_of(into: int, overlap: float = 0.0, by: str = "folder") -> Split:
    return Split(into, overlap, by, NAMES[:into])


UNITS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.floats(0, 3)), min_size=0, max_size=60).map(
    lambda rows: [Unit(f"c{n:02d}", f"/f{group}/", pairs, risk) for n, (group, pairs, risk) in enumerate(rows)]
)


@settings(deadline=None, max_examples=150)
@given(UNITS, st.integers(1, 8), st.floats(0, 1), st.sampled_from(["folder", "risk"]), st.randoms())
def test_every_cluster_has_its_part_and_the_order_never_shows(units, into, overlap, by, random) -> None:
    split = split_of(into, overlap if into > 1 else 0.0, by)
    found = assign(units, split)
    assert set(found) == {unit.cluster_id for unit in units}
    assert all(len(set(parts)) == len(parts) and set(parts) <= set(range(into)) for parts in found.values())
    twice = sum(len(parts) == 2 for parts in found.values())
    assert twice == (round(split.overlap * len(units)) if into > 1 else 0)
    mixed = list(units)
    random.shuffle(mixed)
    assert assign(mixed, split) == found


@settings(deadline=None, max_examples=100)
@given(UNITS, st.integers(1, 8))
def test_the_work_is_shared_about_equally(units, into) -> None:
    loads = [0] * into
    for unit in units:
        loads[assign(units, split_of(into))[unit.cluster_id][0]] += unit.pairs
    total = sum(loads)
    assert max(loads) <= 2 * total / into + 9


def test_a_folder_stays_with_one_person_where_it_fits() -> None:
    units = [Unit(f"c{n}", f"/f{n % 4}/", 1, 0.0) for n in range(40)]
    found = assign(units, split_of(4))
    assert len({(unit.group, found[unit.cluster_id]) for unit in units}) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 0.1, "folder", ()), "1 to 30 parts"),
        ((2, 1.5, "folder", ("a", "b")), "share from 0 to 1"),
        ((2, 0.1, "colour", ("a", "b")), "not by colour"),
        ((2, 0.1, "folder", ("a",)), "need 2 names"),
        ((2, 0.1, "folder", ("Ann Lee", "ann lee")), "name of its own"),
        ((1, 0.1, "folder", ("a",)), "needs two people"),
    ],
)
def test_a_split_that_cannot_be_made_says_why(arguments, said) -> None:
    with pytest.raises(ValueError, match=said):
        Split(*arguments)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        # Cohen 1960's form: [both yes, first alone, second alone, both no].
        ((20, 5, 10, 15), 0.4),
        ((25, 0, 0, 25), 1.0),
        ((0, 25, 25, 0), -1.0),
        ((25, 25, 25, 25), 0.0),
        ((50, 0, 0, 0), None),
    ],
)
def test_kappa(table, kappa) -> None:
    cells = (("y", "y"), ("y", "n"), ("n", "y"), ("n", "n"))
    labels = [cell for cell, count in zip(cells, table, strict=True) for _ in range(count)]
    found = cohen_kappa(labels)
    assert found is None if kappa is None else found == pytest.approx(kappa)


def said(who: str, verdict: str, at: str = "2026-01-01T00:00:00Z", **more) -> dict:
    row = {"content_a": A, "content_b": B, "verdict": verdict, "reviewer": who, "at": at}
    return checked_verdict(row | more, "x:1")


def test_agreement_counts_independent_answers_alone() -> None:
    words = [
        said("ann", "same"),
        said("bo", "keep-a"),
        said("cy", "different"),
        said("cy", "same", seen=False, at="2026-01-02"),
        said("di", "same", purpose="adjudication"),
    ]
    assert [(found.first, found.second, found.agreed) for found in agreements(words)] == [
        ("ann", "bo", 1),
        ("ann", "cy", 0),
        ("bo", "cy", 0),
    ]


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ([said("ann", "same"), said("bo", "different")], "conflict"),
        ([said("ann", "same"), said("bo", "different"), said("cy", "same", purpose="adjudication")], "same"),
        ([said("ann", "same"), said("bo", "different"), said("cy", "keep-b", purpose="adjudication")], "keep-b"),
        ([said("ann", "same"), said("bo", "different"), said("Ann ", "same", purpose="adjudication")], "conflict"),
        ([said("ann", "same"), said("cy", "same", purpose="adjudication")], "same"),
        ([said("cy", "same", purpose="adjudication")], "defer"),
    ],
    ids=["open", "settled", "settled with a keeper", "a party can't", "nothing to settle", "a lone word of two"],
)
def test_a_disagreement_ends_by_a_third_persons_word(words, outcome) -> None:
    assert rule_on(words, 2)[A, B].outcome == outcome


def team_of_page(text: str) -> dict:
    return json.loads(re.search(r'receive\("team",(.*)\);', text)[1])


def test_pages_tell_who_answered_and_what_only_where_they_disagree(tmp_path) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 3)
    archive.write()
    pairs = [{"content_a": f"{2 * n:064x}", "content_b": f"{2 * n + 1:064x}"} for n in range(3)]
    words = [
        said("Ann", "same", **pairs[0]),
        said("Ann", "same", **pairs[1]),
        said("Bo", "different", **pairs[1], reason="another boat"),
    ]
    store = open_output(archive.output)
    save_split(store, split_of(2))
    rulings = {pair: ruling.outcome for pair, ruling in rule_on(words, 2).items()}
    options = Options(thumbnails=0, proofs=0, sketches=0, sample=0)
    page = publish(archive, options, rulings=rulings, said=tuple(words))
    team = team_of_page(page.text("review/data/team.js"))
    assert team["names"] == ["a", "b"]
    assert sorted(team["parts"]) == [1, 1, 2] or sorted(team["parts"]) == [1, 2, 2]
    assert team["answered"] == {"0": [0], "1": [0, 1]}
    assert [[team["people"][word[0]], word[1], word[3]] for word in team["disputed"]["1"]] == [
        ["Ann", "same", ""],
        ["Bo", "different", "another boat"],
    ]
    assert "0" not in team["disputed"], "a second opinion is given without the first"
    assert "another boat" not in page.text("review/data/items-00000.js")
    report = page.text("report.html")
    assert "Cohen" in report
    assert read_split(store) == split_of(2)


def test_people_of_counts_by_reviewer() -> None:
    words = [said("ann", "same"), said("ann", "same", seen=False), said("cy", "different", purpose="adjudication")]
    found = people_of(words)
    assert found["answers"] == [{"name": "ann", "seen": 1, "filtered": 1}]
    assert found["adjudications"] == [{"name": "cy", "pairs": 1, "first": "2026-01-01", "last": "2026-01-01"}]
