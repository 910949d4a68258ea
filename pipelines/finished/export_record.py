"""Export the merged record: XMP sidecars to be written beside the kept copies, and what people have to settle first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import duckdb

from mirrorfold.pipelines.finished.verify import open_whole
from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.manifests.csv import COLUMNS, csv_line, guard
from mirrorfold.transforms.publish.manifests.xmp import sidecar, unwritable

FOLDER = "exports/merged-record-{}/"
SIDECARS = ("file", "beside", "kept_uri", "kept_version", "fields", "note")
LEFT = (*COLUMNS["merged-record"], "why")
SAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\x7f]")
ROWS = """
    SELECT m.*, o.store, o.bucket, o.key, o.beside, c.keywords AS kept_keywords
    FROM merged_record m JOIN objects o USING (uri, version) LEFT JOIN contents c USING (content_id)
    ORDER BY m.uri, m.version, m.field, m.value"""
README = b"""Each file under files/ belongs beside the kept copy that sidecars.csv names, under the name in its column
`beside`. It states what only copies that go stated, and of keywords all that either of them has; what is embedded in
the kept copy itself it leaves out. left.csv has what isn't in them: conflicts that people settle (write the value that
holds), and values that XMP can't state. Where a sidecar lies there already, `note` says so: put the two together by
hand.
"""


class Recorded(NamedTuple):
    """What an export of the merged record wrote: its folder, files, sidecars, and values that people settle."""

    folder: str
    files: list[str]
    rows: int
    left: int


def export_record(folder: str, to: str) -> Recorded:
    """Write the merged record under DIR/exports/merged-record-TO.

    Args:
      to: xmp, a sidecar for each kept copy to which values come, or csv, the table's rows.

    Raises:
      ValueError: the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_whole(folder)
    below = FOLDER.format(to)
    for path in store.list(below):
        store.delete(path)
    with connect(store, "merged_record", "objects", "contents") as connection:
        made = _csv(connection) if to == "csv" else _xmp(connection)
        files: list[str] = []
        index: list[list] = []
        left: list[list] = []
        rows = 0
        for kind, name, value in made:
            if kind == "file":
                store.put(below + name, value)
                files.append(name)
            rows += kind in ("sidecar", "row")
            {"sidecar": index, "left": left, "row": left}.get(kind, []).append(value)
    columns = COLUMNS["merged-record"] if to == "csv" else LEFT
    tables = {"merged-record.csv" if to == "csv" else "left.csv": [columns, *left]}
    if to == "xmp":
        tables["sidecars.csv"] = [SIDECARS, *index]
        store.put(f"{below}README.txt", README)
        files.append("README.txt")
    for name, lines in tables.items():
        store.put(below + name, b"".join(csv_line(map(guard, line)) for line in lines))
    return Recorded(below.rstrip("/"), sorted([*files, *tables]), rows, len(left) if to == "xmp" else 0)


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[dict]:
    cursor = connection.execute(ROWS)
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(10_000):
        yield from (dict(zip(names, row, strict=True)) for row in rows)


def _csv(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    for row in _rows(connection):
        yield "row", "", [row[name] for name in COLUMNS["merged-record"]]


def _xmp(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    """Give what is to be written: ("file", path, bytes), ("sidecar", "", its row), ("left", "", a row of left.csv)."""
    for (uri, version), group in groupby(_rows(connection), key=lambda row: (row["uri"], row["version"])):
        rows = list(group)
        place = _place(rows[0])
        values: dict[str, list[str]] = {}
        for row in rows:
            why = _why(row, rows) if place else "the kept copy's name can't be a file's name here"
            if why:
                yield "left", "", [*(row[name] for name in COLUMNS["merged-record"]), why]
            elif row["state"] != "contained":
                values.setdefault(row["field"], []).append(row["value"])
        if not values or place is None:
            continue
        if "keywords" in values:
            values["keywords"] = list(dict.fromkeys([*(rows[0]["kept_keywords"] or []), *values["keywords"]]))
        there = rows[0]["beside"] or []
        name = f"{place}{'.merged' if there else ''}.xmp"
        note = f"a sidecar lies there already: {'; '.join(there)}" if there else ""
        yield "file", name, sidecar(values)
        yield "sidecar", "", [name, f"{uri}.xmp", uri, version, "; ".join(sorted(values)), note]


def _why(row: dict, rows: list[dict]) -> str:
    if row["state"] == "conflict":
        return "conflict: people decide"
    if row["state"] == "fuller" and sum(r["state"] == "fuller" and r["field"] == row["field"] for r in rows) > 1:
        return "conflict: several copies say more, each something else"
    return unwritable(row["field"], row["value"])


def _place(row: dict) -> str | None:
    """Name the sidecar's place in the export: below its library and bucket, as the kept copy lies there."""
    try:
        key = unescape_key(row["key"]).decode()
    except UnicodeDecodeError:
        return None
    if SAFE.search(key):
        return None
    bucket = re.sub(r"[^\w.-]+", "-", f"{row['store']}-{row['bucket'].strip('/')}")
    return f"files/{row['library']}/{bucket}/{key}"
