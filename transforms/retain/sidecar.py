"""The catalogue's own word on objects: sidecar CSV or Parquet keyed by URI, and lists of holds."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from mirrorfold.transforms.blocks.ipc import sort_rows

FIELDS = ("catalogue_no", "licence", "hold", "provenance", "creator", "capture_time", "role")
SIDECAR = pa.schema([pa.field("uri", pa.string(), nullable=False), *(pa.field(name, pa.string()) for name in FIELDS)])
PREFIX = "sidecar_"
JOINED = tuple(name for name in FIELDS if name != "hold")
HOLDS = {
    "yes": "yes",
    "true": "yes",
    "1": "yes",
    "on": "yes",
    "no": "no",
    "false": "no",
    "0": "no",
    "off": "no",
    "": "",
}


def check_sidecar(path: str, *, needs_field: bool = True) -> None:
    """Check that a sidecar can be read and has a column uri.

    Raises:
      ValueError: one line naming the file.
    """
    if not os.path.isfile(path):
        raise ValueError(f"{path}: there is no such file")
    names = _names(path)
    if "uri" not in names:
        raise ValueError(f"{path}: the column uri is missing; there are {', '.join(names) or 'none'}")
    if needs_field and not set(names) & set(FIELDS):
        raise ValueError(f"{path}: none of the columns {', '.join(FIELDS)} is there")


def _names(path: str) -> list[str]:
    try:
        if path.endswith(".parquet"):
            return pq.read_schema(path).names
        with pa.csv.open_csv(path) as reader:
            return reader.schema.names
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(f"{path}: can't read it as {_kind(path)}: {error}") from error


def _kind(path: str) -> str:
    return "Parquet" if path.endswith(".parquet") else "CSV with a header"


def read_sidecar(path: str) -> Iterator[pa.Table]:
    """Read a sidecar in blocks of `SIDECAR`; missing columns are null, holds are yes, no or unknown."""
    if path.endswith(".parquet"):
        blocks: Iterator[pa.RecordBatch] = pq.ParquetFile(path).iter_batches()
    else:
        texts = dict.fromkeys(SIDECAR.names, pa.string())
        options = pa.csv.ConvertOptions(column_types=texts, strings_can_be_null=True, null_values=[""])
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        blocks = iter(pa.csv.open_csv(path, convert_options=options, parse_options=parse))
    for batch in blocks:
        yield _normal(pa.Table.from_batches([batch]))


def read_hold_list(path: str) -> Iterator[pa.Table]:
    """Read a list of held URIs: a CSV with a column uri, and perhaps hold."""
    for block in read_sidecar(path):
        hold = pc.if_else(pc.is_null(block.column("hold")), "yes", block.column("hold"))
        yield block.set_column(block.schema.get_field_index("hold"), SIDECAR.field("hold"), hold)


def _normal(block: pa.Table) -> pa.Table:
    columns = []
    for field in SIDECAR:
        present = field.name in block.schema.names
        columns.append(block.column(field.name).cast(pa.string()) if present else pa.nulls(block.num_rows, pa.string()))
    table = pa.table(columns, schema=SIDECAR)
    hold = [
        None if value is None else (HOLDS.get(value.strip().lower(), "unknown") or None)
        for value in table.column("hold").to_pylist()
    ]
    return table.set_column(table.schema.get_field_index("hold"), SIDECAR.field("hold"), pa.array(hold, pa.string()))


def join_sidecar(objects: pa.Table, sidecar: pa.Table) -> pa.Table:
    """Join the catalogue's fields onto objects as `sidecar_*`; of several holds on one URI the strictest counts."""
    said = _one_per_uri(sidecar)
    index = pc.index_in(objects.column("uri").combine_chunks(), value_set=said.column("uri").combine_chunks())
    rows = said.take(index)
    strictest = pc.if_else(
        pc.or_(pc.equal(objects.column("hold"), "yes"), pc.fill_null(pc.equal(rows.column("hold"), "yes"), False)),
        "yes",
        pc.if_else(pc.fill_null(pc.equal(rows.column("hold"), "unknown"), False), "yes", objects.column("hold")),
    )
    objects = objects.set_column(objects.schema.get_field_index("hold"), objects.schema.field("hold"), strictest)
    for name in JOINED:
        objects = objects.append_column(PREFIX + name, rows.column(name))
    return objects


def without_sidecar(objects: pa.Table) -> pa.Table:
    """Give objects the same columns where there is no catalogue."""
    for name in JOINED:
        objects = objects.append_column(PREFIX + name, pa.nulls(objects.num_rows, pa.string()))
    return objects


def _one_per_uri(sidecar: pa.Table) -> pa.Table:
    ranked = sidecar.append_column(
        "rank", pc.fill_null(pc.index_in(sidecar.column("hold"), value_set=pa.array(["yes", "unknown", "no"])), 3)
    )
    rows: dict[str, dict] = {}
    for row in sort_rows(ranked, ["uri", "rank", *JOINED]).to_pylist():
        first = rows.setdefault(row["uri"], row)
        for name in FIELDS:
            if first[name] is None:
                first[name] = row[name]
    return pa.Table.from_pylist([{n: row[n] for n in SIDECAR.names} for row in rows.values()], schema=SIDECAR)


def prefer_sidecar(rows: pa.Table) -> pa.Table:
    """Let the catalogue's word stand over the file's for licence, creator, number and capture time."""
    for name in ("catalogue_no", "licence", "creator", "capture_time"):
        said = pc.coalesce(rows.column(PREFIX + name), rows.column(name))
        rows = rows.set_column(rows.schema.get_field_index(name), name, said)
    return rows.append_column("provenance", rows.column(PREFIX + "provenance"))
