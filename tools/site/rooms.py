"""A map of the rooms and what each imports, drawn from the code."""

from __future__ import annotations

import ast
import collections
import html
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    ("pipelines", "what composes"),
    ("transforms", "the stages, pure"),
    ("below", "what they share"),
)
SHARED = ("transforms/blocks", "transforms/stores", "schemas", "configs")
WIDTH, LINE, BOX, TOP = 1240, 34, 250, 56
LEFTS = (10, 465, 920)

Imports = dict[tuple[str, str], int]


def room_of(path: Path) -> str:
    """Name the room of a module's file: a folder of the repository, or its top folder."""
    parts = path.relative_to(ROOT).parts
    deep = len(parts) > 2 and parts[0] in ("transforms", "pipelines")
    return "/".join(parts[:2]) if deep else parts[0]


def rooms() -> dict[str, str]:
    """Give every room, and the first line of what it says of itself."""
    found = {}
    for path in sorted(ROOT.glob("*/__init__.py")) + sorted(ROOT.glob("*/*/__init__.py")):
        if path.relative_to(ROOT).parts[0] in ("schemas", "configs", "transforms", "pipelines"):
            name = str(path.parent.relative_to(ROOT))
            said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
            found[name] = " ".join(said.partition("\n\n")[0].split())
    found.pop("transforms", None)
    return found


def imports() -> Imports:
    """Count for each two rooms the modules of the one that import something of the other."""
    found: Imports = collections.Counter()
    names = rooms()
    for room in names:
        for path in (ROOT / room).rglob("*.py"):
            if room_of(path) == room:
                for other in {_room_named(module, names) for module in _imported(path)} - {room, None}:
                    found[room, str(other)] += 1
    return found


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in found if name.startswith("mirrorfold.")}


def _room_named(module: str, names: dict[str, str]) -> str | None:
    parts = module.split(".")[1:]
    return next((name for name in ("/".join(parts[:2]), parts[0]) if name in names), None)


def draw() -> str:
    """Draw the rooms in three columns and a line for each import, as an SVG that needs no script."""
    columns: dict[str, list[str]] = {name: [] for name, _ in COLUMNS}
    for room in rooms():
        columns["below" if room in SHARED else room.split("/")[0]].append(room)
    places = {
        room: (LEFTS[column], TOP + LINE * row)
        for column, (name, _) in enumerate(COLUMNS)
        for row, room in enumerate(columns[name])
    }
    height = TOP + LINE * max(map(len, columns.values())) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Rooms and their imports" font-family="system-ui, sans-serif" font-size="13">',
        "<style>.room:hover rect{stroke-width:2.5} .line{fill:none;stroke:#0b6b5b;stroke-opacity:.28} "
        ".line:hover{stroke-opacity:1} text{fill:#1b1f24} rect{fill:#f4f7f6;stroke:#0b6b5b}</style>",
        f'<rect width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>',
    ]
    for (name, said), left in zip(COLUMNS, LEFTS, strict=True):
        parts.append(f'<text x="{left}" y="26" font-weight="700" font-size="15">{name}: {said}</text>')
    parts += [_line(places[a], places[b], f"{a} → {b}: {count}", count) for (a, b), count in sorted(imports().items())]
    parts += [_box(room, place, said) for (room, place), said in zip(places.items(), _said(places), strict=True)]
    return "\n".join([*parts, "</svg>"])


def _said(places: dict[str, tuple[int, int]]) -> list[str]:
    found = rooms()
    return [found[room] for room in places]


def _box(room: str, place: tuple[int, int], said: str) -> str:
    left, top = place
    return (
        f'<g class="room"><title>{html.escape(said)}</title>'
        f'<rect x="{left}" y="{top}" width="{BOX}" height="24" rx="5"/>'
        f'<text x="{left + 10}" y="{top + 17}">{room}</text></g>'
    )


def _line(start: tuple[int, int], end: tuple[int, int], said: str, count: int) -> str:
    (left, top), (to_left, to_top) = start, end
    y, to_y = top + 12, to_top + 12
    if left == to_left:  # within a column: an arc on its right
        x = left + BOX
        path = f"M{x} {y} C{x + 60} {y} {x + 60} {to_y} {x} {to_y}"
    else:
        a, b = (left + BOX, to_left) if left < to_left else (left, to_left + BOX)
        middle = (a + b) / 2
        path = f"M{a} {y} C{middle} {y} {middle} {to_y} {b} {to_y}"
    width = min(5, 0.8 + count**0.5 / 2)
    return f'<path class="line" d="{path}" stroke-width="{width:.1f}"><title>{html.escape(said)}</title></path>'


def page() -> str:
    """Give the page: the drawing, and what each room says of itself and imports."""
    found = imports()
    lines = [
        "# A map of the rooms",
        "",
        "Drawn from the code whenever the site is built: a line is an import, thicker where more modules import. They "
        "point from left to right alone; `tests/test_layering.py` holds that, and ARCHITECTURE.md says why.",
        "",
        "![Rooms and their imports](rooms.svg)",
        "",
        "| room | what it is | imports |",
        "|---|---|---|",
    ]
    for room, said in rooms().items():
        others = ", ".join(f"{other} ({count})" for (a, other), count in sorted(found.items()) if a == room)
        lines.append(f"| `{room}` | {said.replace('|', '')} | {others} |")
    return "\n".join(lines) + "\n"
