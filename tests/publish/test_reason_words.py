"""Reasons in Chinese: every sentence that decisions write is made of phrases that the pages know."""

from __future__ import annotations

import itertools
import re

import pytest

from mirrorfold.transforms.publish.languages import LANGUAGES, words
from mirrorfold.transforms.publish.reason_words import parts_of, say
from mirrorfold.transforms.retain import reasons

LIKES = [f"{text} s3://b/a, (1); x.jpg, which is kept: " for text in reasons.TIERS.values()]
PREFERENCES = [
    text.format(role="master", scope="hk", library="my library", storage_class="STANDARD")
    for text in reasons.PREFERENCES.values()
] + ["a key that every tool can carry", "first by name", "an ordinary path", "a copy that has to stay there"]
TAILS = [
    "", "; they disagree on licence, creator", "; reviewers disagree", "; a reviewer said so",
    "; it has what the kept one lacks: creator, rights", "; a.xmp, b.mov would stay without it",
    "; they disagree on creator; compared at full detail they differ (redacted: 76x76 at 498,398 of 1600x1200)",
    "; the policy's verification isn't met: correlation 0.93 < 0.97", "; read whole, one is damaged (truncated)",
    "; a sample of such pairs was looked at and accepted",
    "; not worth a review: one cluster frees 1,234 bytes, the policy asks for 30,000,000",
]  # fmt: skip
SENTENCES = [
    *reasons.FIXED.values(),
    "the preferred copy of these bytes",
    "a master by the policy's rules: only a person's word drops it for another picture",
    *(f"needed for the policy's minimum of copies: {said}" for said in ("2 in all and 1 in HK", "2 in all", "1 in HK")),
    f"{reasons.FIXED['hold']} (identical was outranked)",
    *(
        f"{first}{like}{better}, 1400×934, has capture metadata (recompressed){tail}"
        for first, like, better, tail in itertools.product(
            ("", "kept while its exact copies go; then a person's word is asked: "), LIKES, PREFERENCES, TAILS
        )
    ),
]
ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z']{2,})+")


def plain(text: str) -> str:
    return text.replace("`", "").replace("**", "")


def test_every_sentence_is_made_of_known_phrases_and_reads_the_same_in_english() -> None:
    for sentence in SENTENCES:
        parts = parts_of(sentence)
        assert not isinstance(parts, str), sentence
        exact = "".join(words("en")[f"reasons.{key}"].format(**values) for key, values in parts)
        assert plain(exact) == plain(sentence)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_english_is_left_of_a_reason(language: str) -> None:
    for sentence in SENTENCES:
        said = say(parts_of(sentence), language)
        for own in ("s3://b/a, (1); x.jpg", "my library", "export --what restore", "redacted: 76x76", "of 1600x1200"):
            said = said.replace(own, "")
        assert ENGLISH.findall(said) == [], sentence


def test_what_isnt_known_stays_as_it_is() -> None:
    assert parts_of("something that a later version says") == "something that a later version says"
    assert say("as it is", "zh-Hant") == "as it is"
