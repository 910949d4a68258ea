"""The site builds, names every table, column, setting and command, and ends at a link that leads nowhere."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from mirrorfold.configs.example import example
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.schemas.catalogue import TABLES
from tools.site import reference, rooms

ROOT = Path(__file__).resolve().parents[2]


def build(place: Path, change=lambda docs: None) -> subprocess.CompletedProcess:
    """Build the site out of a copy of docs/."""
    shutil.copytree(ROOT / "docs", place / "docs")
    change(place / "docs")
    config = (ROOT / "mkdocs.yml").read_text("utf-8").replace("tools/site/hooks.py", str(ROOT / "tools/site/hooks.py"))
    (place / "mkdocs.yml").write_text(config, "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place / "site")]
    return subprocess.run(command, cwd=place, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("site")
    done = build(place)
    assert done.returncode == 0, done.stderr[-3000:]
    return place / "site"


def text(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page.read_text("utf-8")))


def test_every_column_of_every_table_is_named(site: Path) -> None:
    page = text(site / "reference" / "tables.html")
    for table in TABLES.values():
        part = page[re.search(rf"\s{table.name}\s+¶", page).start() :].partition("Order:")[2].partition("¶")[0]
        names = {field.name for field in table.schema}
        assert names - set(part.split()) == set(), table.name


def names(settings: dict) -> set[str]:
    below = [names(value) for value in settings.values() if isinstance(value, dict)]
    return set(settings).union(*below)


def test_every_setting_is_named(site: Path) -> None:
    page = re.split(r"[\s.]+", text(site / "reference" / "settings.html"))
    assert names(yaml.safe_load(example())) - set(page) == set()


def test_every_command_is_shown(site: Path) -> None:
    page = text(site / "reference" / "all-commands.html")
    found = [path for path, _ in reference.walk(cli, "mirrorfold")]
    assert len(found) > 20
    assert [path for path in found if f"Usage: {path} " not in page] == []


def test_every_page_is_in_the_navigation(site: Path) -> None:
    index = (site / "index.html").read_text("utf-8")
    pages = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if f'href="{page}"' not in index} == set()


def test_names_of_pages_became_links(site: Path) -> None:
    assert 'href="promises.html"' in (site / "merging-two-libraries.html").read_text("utf-8")
    assert 'href="../estimate.html"' in (site / "tutorials" / "cloud-team.html").read_text("utf-8")


DEAD = {
    "link": "See [this](nowhere.md).",
    "name": "docs/nowhere.md says more.",
    "picture": "![A picture](pictures/no.png)",
}


@pytest.mark.parametrize("line", DEAD.values(), ids=DEAD)
def test_a_link_that_leads_nowhere_ends_it(tmp_path: Path, line: str) -> None:
    def change(docs: Path) -> None:
        (docs / "policy.md").write_text(f"# Policy\n\n{line}\n", "utf-8")

    done = build(tmp_path, change)
    assert done.returncode != 0
    assert "no.png" in done.stderr or "nowhere.md" in done.stderr


def test_the_recording_is_a_small_picture_without_script() -> None:
    path = ROOT / "docs" / "pictures" / "first-run.svg"
    names = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
    assert names == {"svg", "style", "rect", "circle", "text", "tspan", "defs", "g", "use"}
    assert path.stat().st_size < 100_000
    assert "Nothing was deleted" in path.read_text("utf-8")


def test_the_map_is_of_the_code() -> None:
    found = rooms.imports()
    assert found["transforms/match", "transforms/blocks"] > 3
    assert not [pair for pair in found if pair[0].startswith("transforms") and pair[1].startswith("pipelines")]
    drawn = rooms.draw()
    assert all(f">{room}<" in drawn for room in rooms.rooms())
    assert drawn.count('class="line"') == len(found)
