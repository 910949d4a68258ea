"""What a pack carries, field by field: purposes, how telling each is, and which options keep it at home."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from typing import NamedTuple

import yaml

CROSSES = {
    "": "as it is",
    "stays": "no: it stays at home",
    "digest": "a keyed digest in its place",
    "meaning": "what its code means, in its place",
}


class Field(NamedTuple):
    """A field of a pack: its table and name, why it crosses, how telling it is, whether the picture can be rebuilt."""

    table: str
    field: str
    purpose: str
    telling: str
    rebuilt: str
    without: dict[str, str]

    def crosses(self, options: Collection[str]) -> str:
        """Say how it crosses under options: hashes-only, uri, reviewer; what keeps most at home counts."""
        ways = [way for option, way in self.without.items() if option in options]
        return CROSSES["stays" if "stays" in ways else next(iter(ways), "")]


def load_crossing() -> tuple[list[Field], dict[str, str]]:
    """Read every field that can cross, and what the words for how telling it is mean."""
    document = yaml.safe_load(files("mirrorfold.configs").joinpath("crossing.yaml").read_text(encoding="utf-8"))
    fields = [
        Field(group["table"], name, group["purpose"], group["telling"], group["rebuilt"], group.get("without", {}))
        for group in document["groups"]
        for name in group["fields"]
    ]
    return fields, document["telling"]
