"""Reasons in every language: the tables' English sentences taken apart into the phrases that they are made of."""

from __future__ import annotations

import re
from functools import lru_cache

from mirrorfold.transforms.publish.languages import words

Part = list
"""[key below `reasons.`, {place: value}]."""

PLACES = {
    "uri": r".+?", "kind": r"[^;]*?", "fields": r"[a-z_]+(?:, [a-z_]+)*", "names": r".+?", "detail": r".+?",
    "width": r"\d+", "height": r"\d+", "freed": r"[\d,]+", "asked": r"[\d,]+", "unit": r"cluster|batch",
    "n": r"\d+", "here": r"\d+", "tier": r"[a-z-]+", "role": r"[a-z]+", "rule": r"[\w-]+",
}  # fmt: skip
"""What may stand in a place; anything else is a name: up to the next comma, bracket or semicolon."""

NAME = r"[^,;()]+"
OPEN_ENDED = ("names", "detail")
"""Places whose phrase ends a part of the sentence: read up to the next phrase or the end."""


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern]]:
    found = []
    for key, text in words("en").items():
        if key.startswith("reasons."):
            pieces = re.split(r"\{(\w+)\}", text)
            pattern = "".join(
                f"(?P<{piece}>{PLACES.get(piece, NAME)})" if at % 2 else re.escape(piece)
                for at, piece in enumerate(pieces)
            )
            ends = r"(?=$|[;(,]| \()" if pieces[-1] == "" and pieces[-2:-1] and pieces[-2] in OPEN_ENDED else ""
            found.append((key.removeprefix("reasons."), len(text), re.compile(pattern + ends)))
    # Longer phrases first: "protected" is a part of others.
    return [(key, pattern) for key, _, pattern in sorted(found, key=lambda one: (-one[1], one[0]))]


def parts_of(reason: str) -> list[Part] | str:
    """Take a reason apart; a sentence that isn't made of known phrases stays as it is."""
    parts: list[Part] = []
    at = 0
    while at < len(reason):
        for key, pattern in _patterns():
            if match := pattern.match(reason, at):
                parts.append([key, match.groupdict()])
                at = match.end()
                break
        else:
            return reason
    return parts


def say(parts: list[Part] | str, language: str) -> str:
    """Write a reason in a language, as the pages do."""
    if isinstance(parts, str):
        return parts
    known = words(language)

    def named(place: str, value: str) -> str:
        if place == "fields":
            return ("、" if language != "en" else ", ").join(known.get(f"fields.{v}", v) for v in value.split(", "))
        group = {"kind": "kinds", "tier": "tiers"}.get(place)
        return known.get(f"{group}.{value}", value) if group else value

    said = [known[f"reasons.{key}"].format(**{p: named(p, v) for p, v in values.items()}) for key, values in parts]
    return "".join(said)
