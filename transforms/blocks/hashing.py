"""A hash of rows that is the same on every machine, runner and release."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def partition_of(block: pa.Table, columns: Sequence[str], partitions: int) -> np.ndarray:
    """Give each row's partition, `int64` of shape (rows,), by a stable hash of `columns`.

    CRC-32 is enough to spread rows evenly, and its definition never changes. Integer columns that already are partition
    numbers are taken modulo `partitions` as they are.
    """
    if partitions == 1:
        return np.zeros(block.num_rows, dtype=np.int64)
    if len(columns) == 1 and pa.types.is_integer(block.schema.field(columns[0]).type):
        return (block.column(columns[0]).to_numpy() % partitions).astype(np.int64)
    hashes = np.zeros(block.num_rows, dtype=np.uint32)
    for name in columns:
        hashes = _extend(hashes, block.column(name).to_pylist())
    return (hashes % np.uint32(partitions)).astype(np.int64)


def _extend(hashes: np.ndarray, values: list) -> np.ndarray:
    return np.fromiter(
        (zlib.crc32(_as_bytes(value), seed) for value, seed in zip(values, hashes.tolist(), strict=True)),
        dtype=np.uint32,
        count=len(values),
    )


def _as_bytes(value: object) -> bytes:
    # The leading byte keeps ("a", "bc") apart from ("ab", "c") and null apart from the empty string.
    if value is None:
        return b"\0"
    if isinstance(value, bytes):
        return b"\1" + value
    return b"\2" + str(value).encode()
