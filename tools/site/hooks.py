"""What mkdocs calls while it builds the site: generated pages are added, names of files in the text become links."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.site import notebook, reference, rooms  # noqa: E402 - mkdocs runs this file by its path

HOUSE = {
    name: f"house/{name.lower()}" for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
}
"""Files at the top of the repository, and their pages."""
MADE = {
    "notebook.md": notebook.page,
    "reference/tables.md": reference.tables,
    "reference/settings.md": reference.settings,
    "reference/all-commands.md": reference.commands,
    "reference/rooms.md": rooms.page,
    "reference/rooms.svg": rooms.draw,
}
REPOSITORY = re.compile(r"(?<![\w/`.(\[])(`?)((?:docs/)?[\w-]+(?:/[\w-]+)*\.(?:md|json|ipynb))(`?)(?![\w`])")
FENCE = re.compile(r"^(```.*?^```|(?: {4}.*\n)+)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages that the navigation doesn't name under its how-to guides, so that each can be found."""
    named = re.findall(r"[\w/-]+\.md", str(config.nav))
    howto = next(section["How-to"] for section in config.nav or [] if "How-to" in section)
    howto += sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    return config


TRANSLATIONS = re.compile(r"^\[[^\]]+\]\(README\.[^)]+\).*\n+", re.MULTILINE)
"""README's links to itself in other languages: files of the repository, and no pages of the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and those that lie outside of docs/."""
    for path, make in MADE.items():
        files.append(File.generated(config, path, content=make()))
    readme = TRANSLATIONS.sub("", (ROOT / "README.md").read_text("utf-8")).replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=readme))
    for name, path in HOUSE.items():
        files.append(File.generated(config, path, content=(ROOT / name).read_text("utf-8")))
    return files


OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")
"""A link out of docs/, to a file of the repository: in the site its text alone."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn names such as docs/policy.md, outside of code, into links; one that leads nowhere ends the build."""
    markdown = OUTSIDE.sub(lambda found: found[1] if (ROOT / found[2]).exists() else found[0], markdown)
    parts = FENCE.split(markdown)
    for index in range(0, len(parts), 2):
        parts[index] = REPOSITORY.sub(lambda found: _link(found, page, files), parts[index])
    return "".join(parts)


def _link(found: re.Match, page: Page, files: Files) -> str:
    name = found[2]
    if name in HOUSE:
        target = HOUSE[name]
    elif name.startswith("docs/"):
        target = name.removeprefix("docs/").replace(".ipynb", ".md")
    else:
        return found[0]
    if files.get_file_from_path(target) is None:
        raise PluginError(f"{page.file.src_uri} names {name}, which isn't there")
    here = posixpath.dirname(page.file.src_uri)
    return f"[{name.removeprefix('docs/').removesuffix('.md')}]({posixpath.relpath(target, here or '.')})"
