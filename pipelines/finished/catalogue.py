"""Catalogues' own exports: read into rows keyed by URI, and written back with what the plan says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.configs.catalogue_form import Form, load_form
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.verify import open_whole
from mirrorfold.schemas.rights import rights_form
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.retain.catalogues.fields import columns_like, files_of, said, values_of
from mirrorfold.transforms.retain.catalogues.match import Found, match_files
from mirrorfold.transforms.retain.catalogues.rows import Records, Row, read_csv, read_lido, write_csv, write_lido
from mirrorfold.transforms.retain.catalogues.text import decode
from mirrorfold.transforms.retain.sidecar import FIELDS
from mirrorfold.transforms.stores.output import OutputStore, open_output

FOLDER = "exports/catalogue-{}/"
TWICE = "another record names this file"
README = b"""import.* has the records of the catalogue's export that change, in its own form: a file's name where
another file serves the record now, and values that only copies which go stated, where the catalogue said nothing.
crosswalk.csv names for each file that goes the record, the file and what serves it. left.csv has what people decide:
nothing in import.* overwrites what the catalogue says. Import once the plan is signed, before its files are set aside.
"""


class Taken(NamedTuple):
    """What was read of a catalogue: files that were found, and records or files that mean no object."""

    rows: int
    left: int


class Written(NamedTuple):
    """What an export to a catalogue has: its folder, records that change, files served otherwise, and the rest."""

    folder: str
    changed: int
    served: int
    left: int


class Export(NamedTuple):
    """An export as it was read: its records, and of each file (record's number, column, as stated, what it means)."""

    form: Form
    records: Records
    files: list[tuple[int, str, str, Found]]

    def record(self, number: int) -> str:
        """Name a record."""
        return said(self.records.rows[number], self.form.records, self.form.empty) or f"line {number + 2}"


def read_export(store: OutputStore, path: str, form_name: str, encoding: str | None) -> Export:
    """Read a catalogue's export and find the listed objects that it means.

    Raises:
      UsageError: one line naming the file and what is wrong with it.
    """
    try:
        form = load_form(form_name)
        with open(path, "rb") as file:
            text = decode(file.read(), path, encoding)
        wanted = [*form.records, *form.files, *(name for names in form.fields.values() for name in names)]
        records = read_csv(text, path) if form.form == "csv" else read_lido(text, path, wanted, form.lists)
    except OSError as error:
        raise UsageError(f"{path}: can't read this export: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not columns_like(records.columns, form.files):
        raise UsageError(
            f"{path}: none of the columns {', '.join(form.files)}, which name files in {form_name}, is there; there "
            f"are {', '.join(records.columns) or 'none'}: name another form, or one of yours"
        )
    named = [
        (number, column, text)
        for number, row in enumerate(records.rows)
        for column, cell in files_of(row, records.columns, form.files, form.empty)
        for text in (cell.split(form.lists) if form.form == "lido" else [cell])
    ]
    found = match_files(sorted({text for _, _, text in named}), parquet.table_blocks(store, "objects", ["uri"]))
    return Export(form, records, [(number, column, text, found[text]) for number, column, text in named])


def read_catalogue(folder: str, path: str, form_name: str, encoding: str | None, output: str) -> Taken:
    """Write a catalogue's export as rows that the setting `catalogue` takes; beside it, what means no listed object.

    Args:
      folder: a run that has listed its sources.
      output: a CSV file.

    Raises:
      UsageError: no listing there, or an export that can't be read.
    """
    store = open_output(folder)
    if not parquet.shards(store, "objects/"):
        raise UsageError(f"{folder} has no listed objects: run `mirrorfold list` there first")
    export = read_export(store, path, form_name, encoding)
    columns = ("uri", *(name for name in FIELDS if name in export.form.fields))
    rows: dict[str, list[str]] = {}
    left = []
    for number, _, text, found in export.files:
        values = values_of(export.records.rows[number], export.form.fields, export.form.empty)
        if found.uri and found.uri not in rows:
            rows[found.uri] = [found.uri, *(values.get(name, "") for name in columns[1:])]
        else:
            left.append([export.record(number), text, found.why or TWICE])
    _put(output, columns, rows.values())
    beside, ending = os.path.splitext(output)
    _put(f"{beside}.unmatched{ending}", ("record", "file", "why"), [[guard(cell) for cell in line] for line in left])
    return Taken(len(rows), len(left))


def _put(path: str, columns: Sequence[str], rows) -> None:
    with open(path, "wb") as file:
        file.write(b"".join(csv_line(row) for row in (columns, *rows)))


def write_catalogue(folder: str, path: str, form_name: str, encoding: str | None) -> Written:
    """Write what a finished plan and its merged record say in the catalogue's own form, under DIR/exports/.

    Raises:
      UsageError: an export that can't be read.
      ValueError: the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_whole(folder)
    export = read_export(store, path, form_name, encoding)
    uris = pa.array(sorted({found.uri for *_, found in export.files if found.uri}), pa.string())
    served = dict(_served(store, uris))
    named: dict[str, int] = {}
    for number, _, _, found in export.files:
        named.setdefault(found.uri, number)
    changed: dict[int, Row] = {}
    crosswalk, left = [], []
    for number, column, text, found in export.files:
        if found.uri not in served:
            continue
        kept_uri, reason = served[found.uri]
        crosswalk.append([export.record(number), text, found.uri, kept_uri, reason])
        other = named.get(kept_uri)
        if other is not None and other != number:
            why = f"the file that serves it is of record {export.record(other)} already: one of the two records may go"
            left.append([export.record(number), column, text, kept_uri, why])
        else:
            cell = changed.get(number, {}).get(column, export.records.rows[number].get(column, ""))
            changed.setdefault(number, {})[column] = cell.replace(text, _as_stated(text, found.uri, kept_uri), 1)
    for uri, field, value, state in _merged(store, pa.array(sorted({*named, *(k for k, _ in served.values())} - {""}))):
        heir = named.get(uri, next((n for u, n in named.items() if served.get(u, ("",))[0] == uri), None))
        if heir is not None:
            why = _take(export, changed, heir, field, value, state)
            left += [[export.record(heir), field, value, uri, why]] if why else []
    return _written(store, export, form_name, changed, crosswalk, left)


def _written(store, export: Export, form_name: str, changed, crosswalk: list, left: list) -> Written:
    below = FOLDER.format(re.sub(r"[^\w.-]+", "-", os.path.splitext(os.path.basename(form_name))[0]))
    for path in store.list(below):
        store.delete(path)
    if export.form.form == "lido":
        store.put(f"{below}import.xml", write_lido(export.records, changed, export.form.lists))
    else:
        store.put(f"{below}import.csv", write_csv(export.records, changed))
    for name, columns, rows in (
        ("crosswalk.csv", ("record", "file", "uri", "served_by", "reason"), crosswalk),
        ("left.csv", ("record", "field", "value", "uri", "why"), left),
    ):
        store.put(below + name, b"".join(csv_line(map(guard, line)) for line in (columns, *rows)))
    store.put(f"{below}README.txt", README)
    return Written(below.rstrip("/"), len(changed), len(crosswalk), len(left))


def _served(store: OutputStore, uris: pa.Array) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give the objects that go, with what serves them and why."""
    for block in parquet.table_blocks(store, "decisions", ["uri", "action", "kept_uri", "reason"]):
        goes = pc.and_(pc.equal(block.column("action"), "quarantine"), pc.is_in(block.column("uri"), value_set=uris))
        for row in block.filter(goes).to_pylist():
            yield row["uri"], (row["kept_uri"], row["reason"])


def _merged(store: OutputStore, uris: pa.Array) -> Iterator[tuple[str, str, str, str]]:
    """Give what the merged record has for kept copies: (uri, field, value, state)."""
    for block in parquet.table_blocks(store, "merged_record", ["uri", "field", "value", "state"]):
        for row in block.filter(pc.is_in(block.column("uri"), value_set=uris)).to_pylist():
            yield tuple(row.values())


def _take(export: Export, changed: dict[int, Row], number: int, field: str, value: str, state: str) -> str:
    """Put a value of the merged record into a record; say why where people decide, '' where nothing is left to do."""
    columns = columns_like(export.records.columns, export.form.fields.get(field, ()))
    if state == "contained":
        return ""
    if not columns:
        return "the catalogue's form has no column for it"
    if state == "conflict":
        return "conflict: people decide"
    row = export.records.rows[number] | changed.get(number, {})
    states = [name for name in columns if said(row, [name], export.form.empty)]
    column = states[0] if states else columns[0]
    cell = said(row, [column], export.form.empty)
    if state == "more":
        between = export.form.lists
        values = [part.strip() for part in cell.split(between) if part.strip()]
        added = [part for part in value.split("; ") if part not in values]
        joined = (f"{between} " if between in ",;" else between).join([*values, *added])
        if added:
            changed.setdefault(number, {})[column] = joined
        return ""
    if cell and rights_form(cell) != rights_form(value):
        return f"the catalogue says {cell[:200]!r}: people decide"
    if not cell:
        changed.setdefault(number, {})[column] = value
    return ""


def _as_stated(text: str, uri: str, kept_uri: str) -> str:
    """Name the file that serves a record as the record named its own: by name, by path, else by address."""
    plain = text.replace("\\", "/").strip("/")
    base = uri[: len(uri) - len(plain)] if uri.endswith(plain) else None
    if "/" not in plain:
        return kept_uri.rpartition("/")[2]
    return kept_uri[len(base) :] if base and kept_uri.startswith(base) else kept_uri
