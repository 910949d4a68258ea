"""Blocks as bytes, and back."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc


def to_bytes(block: pa.Table) -> bytes:
    """Write a block as an Arrow IPC stream, compressed with LZ4 (fast both ways; a shuffle is held in memory)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, block.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(block)
    return sink.getvalue().to_pybytes()


def from_bytes(data: bytes) -> pa.Table:
    """Read a block written by `to_bytes`."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def concatenate(blocks: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Join blocks into one with contiguous columns; no blocks make an empty one of `schema`."""
    joined = [block for block in blocks if block.num_rows]
    return pa.concat_tables(joined).combine_chunks() if joined else schema.empty_table()


def sort_rows(block: pa.Table, order: Iterable[str]) -> pa.Table:
    """Sort rows by columns, ascending; nulls last; strings by code point, so that no locale matters."""
    if block.num_rows < 2:
        return block
    return block.take(pc.sort_indices(block, sort_keys=[(name, "ascending") for name in order]))


def distinct_rows(block: pa.Table, key: Iterable[str]) -> pa.Table:
    """Keep the first row of each run of equal keys in a block already sorted by them."""
    if block.num_rows < 2:
        return block
    changes = None
    for name in key:
        values = block.column(name).combine_chunks()
        differs = pc.not_equal(values.slice(1), values.slice(0, len(values) - 1))
        changes = differs if changes is None else pc.or_(changes, differs)
    return block.filter(pa.concat_arrays([pa.array([True]), pc.fill_null(changes, True)]))
