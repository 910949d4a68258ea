"""Every word in every language."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorfold.schemas.decisions import ACTIONS
from mirrorfold.schemas.failures import CODES
from mirrorfold.schemas.pairs import TIERS
from mirrorfold.transforms.estimate.bill import KEYS
from mirrorfold.transforms.estimate.summary import summarise
from mirrorfold.transforms.match.kinds import TEXTS, TURNS
from mirrorfold.transforms.publish.details import METADATA
from mirrorfold.transforms.publish.languages import LANGUAGES, both, words
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.publish.sides import render_sides
from tests.estimate.test_savings import BOOK, USD, decisions, freed, savings
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish, story
from tests.publish.test_signing import shown

ROOM = Path(__file__).parents[2] / "transforms" / "publish"


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_languages_have_the_same_keys() -> None:
    first, *others = (words(language) for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)


@pytest.mark.parametrize("key", sorted(words("en")))
def test_languages_fill_the_same_places(key: str) -> None:
    assert all(placeholders(words(language)[key]) == placeholders(words("en")[key]) for language in LANGUAGES)
    assert all(words(language)[key].strip() for language in LANGUAGES)


def used_keys() -> set[str]:
    scripts = [*ROOM.glob("*.py"), *ROOM.glob("templates/*"), *ROOM.glob("static/review/*.js")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    return set(re.findall(r"""["'`]((?:report|next|savings|bill|costs|whatif|mirrors|clusters|formats|failures|policy|
        sure|reproduce|review)\.(?!html|css|js)[a-z_-]+)["'`]""", text, re.VERBOSE))  # fmt: skip


def test_every_key_that_the_pages_use_exists() -> None:
    keys = used_keys()
    assert len(keys) > 100
    assert keys <= set(words("en"))


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("tiers", TIERS),
        ("actions", ACTIONS),
        ("codes", CODES),
        ("kinds", {*TEXTS, *TURNS.values(), "resized", "cropped", "greyscale"}),
        ("fields", METADATA),
        ("bill", {"by_all", *(f"by_{name}" for name in KEYS)}),
    ],
    ids=["tiers", "actions", "codes", "kinds", "fields", "bill"],
)
def test_every_name_in_the_tables_has_words(prefix: str, names) -> None:
    missing = [name for name in names if f"{prefix}.{name}" not in words("en")]
    assert missing == []


@pytest.mark.parametrize(("n", "said"), [("1", "1 pair in 1 cluster,"), ("60", "60 pairs in 60 clusters,")])
def test_numbers_have_the_word_of_one_or_of_many(n: str, said: str) -> None:
    assert both("report.card_people_note", pairs=n, clusters=n, hours="")["en"].startswith(said)


def test_no_english_number_stands_before_a_word_that_fits_many_alone() -> None:
    many = r"\{(?:pairs|clusters|objects|n|packages)\} [a-z]*s\b"
    assert [key for key, text in words("en").items() if re.search(many, text)] == []


def test_values_are_escaped_and_code_is_marked() -> None:
    shown = both("policy.intro", hash="<b>")["en"]
    assert "&lt;b&gt;" in shown
    assert "<code>decisions</code>" in shown


ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,'-]+[A-Za-z]{2,}){1,}")
"""Two English words in a row: names of formats, tools and columns stand alone."""

NAMES_OF_THINGS = {"Cohen's kappa"}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_english_is_left_in_a_chinese_text(language: str) -> None:
    for key, text in words(language).items():
        plain = re.sub(r"`[^`]*`|\{[^}]*\}", " ", text)
        left = [found for found in ENGLISH.findall(plain) if found not in NAMES_OF_THINGS]
        assert left == [], key
        assert (
            key == "language" or words("en")[key] != text or not re.search(r"[a-z]{4}", text) or key == "people.kappa"
        )


TRADITIONAL = "這們個對體檔資審選與無開關後應現實價費讀寫條過還歷轉續點"


def test_simplified_chinese_is_simplified() -> None:
    for key, text in words("zh-Hans").items():
        assert not set(text) & set(TRADITIONAL), key
    assert sum(len(set(text) & set(TRADITIONAL)) for text in words("zh-Hant").values()) > 200


def found_sides() -> dict:
    counted = {action: {"objects": 3, "bytes": 9} for action in ("keep", "quarantine", "review", "blocked")}
    side = {
        "name": "HK <b>",
        "libraries": ["hk"],
        "travels": "hashes",
        "holds_unknown": 2,
        "actions": counted,
        "files": [],
    }
    keep = {"of": "HK", "by": "GZ", "action": "review", "tier": "near-certain", "objects": 4, "bytes_freed": 9}
    return {"sides": [side, side | {"name": "GZ", "travels": "all"}], "keeps": [keep, keep | {"tier": None}]}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_the_page_of_a_merge_has_no_english_in_chinese(language: str) -> None:
    page = render_sides(found_sides())
    text = shown(page.split("</nav>")[1], language)
    assert words(language)["sides.intro"] in text
    assert words(language)["actions.review"] in text
    assert [one for one in re.findall(r"[a-z]{3,}", text) if one not in ("bytes",)] == []
    assert "<b>" not in page.split("</style>")[1]


THEIRS = re.compile(
    r'<style.*?</style>|<svg.*?</svg>|<pre.*?</pre>|<code.*?</code>|<q>.*?</q>|<(td|div) class="path[^"]*">.*?</\1>',
    re.DOTALL,
)
"""What a report quotes: commands, names of files, sources of prices, a decoder's own words."""


@pytest.fixture(scope="module")
def priced(tmp_path_factory) -> str:
    """A report with money in it: what has no price, and what is read out of another region."""
    archive = Archive(tmp_path_factory.mktemp("priced"))
    add_clusters(archive, 3)
    archive.write()
    money = USD | {"workers_region": "ap-east-1"}
    rows = savings(decisions(freed(), freed(uri="az://c/a", storage_class="Cool"), {}), money)
    totals = {"request_places": {("s3", "us-east-1", "STANDARD"): {"list": 1, "get": 1, "bytes": 10**12}}}
    told = replace(story(), summary=summarise(rows, totals, BOOK, money))
    return publish(archive, Options(thumbnails=0, proofs=0, sketches=0, sample=0), told=told).text("report.html")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_english_is_left_on_a_whole_report_in_chinese(published, priced, language: str) -> None:
    text = shown(THEIRS.sub("", published.text("report.html") + priced), language)
    for name in [*(row["library"] for row in published.archive.rows["objects"]), "STANDARD storage", "us-east-1"]:
        text = text.replace(name, "")
    assert re.findall(r"[A-Za-z]{2,}(?:[ ,'-]+[A-Za-z]{2,}){2,}", text) == []
