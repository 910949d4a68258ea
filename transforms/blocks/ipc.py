"""Blocks as bytes, and back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def to_bytes(block: pa.Table) -> bytes:
    """Write a block as an Arrow IPC stream, compressed with LZ4 (fast both ways; a shuffle is held in memory)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, block.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(block)
    return sink.getvalue().to_pybytes()


def from_bytes(data: bytes | memoryview) -> pa.Table:
    """Read a block written by `to_bytes`."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def concatenate(blocks: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Join blocks into one with contiguous columns; no blocks make an empty one of `schema`."""
    joined = [block for block in blocks if block.num_rows]
    return pa.concat_tables(joined).combine_chunks() if joined else schema.empty_table()


def pieces(block: pa.Table, limit: int) -> Iterator[pa.Table]:
    """Cut a block into runs of rows of about equal number, each of `limit` bytes at most unless one row is larger."""
    if not block.num_rows:
        return
    count = min(block.num_rows, -(-block.nbytes // limit))
    bounds = [block.num_rows * index // count for index in range(count + 1)]
    for start, stop in itertools.pairwise(bounds):
        piece = block.slice(start, stop - start)
        # Rows differ in size: halve what is still too large.
        yield from pieces(piece, limit) if piece.nbytes > limit and piece.num_rows > 1 else (piece,)


def conform(block: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give a block, perhaps an older run's, the columns of a schema: what was added since is null there.

    Raises:
      ValueError: a column is missing that may not be null.
    """
    if block.schema.names == schema.names:
        return block
    missing = [field.name for field in schema if field.name not in block.column_names and not field.nullable]
    if missing:
        raise ValueError(f"the column {missing[0]} is missing: another version wrote this table")
    columns = [
        block.column(field.name) if field.name in block.column_names else pa.nulls(block.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def sort_rows(block: pa.Table, order: Iterable[str]) -> pa.Table:
    """Sort rows by columns, ascending; nulls last; strings by code point, so that no locale matters."""
    if block.num_rows < 2:
        return block
    return block.take(pc.sort_indices(block, sort_keys=[(name, "ascending") for name in order]))


def distinct_rows(block: pa.Table, key: Iterable[str]) -> pa.Table:
    """Keep the first row of each run of equal keys in a block already sorted by them."""
    if block.num_rows < 2:
        return block
    changes = pa.array(np.zeros(block.num_rows - 1, dtype=bool))
    for name in key:
        values = block.column(name).combine_chunks()
        here, before = values.slice(1), values.slice(0, len(values) - 1)
        # Null equals null and nothing else; Arrow's own comparison says null to both.
        differs = pc.fill_null(pc.not_equal(here, before), False)
        changes = pc.or_(changes, pc.or_(differs, pc.xor(here.is_null(), before.is_null())))
    return block.filter(pa.concat_arrays([pa.array([True]), changes]))
