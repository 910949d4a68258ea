"""The vocabulary: whole in three languages, mapped to terms with addresses, wide enough for all that our code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mirrorfold.schemas.clusters import TOO_LARGE
from mirrorfold.schemas.pairs import TIERS
from mirrorfold.transforms.confirm.kinds import KINDS
from mirrorfold.transforms.match.kinds import LOOKS, PARTS, TEXTS, TURNS
from standard.readme import HERE, NAMES, text
from standard.words import LANGUAGES, relations, vocabulary

ROOT = Path(__file__).resolve().parents[2]
NAMED = (
    "same-bytes other-metadata recoded resized reformatted other-profile with-motion with-gain-map with-layers toned "
    "greyscale restored cropped framed rotated mirrored captioned stamped watermarked redacted rescan other-frame "
    "other-page burst version derivative part-of-package"
)
"""What a standard of duplicates has to name, whatever else it does."""


def kinds_written() -> set[str]:
    """Give every kind that our code can write to `pairs`, `clusters`, `confirmations` or `decisions`."""
    tree = ast.parse((ROOT / "transforms/match/kinds.py").read_text("utf-8"))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "kind_of")
    returned = {
        part.value
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    return returned | {*TEXTS, *TURNS.values(), *PARTS.values(), *LOOKS, *KINDS, TOO_LARGE, "copy"}


def test_every_kind_and_tier_that_we_write_is_a_relation() -> None:
    mapped = {kind for found in relations().values() for kind in found["mirrorfold"]["kinds"]}
    assert {"cropped", "resized", "framed", "burst"} <= kinds_written()
    assert mapped == kinds_written()
    assert {tier for found in relations().values() for tier in found["mirrorfold"]["tiers"]} == set(TIERS)


def test_what_has_to_be_named_is() -> None:
    assert set(NAMED.split()) - set(relations()) == set()
    assert len(relations()) == len(vocabulary()["relations"])


@pytest.mark.parametrize("name", relations())
def test_a_relation_is_whole(name: str) -> None:
    found, words = relations()[name], vocabulary()
    for part in ("label", "definition"):
        assert set(found[part]) == set(LANGUAGES)
        assert all(found[part].values())
        assert found[part]["zh-Hant"] != found[part]["en"]
    assert set(found["evidence"]) <= set(words["evidence"])
    assert bool(found["evidence"]) != (name == "undecided")
    assert found["automation"] in words["automation"]
    assert found["find"] in words["find"]
    assert found["maps"]
    assert set(found["maps"]) <= set(words["terms"])


def test_what_nobody_looked_at_goes_alone_only_by_equal_bytes() -> None:
    assert [name for name, found in relations().items() if found["automation"] == "alone"] == ["same-bytes"]


def test_terms_are_used_and_have_addresses() -> None:
    used = {term for found in relations().values() for term in found["maps"]}
    assert used == set(vocabulary()["terms"])
    assert all(re.match(r"https?://", term["address"]) for term in vocabulary()["terms"].values())
    assert {term.partition(":")[0] for term in used} == {"premis", "dcterms", "dcmitype", "spectrum", "iptc"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_says_what_the_vocabulary_says(language: str) -> None:
    assert (HERE / NAMES[language]).read_text("utf-8") == text(language), "run: python -m standard.readme"


def test_the_licence_is_cc0() -> None:
    assert "CC0 1.0 Universal" in (HERE / "LICENSE").read_text("utf-8")
