"""The catalogue's own word on objects: sidecar CSV or Parquet keyed by URI, and lists of holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from mirrorfold.transforms.blocks.globs import to_regex
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.retain.spelling import is_pattern, join_keys, line_keys

FIELDS = ("catalogue_no", "licence", "hold", "provenance", "creator", "capture_time", "role")
SIDECAR = pa.schema([pa.field("uri", pa.string(), nullable=False), *(pa.field(name, pa.string()) for name in FIELDS)])
PREFIX = "sidecar_"
PATTERNS = 1_000
"""Patterns of a hold list: each is tried on every object."""
OVERRULED = ("catalogue_no", "licence", "creator", "capture_time")
"""What the catalogue says of these stands over what files and their XMP state."""
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
    table = table.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(table.column("uri")), ""), False))
    hold = [
        None if value is None else (HOLDS.get(value.strip().lower(), "unknown") or None)
        for value in table.column("hold").to_pylist()
    ]
    return table.set_column(table.schema.get_field_index("hold"), SIDECAR.field("hold"), pa.array(hold, pa.string()))


def hold_patterns(path: str) -> list[str]:
    """Give the lines of a hold list that stand for many objects.

    Raises:
      ValueError: more of them than a run can try on every object.
    """
    found = [
        line
        for block in read_hold_list(path)
        for line, hold in zip(block.column("uri").to_pylist(), block.column("hold").to_pylist(), strict=True)
        if hold != "no" and is_pattern(line)
    ]
    if len(found) > PATTERNS:
        raise ValueError(f"{path}: {len(found):,} patterns, {PATTERNS:,} at most: name objects, or wider patterns")
    return found


def pattern_regexes(patterns: Sequence[str]) -> list[str]:
    """Write patterns as RE2 expressions over `join_keys`; a folder, named with a slash at its end, is all below it."""
    return [to_regex(f"{key}**" if key.endswith("/") else key) for key in line_keys(patterns)]


def join_sidecar(objects: pa.Table, sidecar: pa.Table, patterns: Sequence[str] = ()) -> pa.Table:
    """Join the catalogue's fields onto objects as `sidecar_*`; of several holds on one URI the strictest counts.

    A hold counts for every object that its line may mean. Other fields go by the very URI, or by another spelling of it
    where that leaves no choice.

    Args:
      sidecar: rows of SIDECAR; of all that mean one object none is missing.
      patterns: RE2 expressions of `pattern_regexes`: what they match is held.
    """
    said = _one_per_uri(sidecar)
    names = said.column("uri").combine_chunks()
    keys, theirs = join_keys(objects.column("uri")), pa.array(line_keys(names.to_pylist()), pa.string())
    strict = pc.or_(pc.equal(said.column("hold"), "yes"), pc.equal(said.column("hold"), "unknown"))
    held = pc.is_in(keys, value_set=theirs.filter(pc.fill_null(strict, False).combine_chunks()))
    for pattern in patterns:
        held = pc.or_(held, pc.match_substring_regex(keys, pattern))
    hold = pc.if_else(held, "yes", objects.column("hold"))
    objects = objects.set_column(objects.schema.get_field_index("hold"), objects.schema.field("hold"), hold)
    rows = said.take(_index(objects.column("uri").combine_chunks(), keys, names, theirs))
    for name in JOINED:
        objects = objects.append_column(PREFIX + name, rows.column(name))
    return objects


def _index(uris: pa.Array, keys: pa.Array, names: pa.Array, theirs: pa.Array) -> pa.Array:
    """Find each object's row: that of its URI, or else the only one left whose spelling means this object alone."""
    exact = pc.index_in(uris, value_set=names)
    left = pc.is_null(exact)
    free = pc.invert(pc.is_in(names, value_set=uris))
    objects_by_key = Counter(
        key for key, _ in set(zip(keys.filter(left).to_pylist(), uris.filter(left).to_pylist(), strict=True))
    )
    rows_by_key = Counter(theirs.filter(free).to_pylist())
    sure = [key for key, count in rows_by_key.items() if count == 1 and objects_by_key[key] == 1]
    chosen = pc.and_(free, pc.is_in(theirs, value_set=pa.array(sure, pa.string())))
    masked = pc.if_else(chosen, theirs, pa.scalar(None, pa.string()))
    loose = pc.index_in(pc.if_else(left, keys, pa.scalar(None, pa.string())), value_set=masked, skip_nulls=True)
    return pc.coalesce(exact, loose)


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
    for name in OVERRULED:
        said = pc.coalesce(rows.column(PREFIX + name), rows.column(name))
        rows = rows.set_column(rows.schema.get_field_index(name), name, said)
    return rows.append_column("provenance", rows.column(PREFIX + "provenance"))
