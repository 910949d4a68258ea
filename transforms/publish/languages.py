"""The pages' words in every language: one YAML file each, the same keys in all."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import yaml
from markupsafe import Markup, escape

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
NAMES = {"en": "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文"}
"""What each language calls itself."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The compiled one takes a tenth of the time; both make plain values alone."""

COUNTED = re.compile(r"\{(\w+):([^{}|]*)\|([^{}|]*)\}")
"""A number with its word, of one or of many: `{pairs:pair|pairs}`."""

SENTENCES = {"en": " ", "zh-Hant": "", "zh-Hans": ""}
"""What stands between two sentences."""


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> dict[str, str]:
    """Read one language's words by dotted key, e.g. `report.title`."""
    path = importlib.resources.files("mirrorfold.transforms.publish") / "strings" / f"{language}.yaml"
    return dict(_flat("", yaml.load(path.read_text(encoding="utf-8"), LOADER)))


def _flat(prefix: str, tree: Mapping):
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", str(value)


class Both:
    """One text in every language at once; a page shows the chosen one with CSS alone."""

    def __init__(self, texts: Mapping[str, str]):
        self.texts = dict(texts)

    def __html__(self) -> Markup:
        spans = (Markup('<span lang="{}">{}</span>').format(lang, text) for lang, text in self.texts.items())
        return Markup("").join(spans)

    def __getitem__(self, language: str) -> str:
        return self.texts[language]


def both(key: str, **values: object) -> Both:
    """Look a text up in every language; values are escaped and may themselves be texts in every language.

    Words between backquotes become <code>, those between two pairs of asterisks <b>.
    """
    return Both({lang: _filled(words(lang)[key], lang, values) for lang in LANGUAGES})


def both_or(key: str, fallback: str) -> Both:
    """Look a text up, or show a name as it is: tables may hold names that are newer than these pages."""
    return both(key) if key in words(LANGUAGES[0]) else Both(dict.fromkeys(LANGUAGES, fallback))


def joined(texts: list[Both], separators: Mapping[str, str]) -> Both:
    """Join texts, with each language's own separator."""
    return Both({lang: Markup(escape(separators[lang])).join(text[lang] for text in texts) for lang in LANGUAGES})


def _filled(template: str, language: str, values: Mapping[str, object]) -> Markup:
    parts = template.split("`")
    marked = "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
    strong = marked.split("**")
    marked = "".join(f"<b>{part}</b>" if index % 2 else part for index, part in enumerate(strong))
    chosen = {name: value[language] if isinstance(value, Both) else value for name, value in values.items()}
    return Markup(counted(marked, chosen)).format(**chosen)


def counted(template: str, values: Mapping[str, object]) -> str:
    """Choose the word behind each number of a template: of one, or of many."""
    return COUNTED.sub(lambda m: f"{{{m[1]}}} {m[2] if str(values[m[1]]) == '1' else m[3]}", template)


def lines(language: str, key: str, **values: object) -> list[str]:
    """Fill a text below `readme.`, for a file of plain text; line by line."""
    return counted(words(language)[f"readme.{key}"], values).format(**values).splitlines()


def per_language(draw: Callable[[str], str]) -> Both:
    """Draw a chart once for each language."""
    return Both({lang: draw(lang) for lang in LANGUAGES})
