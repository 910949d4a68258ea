"""What figures of money leave out, in every language: the tables' English notes, each matched with the phrase it is."""

from __future__ import annotations

import re
from functools import lru_cache

from mirrorfold.transforms.publish.languages import LANGUAGES, Both, both, words

PLACES = {"days": r"\d+", "item": r"[a-z]+", "place": r"\S+ \S+ in .+", "storage_class": r"\S+"}
"""What may stand in a place of a note; anything else: any text."""

PARTS = {"place": "places", "item": "items", "rights": "rights"}
"""Places that are phrases themselves, and the group of their phrases."""


def note_words(note: str, group: str = "notes") -> Both:
    """Say a note in every language; one that these pages don't know stays as it is."""
    for key, pattern in _patterns(group):
        if found := pattern.fullmatch(note):
            parts = {p: note_words(said, PARTS[p]) if p in PARTS else said for p, said in found.groupdict().items()}
            return both(key, **parts)
    return Both(dict.fromkeys(LANGUAGES, note))


@lru_cache
def _patterns(group: str) -> list[tuple[str, re.Pattern]]:
    found = []
    for key, text in words("en").items():
        if key.startswith(f"{group}."):
            pieces = re.split(r"\{(\w+)\}", text)
            parts = (f"(?P<{p}>{PLACES.get(p, '.+')})" if at % 2 else re.escape(p) for at, p in enumerate(pieces))
            found.append((key, re.compile("".join(parts))))
    return found
