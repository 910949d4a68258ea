"""What docstrings, comments and pages name is there: modules of a room, functions of a module, files."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorfold.schemas.catalogue import TABLES

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("schemas", "transforms", "pipelines", "configs")
TOP = (*ROOMS, "tests", "benchmarks", "demo", "docs", "tools", "containers")
CODE = sorted(path for folder in ROOMS for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FILE = re.compile(rf"(?<![\w/.-])((?:{'|'.join(TOP)})/(?:[\w.-]+/)*[\w.-]+\.(?:py|md|yaml|json|ipynb|sh|j2|csv))\b")
OTHERS = {"report.title", "lifecycle.rule"}
"""Keys of a language's strings and of Google's JSON, which are called as modules of ours are."""
NAMED = re.compile(r"`([a-z_]\w*(?:\.\w+)*)`")


def docstrings(path: Path) -> Iterator[str]:
    """Give each docstring and comment of a file, and strings that stand as documentation."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    with tokenize.open(path) as file:
        yield from (token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT)


def defined(path: Path) -> set[str]:
    """Name what a module defines at its top, and what its classes do."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
            found.update(name.id for name in names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
    return found


def missing_files(text: str, root: Path = ROOT) -> list[str]:
    return [name for name in FILE.findall(text) if "NAME" not in name and not (root / name).exists()]


def missing_members(text: str, folder: Path) -> list[str]:
    """Give what a docstring says of a module beside it, `module.name`, that the module hasn't."""
    wrong = []
    for name in NAMED.findall(text):
        module, _, member = name.partition(".")
        path = folder / f"{module}.py"
        column = module in TABLES and member in TABLES[module].schema.names
        if (
            member
            and not column
            and name not in OTHERS
            and path.exists()
            and member.split(".")[0] not in defined(path) | {"py"}
        ):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_pages_name_are_there(path: Path) -> None:
    assert path.name == "CHANGELOG.md" or missing_files(path.read_text("utf-8")) == []


SAID = [(path, text) for path in CODE for text in docstrings(path)]


def test_files_that_the_code_names_are_there() -> None:
    assert [(str(path.relative_to(ROOT)), names) for path, text in SAID if (names := missing_files(text))] == []


def test_members_that_the_code_names_are_there() -> None:
    found = [(str(path.relative_to(ROOT)), missing_members(text, path.parent)) for path, text in SAID]
    assert [(path, names) for path, names in found if names] == []


DOORS = [path for path in CODE if path.name == "__init__.py"]


@pytest.mark.parametrize("path", DOORS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_modules_that_a_room_names_are_there(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    named = {name.partition(".")[0] for name in NAMED.findall(said)} - {"pyarrow"}
    assert {name for name in named if not (path.parent / f"{name}.py").exists()} == set()


def test_what_isnt_there_is_seen(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("def pairs(): ...\n", "utf-8")
    assert missing_files("see docs/policy.md and transforms/match/nowhere.py") == ["transforms/match/nowhere.py"]
    said = "`near.pairs` finds them, `near.gone` doesn't, `other.thing` is elsewhere"
    assert missing_members(said, tmp_path) == ["near.gone"]
