"""The front page: what is signed, draft or approved, and what the plan does, counted from its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.signed import signing_of
from mirrorfold.pipelines.finished.verify import read_policy
from mirrorfold.transforms.publish.languages import LANGUAGES, words
from mirrorfold.transforms.publish.part_sign import GLOSSARY
from mirrorfold.transforms.publish.publish import Options, publish_pages
from mirrorfold.transforms.publish.signing import CLOSES, OPENS, Signing, restamp, signatures
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import LocalOutput, open_output
from tests.promises.test_signed import small_run
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import story

PLAIN = Options(thumbnails=0, proofs=0, sketches=0, sample=0)


class Shown(HTMLParser):
    """Collects a page's text in one language."""

    def __init__(self, language: str):
        super().__init__()
        self.language, self.hidden, self.text, self.spans = language, 0, "", []

    def handle_starttag(self, tag, attrs):
        if tag == "span":
            self.spans.append(dict(attrs).get("lang", self.language) != self.language)
            self.hidden += self.spans[-1]

    def handle_endtag(self, tag):
        if tag == "span":
            self.hidden -= self.spans.pop()

    def handle_data(self, data):
        self.text += "" if self.hidden else data


def shown(text: str, language: str = "en") -> str:
    """Give a page's text in one language, as people read it."""
    parser = Shown(language)
    parser.feed(text)
    return parser.text


@pytest.mark.parametrize(
    ("signing", "said"),
    [
        (Signing(), ["Draft", "asks nobody to sign"]),
        (Signing("ab", ("curator",), ("curator",)), ["Draft", "Still to sign: curator", "curator"]),
        (
            Signing("ab", ("curator",), (), ({"role": "curator", "name": "Ann", "at": "2026-11-02T10:00:00+00:00"},)),
            ["Approved", "Ann", "2026-11-02"],
        ),
        (
            Signing("ab", ("c",), ("c for gz",), ({"role": "c", "name": "A", "at": "2026-11-02", "side": "hk"},)),
            ["Draft", "Still to sign: c for gz", "for hk"],
        ),
    ],
    ids=["nobody asked", "a draft", "approved", "one side of two"],
)
def test_a_report_says_how_far_it_is_signed(signing: Signing, said: list[str]) -> None:
    text = shown(signatures(signing))
    assert all(part in text for part in said), text


def test_a_sign_off_shows_in_the_report_and_changes_nothing_else(tmp_path) -> None:
    folder = tmp_path / "run"
    small_run(folder)
    store = LocalOutput(str(folder))
    approve(str(folder), "curator", "Ann Lee", withdraw=True)
    signing = signing_of(store, read_policy(store))
    assert (signing.plan, signing.missing) == (plan_hash(store), ("curator",))
    store.put("report.html", f"<p>before</p>{signatures(signing)}<p>after</p>".encode())
    draft = (folder / "report.html").read_text()
    assert "Draft" in shown(draft)
    approve(str(folder), "curator", 'Ann "<b>" <!-- end of signatures -->')
    approved = (folder / "report.html").read_text()
    assert "Approved" in shown(approved)
    assert "Draft" not in shown(approved)
    assert "<b>&quot;" not in approved
    assert approved.count(CLOSES) == 1
    approve(str(folder), "curator", 'Ann "<b>" <!-- end of signatures -->', withdraw=True)
    assert (folder / "report.html").read_text() == draft
    assert approved.split(OPENS)[0] == "<p>before</p>"
    assert approved.split(CLOSES)[1] == "<p>after</p>"


def test_a_report_of_an_earlier_version_is_left_alone(tmp_path) -> None:
    store = LocalOutput(str(tmp_path))
    assert not restamp(store, Signing())
    store.put("report.html", b"<p>old</p>")
    assert not restamp(store, Signing())
    assert store.get("report.html") == b"<p>old</p>"


@pytest.fixture
def plan(tmp_path) -> Archive:
    """Eight objects that go for two reasons in two places, and one of each thing that stays."""
    made = Archive(tmp_path)
    add_clusters(made, 12)
    going = [row for row in made.rows["decisions"] if row["action"] == "review"]
    for number, row in enumerate(going[:8]):
        row |= {
            "action": "quarantine", "rule": "identical" if number < 5 else "verdict-same", "library": "gz",
            "jurisdiction": "CN" if number % 2 else "HK", "storage_class": "STANDARD", "size": 10 + number,
        }  # fmt: skip
    going[8] |= {"action": "blocked", "rule": "protected", "jurisdiction": "HK"}
    going[9] |= {"rule": "conflict", "conflicts": ["licence", "creator"], "package": "bagit:s3://b/bag/"}
    going[10] |= {"action": "blocked", "rule": "hold"}
    going[11] |= {"action": "blocked", "rule": "hold-unknown"}
    checked = {"uri": going[11]["uri"], "version": "", "hold": "unknown", "kind": "none"}
    made.rows["hold_checks"] = [checked, checked | {"uri": "s3://bucket/fine", "hold": "no"}]
    made.write()
    return made


def test_the_front_page_counts_what_goes_and_what_stays(plan) -> None:
    policy = story().policy | {"protect": ["**/masters/**"], "scopes": [{"name": "hk"}]}
    told = replace(story(), policy=policy, made="2026-11-29", signing=Signing("ab" * 32))
    publish_pages(open_output(plan.output), told, PLAIN, None, None)
    text = shown((plan.root / "out" / "report.html").read_text())
    going = [row for row in plan.rows["decisions"] if row["action"] == "quarantine"]
    for field, count in Counter(row["jurisdiction"] for row in going).items():
        size = sum(row["size"] for row in going if row["jurisdiction"] == field)
        assert f"{field}: {count} ({size} bytes)" in text
    assert "the same bytes as the kept copy: 5 (60 bytes)" in text
    assert "people said that it is the same picture: 3 (48 bytes)" in text
    assert "**/masters/**: 1 object lies there; none goes" in text
    assert "1 package with 1 object, 0 of which go" in text
    assert "on the hold list: 1" in text
    assert "couldn't be asked: 1" in text
    assert "Licence: 1" in text
    assert "Creator: 1" in text
    assert "Of 1 object nobody could say whether a hold exists" in text
    nowhere = sum(row.get("jurisdiction") is None for row in plan.rows["decisions"])
    assert f"{nowhere} object{'s lie' if nowhere > 1 else ' lies'} in no jurisdiction" in text
    assert "2026-11-29" in text
    assert "ab" * 32 in text
    assert min(row["uri"] for row in going) in text


@pytest.mark.parametrize("rule", ["identical", "same-picture", "near-certain", "probable", "verdict-same", "accepted"])
def test_every_rule_that_lets_go_is_said_in_words(rule: str) -> None:
    assert all(f"rules.{rule}" in words(language) for language in LANGUAGES)


def test_there_is_one_glossary() -> None:
    terms = {key.removeprefix("glossary.") for key in words("en") if key.startswith("glossary.")} - {"title"}
    assert terms == set(GLOSSARY)
    with open("docs/review.md", encoding="utf-8") as file:
        docs = " ".join(file.read().split())
    for term in GLOSSARY:
        assert words("en")[f"glossary.{term}"] in docs, term
