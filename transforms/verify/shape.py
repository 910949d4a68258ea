"""The form of the tables' files: schema and version, complete shards, rows in their place and order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.verify.model import BrokenPromise

_SHARD = re.compile(r"part-(\d{5})-of-(\d{5})\.parquet$")


def check_shape(table: Table, paths: Sequence[str]) -> list[BrokenPromise]:
    """Check one table's files, given by local path in order of their names."""
    if not paths:
        return [BrokenPromise(0, table.name, "the table has no files: an empty table is one file with its schema")]
    named = [_SHARD.search(path) for path in paths]
    counts = {int(found[2]) for found in named if found}
    numbers = sorted(int(found[1]) for found in named if found)
    if None in named or len(counts) != 1 or numbers != list(range(next(iter(counts)))):
        return [BrokenPromise(0, table.name, "shards are missing, left over or not named part-N-of-M.parquet")]
    broken: list[BrokenPromise] = []
    for path, number in zip(paths, numbers, strict=True):
        broken += _check_shard(table, path, number, len(paths))
    return broken


def _check_shard(table: Table, path: str, number: int, shards: int) -> list[BrokenPromise]:
    name = path.rsplit("/", 1)[-1]
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        meta = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
        if meta.get("mirrorfold.table") != table.name or meta.get("mirrorfold.version") != str(table.version):
            text = f"{name} is {meta.get('mirrorfold.table')} version {meta.get('mirrorfold.version')}, "
            return [BrokenPromise(0, table.name, text + f"not {table.name} version {table.version}")]
        missing = [
            f.name for f in table.schema if schema.get_field_index(f.name) < 0 or schema.field(f.name).type != f.type
        ]
        if missing:
            return [BrokenPromise(0, table.name, f"{name} lacks the column {missing[0]} or has it with another type")]
        columns = list(dict.fromkeys((*table.shard_key, *table.order)))
        rows = file.read(columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        return [BrokenPromise(0, table.name, f"{name} can't be read: {' '.join(str(error).split())[:200]}")]
    broken = []
    if not sort_rows(rows, table.order).select(table.order).equals(rows.select(table.order)):
        broken.append(BrokenPromise(0, table.name, f"{name}: rows aren't in the order {', '.join(table.order)}"))
    if rows.num_rows and bool((partition_of(rows, table.shard_key, shards) != number).any()):
        broken.append(BrokenPromise(0, table.name, f"{name}: rows that belong in another shard"))
    return broken
