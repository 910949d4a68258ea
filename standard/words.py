"""Read the vocabulary: relations between two image files, their words in three languages, the terms they map to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
PATH = Path(__file__).parent / "vocabulary.yaml"


@cache
def vocabulary() -> dict:
    """Give the vocabulary as it is written."""
    return yaml.safe_load(PATH.read_text("utf-8"))


def relations() -> dict[str, dict]:
    """Give the relations by id, in their order."""
    return {found["id"]: found for found in vocabulary()["relations"]}
