"""The README is true: its commands parse, its queries run on a finished run, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import duckdb
import pytest

from mirrorfold.pipelines.commands.arguments import split_arguments
from mirrorfold.pipelines.commands.cli import cli
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / name for name in ("README.md", "README.zh-Hant.md", "README.zh-Hans.md")]
PAGES = [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


def commands(page: Path) -> list[str]:
    """Give every `mirrorfold ...` command line that a page shows, in indented or fenced blocks."""
    text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
    fenced = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (.*)$", text, re.MULTILINE)
    shown = [line.removeprefix("$ ").strip() for line in [*indented, *"\n".join(fenced).splitlines()]]
    return [re.split(r"\s{2,}|\s#|\s[|>]", line)[0] for line in shown if re.match(r"mirrorfold [a-z]", line)]


def commands_in(pages: list[Path]) -> list:
    return [pytest.param(line, id=f"{page.name}: {line}") for page in pages for line in commands(page)]


@pytest.mark.parametrize("line", commands_in(PAGES))
def test_a_shown_command_parses(line: str) -> None:
    context, command, rest = click.Context(cli), cli, shlex.split(line)[1:]
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, rest)
        context = click.Context(command, parent=context, info_name=name)
    flags = {flag for parameter in command.get_params(context) for flag in parameter.opts if flag.startswith("--")}
    mine, _ = split_arguments(rest, flags)
    if "--help" not in mine:
        click.Command.parse_args(command, context, mine)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked = {target for target in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in target}
    named = set(re.findall(r"\bdocs/[\w.-]+\.md\b", text))
    missing = [target for target in linked if not (page.parent / target).exists()]
    assert missing + [target for target in named if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", READMES[1:], ids=lambda page: page.name)
def test_a_translated_readme_says_the_same(page: Path) -> None:
    """Commands, queries without their comments, the run's output, tables and headings: the same, none left out."""

    def skeleton(text: str) -> dict:
        blocks = re.sub(r"^--.*$", "", "".join(re.findall(r"```.*?```", text, re.DOTALL)), flags=re.MULTILINE)
        shown = [re.split(r"\s{2,}", line.strip())[0] for line in re.findall(r"^    (\S.*)$", text, re.MULTILINE)]
        code = sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))))
        docs = sorted(set(re.findall(r"docs/[\w/.-]+\.md", text)))
        return {"blocks": blocks, "shown": shown, "code": code, "docs": docs, "rows": text.count("\n| ")}

    said = page.read_text(encoding="utf-8")
    assert skeleton(said) == skeleton(README)
    assert page.name in README
    simplified, traditional = ("这们个对体档资审选与", "這們個對體檔資審選與")[:: 1 if "Hans" in page.name else -1]
    assert set(said) & set(simplified)
    assert not set(re.sub(r"^\[.*", "", said, flags=re.MULTILINE)) & set(traditional)


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("readme")
    sources = [f"{name}={fill_folder(root / name, files)}" for name, files in libraries().items()]
    subprocess.run([MIRRORFOLD, "run", *sources, "--output", str(root / "out")], check=True, capture_output=True)
    return root / "out"


QUERIES = [
    query for block in re.findall(r"```sql\n(.*?)```", README, re.DOTALL) for query in block.split(";") if query.strip()
]


@pytest.mark.parametrize("query", QUERIES, ids=[f"query {number}" for number in range(len(QUERIES))])
def test_the_queries_find_something(finished: Path, query: str) -> None:
    assert duckdb.sql(query.replace("build/demo", str(finished))).fetchall()


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_explains_itself(name: str) -> None:
    shown = subprocess.run([MIRRORFOLD, name, "--help"], capture_output=True, text=True, check=True).stdout
    assert "Usage: mirrorfold" in shown
    assert len(shown.splitlines()) > 4
