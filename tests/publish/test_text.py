"""Strangers' text becomes visible text, whatever it holds."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.publish.text import human_bytes, human_share, visible
from tests.publish.publish_archive import HOSTILE


class Tags(HTMLParser):
    """Collects what a browser would see: tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert attrs in ([], [("class", "ctl")])

    def handle_data(self, data):
        self.text += data


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(str(visible(text, limit=10_000)))
    tags.close()
    return tags


@given(st.text(max_size=300))
def test_nothing_becomes_markup_and_nothing_hides(text: str) -> None:
    seen = parsed(text)
    assert seen.tags <= {"bdi", "span"}
    assert not any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in seen.text
    )


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=300))
def test_visible_characters_stay_as_they_are(text: str) -> None:
    assert parsed(text).text == text


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_show_their_words(key: str) -> None:
    assert parsed(key).tags <= {"bdi", "span"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\u202eb", "aU+202Eb"),
        (escape_key(b"caf\xe9.jpg"), r"caf\xE9.jpg"),
        ("\u2028", "U+2028"),
    ],
    ids=["newline", "right-to-left", "not-utf-8", "line-separator"],
)
def test_hidden_characters_are_spelled_out(text: str, shown: str) -> None:
    assert parsed(text).text == shown


@pytest.mark.parametrize("tail", [False, True], ids=["end", "beginning"])
def test_long_text_is_cut_visibly(tail: bool) -> None:
    shown = str(visible("x" * 50 + "end", limit=10, tail=tail))
    assert "…" in shown
    assert ("end" in shown) is tail


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1 KB"), (1_234_567, "1.23 MB"), (30_000_000, "30 MB"),
     (999_999, "1.00 MB"), (2_000_000_000_000, "2 TB"), (123_456_789, "123 MB")],
)  # fmt: skip
def test_bytes_read_well(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 10, "0 %"), (1, 100_000, "< 0.1 %"), (99_999, 100_000, "> 99.9 %"), (10, 10, "100 %"), (1, 3, "33.3 %"),
     (0, 0, "0 %")],
)  # fmt: skip
def test_shares_never_hide_a_remainder(part: int, whole: int, text: str) -> None:
    assert human_share(part, whole) == text
