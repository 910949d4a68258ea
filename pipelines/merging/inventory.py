"""The inventory of a pack: which fields cross, for what purpose, how telling each is, and how many values there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pyarrow.parquet as pq

from mirrorfold.configs.crossing import load_crossing
from mirrorfold.pipelines.merging.sides import MERGED
from mirrorfold.pipelines.record.previous import check_tables, read_record
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.output import OutputStore, open_output


class Line(NamedTuple):
    """A field of a pack; `values` is how many of its rows say something, '' where it isn't a table's column."""

    table: str
    field: str
    crosses: str
    purpose: str
    telling: str
    rebuilt: str
    values: str


def inventory(folder: str, options: Collection[str]) -> tuple[list[Line], dict[str, str]]:
    """Say what a pack of a finished run would carry under options (hashes-only, uri, reviewer).

    Raises:
      UsageError: no finished run lies there.
    """
    check_tables(folder, read_record(folder), MERGED)
    fields, telling = load_crossing()
    counts = _counts(open_output(folder))
    lines = [
        Line(f.table, f.field, f.crosses(options), f.purpose, telling[f.telling], f.rebuilt, counts.get(f[:2], ""))
        for f in fields
    ]
    return lines, telling


def as_csv(lines: list[Line]) -> bytes:
    """Write an inventory as CSV."""
    return b"".join(csv_line(map(guard, line)) for line in (Line._fields, *lines))


def _counts(store: OutputStore) -> dict[tuple[str, str], str]:
    """Count the values of each column by the shards' footers, and those of verdicts."""
    counts: dict[tuple[str, str], int] = {}
    for table in MERGED:
        for path in parquet.shards(store, f"{table}/"):
            with store.open(path) as source:
                footer = pq.ParquetFile(source).metadata
            for group in map(footer.row_group, range(footer.num_row_groups)):
                for column in map(group.column, range(group.num_columns)):
                    name = column.path_in_schema.partition(".")[0]
                    nulls = column.statistics.null_count if column.statistics else 0
                    counts[table, name] = counts.get((table, name), 0) + column.num_values - (nulls or 0)
    for verdict in verdicts.read_verdicts(store):
        for name, value in verdict.items():
            counts["verdicts", name] = counts.get(("verdicts", name), 0) + (value not in (None, ""))
    return {name: f"{count}" for name, count in counts.items()}
