"""Rows of a listing as columnar blocks: the `objects` columns, and which source listed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS

RANK = "source_rank"
RAW = OBJECTS.schema.append(pa.field(RANK, pa.int32(), nullable=False))
"""A raw row: an object as one source lists it. Sources are ranked: where two list the same object, the lower wins."""


def block_of(rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """Make a block of RAW from lists, arrays and constants by column; columns that aren't given are null."""
    return pa.Table.from_arrays([_column(field, columns.get(field.name), rows) for field in RAW], schema=RAW)


def _column(field: pa.Field, values: Any, rows: int) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return values if values.type == field.type else values.cast(field.type)
    if isinstance(values, list):
        return pa.array(values, type=field.type)
    if values is None:
        return pa.nulls(rows, type=field.type)
    return pa.repeat(pa.scalar(values, type=field.type), rows)
