"""Plans as CSV for people and spreadsheets: every cell quoted, none that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from mirrorfold.transforms.publish.manifests.rows import PlanRow, belongs, plan_rows
from mirrorfold.transforms.stores.output import OutputStore

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""A cell that begins like this gets an apostrophe before it; so does one that begins with an apostrophe."""

QUARANTINE = (
    "uri", "version", "etag", "size", "library", "storage_class", "content_id", "tier_to_kept", "kept_uri",
    "kept_version", "kept_etag", "bytes_freed", "rule", "reason", "catalogue_no",
)  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {
    "quarantine": QUARANTINE,
    "restore": QUARANTINE,
    "review": (*QUARANTINE, "cluster_id", "review_batch"),
    "migrate": (
        "uri", "version", "etag", "size", "library", "storage_class", "content_id", "action", "rule", "catalogue_no",
    ),
    "crosswalk": (
        "uri", "version", "catalogue_no", "served_by", "served_by_version", "carried_over", "action", "rule",
        "tier_to_kept",
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
    known = row._asdict() | served(row)
    return [guard(known[name]) for name in columns]


def served(row: PlanRow) -> dict[str, Any]:
    """Name the object that serves a row's place after the migration: its kept copy, or itself."""
    gone = row.action == "quarantine"
    return {
        "served_by": row.kept_uri if gone else row.uri,
        "served_by_version": row.kept_version if gone else row.version,
        "carried_over": "no" if gone or not row.is_latest or row.is_delete_marker else "yes",
    }


def csv_line(values: Iterable[str]) -> bytes:
    """Write one line of CSV, every cell quoted."""
    sink = io.StringIO()
    csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(list(values))
    return sink.getvalue().encode()


def write_manifests(store: OutputStore) -> dict[str, int]:
    """Write manifests/{quarantine,review,migrate,crosswalk}.csv and give their rows; streams through the tables.

    Rows come in the tables' order, so the same plan gives the same bytes.
    """
    files = {name: tempfile.TemporaryFile() for name in ("quarantine", "review", "migrate", "crosswalk")}  # noqa: SIM115
    counts = dict.fromkeys(files, 0)
    try:
        for name, file in files.items():
            file.write(csv_line(COLUMNS[name]))
        for row in plan_rows(store):
            for name, file in files.items():
                if row.action == "review" if name == "review" else belongs(row, name):
                    file.write(csv_line(cells(row, COLUMNS[name])))
                    counts[name] += 1
        for name, file in files.items():
            file.seek(0)
            store.put(f"manifests/{name}.csv", file.read())
    finally:
        for file in files.values():
            file.close()
    return counts
