"""Recognise what belongs together while listing: packages by the file that says so, pages and companions by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import (
    PACKAGES,
    PAGE_NAMES,
    PICTURES,
    RAW,
    SIDECARS,
    TILES,
    describes,
    extension_of,
    group_of,
    padded,
    page_of,
)
from mirrorfold.schemas.table import STRINGS

NAMES = ("uri", "version", "is_latest", "is_delete_marker")
GROUPED = pa.schema([("group", pa.string()), ("uri", pa.string()), ("version", pa.string())])
"""A name under what it may share with others: a page run, or a picture's stem."""
MARKS = pa.schema(
    [
        ("uri", pa.string()),
        ("version", pa.string()),
        ("package", pa.string()),
        ("companions", STRINGS),
        ("beside", STRINGS),
    ]
)
"""What an object belongs to; objects that belong to nothing have no row."""

FEWEST_PAGES = 3
SPARSEST = 2
"""A run has at least one page for so many numbers, or half of its pages follow the one before by as many at most."""


def find_packages(blocks: Iterable[pa.Table]) -> dict[str, str]:
    """Find packages by the files that say so: kind by the URI of the package's folder.

    Args:
      blocks: rows with the columns NAMES.
    """
    found: dict[str, str] = {}
    for block in blocks:
        uris = _current(block).column("uri")
        for kind, pattern in PACKAGES:
            folders = pc.replace_substring_regex(uris.filter(pc.match_substring_regex(uris, pattern)), pattern, r"\1")
            for folder in folders.unique().to_pylist():
                found.setdefault(folder if folder.endswith("/") else folder + TILES, kind)
    return found


def mark_packages(block: pa.Table, packages: dict[str, str]) -> pa.Table:
    """Mark what lies in a package, at any depth, with the outermost one, and what a METS file names.

    Args:
      packages: kind by folder, whose URI ends in a slash, and the package by a named file's whole URI.
    """
    current = _current(block)
    rows: list[tuple] = [
        (uri, version, package, [], [])
        for uri, version in zip(current["uri"].to_pylist(), current["version"].to_pylist(), strict=True)
        if packages and (package := _package_of(uri, packages))
    ]
    return _marks(rows)


def _package_of(uri: str, packages: dict[str, str]) -> str | None:
    folder = next((f for f in _above(uri) if f in packages), None)
    return f"{packages[folder]}:{folder}" if folder else packages.get(uri)


def in_package(uri: str, packages: dict[str, str]) -> bool:
    """Tell whether a URI lies in a package by its folder."""
    return any(folder in packages for folder in _above(uri))


def group_names(block: pa.Table) -> pa.Table:
    """Put each current name under what it may share with others."""
    current = _current(block)
    uris, versions = current["uri"].to_pylist(), current["version"].to_pylist()
    pages = pc.match_substring_regex(current["uri"], PAGE_NAMES).to_pylist()
    rows: list[tuple] = []
    for uri, version, maybe in zip(uris, versions, pages, strict=True):
        if (group := group_of(uri)) is not None:
            rows.append((f"c{group}", uri, version))
        if maybe and extension_of(uri) in PICTURES and (page := page_of(uri)) is not None:
            rows.append((f"p{page[0]}", uri, version))
    return _table(rows, GROUPED)


def mark_groups(_: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
    """Mark page runs and companions; one partition of groups, each whole."""
    rows = blocks["names"].sort_by([("group", "ascending"), ("uri", "ascending")]).to_pylist()
    marks = []
    for group, members in itertools.groupby(rows, key=lambda row: row["group"]):
        names = {row["uri"]: row["version"] for row in members}
        marks += _pages(group[1:], names) if group[0] == "p" else _companions(names)
    yield _marks(marks)


def _pages(run: str, names: dict[str, str]) -> list[tuple]:
    numbers = sorted({page[1][0] for uri in names if (page := page_of(uri))})
    if len(names) < FEWEST_PAGES or not any(map(padded, names)):
        return []
    near = sum(later - number <= SPARSEST for number, later in itertools.pairwise(numbers))
    if numbers[-1] - numbers[0] >= SPARSEST * len(numbers) and near * 2 < len(numbers) - 1:
        return []
    return [(uri, version, run, [], []) for uri, version in names.items()]


def _companions(names: dict[str, str]) -> list[tuple]:
    kinds = {uri: extension_of(uri) for uri in names}
    sidecars = [uri for uri, kind in kinds.items() if kind in SIDECARS]
    raw = [uri for uri, kind in kinds.items() if kind in RAW]
    shown = [uri for uri, kind in kinds.items() if kind in PICTURES and kind not in RAW]
    if not (raw or shown) or not (sidecars or (raw and shown)):
        return []
    beside = dict.fromkeys(sidecars, raw + shown) | dict.fromkeys(raw, sidecars + shown)
    beside |= dict.fromkeys(shown, sidecars + raw)
    return [
        (uri, names[uri], None, sorted(others), sorted(other for other in others if describes(other, uri)))
        for uri, others in beside.items()
        if others
    ]


def add_marks(objects: pa.Table, marks: pa.Table) -> pa.Table:
    """Fill in `package`, `companions` and `beside`; a package comes before a page run in it."""
    known: dict[tuple[str, str], tuple[str | None, list[str], list[str]]] = {}
    for row in marks.sort_by([("uri", "ascending"), ("version", "ascending"), ("package", "ascending")]).to_pylist():
        key = row["uri"], row["version"]
        package, companions, beside = known.get(key, (None, [], []))
        better = row["package"] if package is None or package.startswith("pages:") else package
        known[key] = better or package, companions or row["companions"], beside or row["beside"]
    if not known:
        return objects
    keys = zip(objects["uri"].to_pylist(), objects["version"].to_pylist(), strict=True)
    found = [known.get(key, (None, [], [])) for key in keys]
    columns = {"package": pa.array([f[0] for f in found], pa.string())}
    columns["companions"] = pa.array([f[1] or None for f in found], STRINGS)
    columns["beside"] = pa.array([f[2] or None for f in found], STRINGS)
    for name, values in columns.items():
        place = objects.schema.get_field_index(name)
        objects = objects.set_column(place, objects.schema.field(place), values)
    return objects


def _current(block: pa.Table) -> pa.Table:
    return block.filter(pc.and_not(block.column("is_latest"), block.column("is_delete_marker")))


def _above(uri: str) -> Iterator[str]:
    """Give the folders above a URI, the outermost first."""
    place = uri.find("/", uri.find("://") + 3)
    while place >= 0:
        yield uri[: place + 1]
        place = uri.find("/", place + 1)


def _marks(rows: list[tuple]) -> pa.Table:
    return _table(rows, MARKS)


def _table(rows: list[tuple], schema: pa.Schema) -> pa.Table:
    columns: list[list] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
