"""Notes on prices in Chinese: every note that the estimate writes is a phrase that the pages know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mirrorfold.configs.prices import load_prices
from mirrorfold.transforms.estimate.egress import egress_notes, leaving
from mirrorfold.transforms.estimate.moving import Place
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.savings import HOLD_RIGHTS
from mirrorfold.transforms.publish.languages import LANGUAGES, words
from mirrorfold.transforms.publish.note_words import note_words
from tests.publish.test_languages import ENGLISH
from tests.publish.test_reason_words import plain

ESTIMATE = Path(__file__).parents[2] / "transforms" / "estimate"
PLACES = [Place("s3", "ap-east-1", "STANDARD"), Place("az", None, "Cool")]
VALUES = {
    "{unpriced}": [f"no price of {item} for {place}" for item in ("egress", "put") for place in PLACES],
    "{destination}": [str(place) for place in PLACES],
    "{place}": [str(place) for place in PLACES],
    "{rights}": [*HOLD_RIGHTS.values(), "access"],
}


def notes() -> list[str]:
    """Give the notes as the estimate's code spells them, with values in their places."""
    text = "".join((ESTIMATE / name).read_text() for name in ("moving.py", "savings.py", "summary.py"))
    spelled = re.findall(
        r"""(?:notes\s=\s\[|notes\.append\(|said\.append\(|yield\s|said\s=\s\[|\*\(\[\]\sif\squote\selse\s\[)
        f?"([^"]{12,})\"""",
        text,
        re.VERBOSE,
    )
    found = []
    for note in spelled:
        note = re.sub(r"\{(days|soft|rule\.minimum_days)\}", "30", note)
        note = re.sub(r"\{[a-z]+(?:\['storage_class'\]|\.storage_class)\}", "GLACIER_IR", note)
        place = next((name for name in VALUES if name in note), None)
        found += [note.replace(place, value) for value in VALUES[place]] if place else [note]
    prices = PriceList.make(load_prices("default"), {"currency": "HKD"})
    places = {("az", "eastus2", "Hot"): {"bytes": 10**13}, ("s3", "mars-1", "STANDARD"): {"bytes": 10**12}}
    return found + egress_notes(leaving(places, "ap-east-1", prices), "ap-east-1", "HKD")


def test_all_notes_were_found() -> None:
    assert len({re.sub(r"no price (of|for).*|takes.*", "", note) for note in notes()}) >= 14
    assert not [note for note in notes() if "{" in note]


@pytest.mark.parametrize("note", notes())
def test_a_note_is_said_in_every_language(note: str) -> None:
    said = note_words(note)
    assert plain(re.sub(r"<[^>]*>", "", said["en"])).replace("&#39;", "'") == note
    for language in LANGUAGES[1:]:
        own = re.sub(
            r"<code>.*?</code>|GLACIER_IR|s3 STANDARD|az Cool|ap-east-1|az eastus2|s3 mars-1", "", said[language]
        )
        assert own != note
        assert not ENGLISH.findall(own), own


def test_a_note_of_a_later_version_stays_as_it_is() -> None:
    assert note_words("what nobody knows yet")["zh-Hans"] == "what nobody knows yet"
    assert "notes.units" in words("en")
