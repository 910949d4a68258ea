"""Write README.md, README.zh-Hant.md and README.zh-Hans.md out of the vocabulary: `python -m standard.readme`."""

from __future__ import annotations

from pathlib import Path

from standard.words import LANGUAGES, vocabulary

NAMES = {"en": "README.md", "zh-Hant": "README.zh-Hant.md", "zh-Hans": "README.zh-Hans.md"}
HERE = Path(__file__).parent


def text(language: str) -> str:
    """Write the README of one language."""
    words = vocabulary()
    said = words["readme"][language]
    others = " · ".join(f"[{name}]({NAMES[name]})" for name in LANGUAGES if name != language)
    lines = [f"# {said['title']}", "", others, "", said["about"], ""]
    lines += [f"## {said['relations']}", "", said["direction"], "", said["columns"], "|" + "---|" * 6]
    for found in words["relations"]:
        name = f"**{found['label'][language]}** `{found['id']}`"
        cells = (name, found["definition"][language], ", ".join(found["evidence"]), found["automation"], found["find"])
        lines.append(f"| {' | '.join(cells)} | {', '.join(found['maps'])} |")
    for part in ("evidence", "automation"):
        lines += ["", f"## {said[part]}", "", *(f"- `{name}`: {one[language]}" for name, one in words[part].items())]
    lines += ["", *(f"- `{name}`: {one[language]}" for name, one in words["find"].items())]
    lines += ["", f"## {said['terms']}", ""]
    lines += [f"- `{name}`: [{term['label']}]({term['address']})" for name, term in words["terms"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for language, name in NAMES.items():
        (HERE / name).write_text(text(language), "utf-8")
