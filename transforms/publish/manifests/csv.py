"""Plans as CSV for people and spreadsheets: every cell quoted, none that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.at_risk import AT_RISK
from mirrorfold.transforms.publish.manifests.rows import PlanRow, Who, belongs, plan_rows, with_people
from mirrorfold.transforms.publish.package_twins import PACKAGE_TWINS
from mirrorfold.transforms.stores.etags import stated_etag
from mirrorfold.transforms.stores.output import OutputStore

ROWS_PER_FILE = 1_000_000
"""What a spreadsheet holds, and what fits memory as a file is put."""

ROWS_AT_ONCE = 10_000
"""Rows of an answer in memory."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""A cell that begins like this gets an apostrophe before it; so does one that begins with an apostrophe."""

QUARANTINE = (
    "uri", "version", "etag", "size", "library", "storage_class", "content_id", "tier_to_kept", "kept_uri",
    "kept_version", "kept_etag", "bytes_freed", "rule", "reason", "catalogue_no", "companions",
    "decided_by", "decided_at", "evidence",
)  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {
    "quarantine": QUARANTINE,
    "restore": QUARANTINE,
    "review": (*QUARANTINE, "cluster_id", "review_batch"),
    "migrate": (
        "uri", "version", "etag", "size", "library", "storage_class", "content_id", "action", "rule", "catalogue_no",
        "companions",
    ),
    "crosswalk": (
        "uri", "version", "catalogue_no", "served_by", "served_by_version", "carried_over", "action", "rule",
        "tier_to_kept",
    ),
    "merged-record": (
        "uri", "version", "library", "field", "value", "kept_value", "state", "from_uri", "from_version",
        "from_library",
    ),
    "at-risk": ("uri", "version", "library", "size", "content_id", "rule", "reason"),
    "packages": ("twins", "package", "library", "files", "bytes", "unread", "held"),
    "lineage": (
        "uri", "version", "relation", "to_uri", "to_version", "age", "catalogue_no", "to_catalogue_no", "tier", "kind",
        "provenance",
    ),
}  # fmt: skip


def guard(value: Any) -> str:
    """Write a value as a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(FORMULA) else text


def unguard(cell: str) -> str:
    """Read a guarded cell back."""
    return cell[1:] if cell.startswith("'") else cell


def cells(row: PlanRow, columns: Sequence[str]) -> list[str]:
    """Write a row's cells."""
    return [guard(_text(getattr(row, name), name)) for name in columns]


def _text(value: Any, name: str) -> Any:
    if name in ("etag", "kept_etag"):
        return stated_etag(value)  # what stands in for one is nothing that a tool can ask for
    return "; ".join(value) if isinstance(value, list) else value


def csv_line(values: Iterable[str]) -> bytes:
    """Write one line of CSV, every cell quoted."""
    sink = io.StringIO()
    _writer(sink).writerow(list(values))
    return sink.getvalue().encode()


def _writer(text: TextIO):
    return csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")


class _Parts:
    """One plan as CSV files in a folder: NAME.csv, and NAME-0002.csv ... once a file is full."""

    def __init__(self, store: OutputStore, name: str, folder: str):
        self.store, self.name, self.folder, self.rows, self.files = store, name, folder, 0, 0
        self._open()

    def write(self, values: Sequence[str]) -> None:
        if self.rows and self.rows % ROWS_PER_FILE == 0:
            self.close()
            self._open()
        self.writer.writerow(values)
        self.rows += 1

    def close(self) -> None:
        self.text.flush()
        self.file.seek(0)
        number = f"-{self.files:04d}" if self.files > 1 else ""
        self.store.put(f"{self.folder}{self.name}{number}.csv", self.file.read())
        self.text.close()

    def _open(self) -> None:
        self.files += 1
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the text around it)
        self.text = io.TextIOWrapper(self.file, encoding="utf-8", newline="")
        self.writer = _writer(self.text)
        self.writer.writerow(COLUMNS[self.name])


def write_manifests(
    store: OutputStore, folder: str = "manifests/", libraries: frozenset[str] | None = None, who: Who | None = None
) -> dict[str, int]:
    """Write manifests/NAME.csv of each name in COLUMNS but restore, and give their rows, streaming.

    Rows come in the tables' order, so the same plan gives the same bytes. A plan of more than `ROWS_PER_FILE` rows goes
    on in NAME-0002.csv, with a header of its own.

    Args:
      libraries: only the plan of these; lineage, at-risk and packages, which go across them, are then left out.
    """
    for path in store.list(folder):
        if path.endswith(".csv"):
            store.delete(path)
    parts = {name: _Parts(store, name, folder) for name in ("quarantine", "review", "migrate", "crosswalk")}
    for row in with_people(plan_rows(store), who):
        if libraries is not None and row.library not in libraries:
            continue
        for name, part in parts.items():
            if row.action == "review" if name == "review" else belongs(row, name):
                part.write(cells(row, COLUMNS[name]))
    parts["merged-record"] = _Parts(store, "merged-record", folder)
    for values in _merged_record(store, libraries):
        parts["merged-record"].write(values)
    if libraries is None:
        parts["lineage"] = _Parts(store, "lineage", folder)
        for values in _lineage(store):
            parts["lineage"].write(values)
        for name, query in (("at-risk", AT_RISK), ("packages", PACKAGE_TWINS)):
            parts[name] = _Parts(store, name, folder)
            for values in _asked(store, query, COLUMNS[name]):
                parts[name].write(values)
    for part in parts.values():
        part.close()
    return {name: part.rows for name, part in parts.items()}


def _merged_record(store: OutputStore, libraries: frozenset[str] | None) -> Iterator[list[str]]:
    """Read the table merged_record as cells: of some libraries, what leaves or reaches one of them."""
    for block in parquet.table_blocks(store, "merged_record", COLUMNS["merged-record"]):
        for row in block.to_pylist():
            if libraries is None or libraries & {row["library"], row["from_library"]}:
                yield [guard(row[name]) for name in COLUMNS["merged-record"]]


def _asked(store: OutputStore, query: str, columns: Sequence[str]) -> Iterator[list[str]]:
    """Ask the tables, and give the answer as cells."""
    with connect(store, "objects", "failures", "decisions") as tables:
        answer = tables.execute(f"SELECT {', '.join(columns)} FROM ({query}) ORDER BY ALL")
        while rows := answer.fetchmany(ROWS_AT_ONCE):
            yield from ([guard(cell) for cell in row] for row in rows)


def _lineage(store: OutputStore) -> Iterator[list[str]]:
    """Read the table lineage as cells."""
    for block in parquet.table_blocks(store, "lineage", COLUMNS["lineage"]):
        for row in block.to_pylist():
            yield [guard(row[name]) for name in COLUMNS["lineage"]]
