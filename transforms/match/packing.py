"""Searched rows as packed bytes, keyed by group of tables and partition: what travels through the shuffle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mirrorfold.transforms.match.kernels import deal_partitions
from mirrorfold.transforms.match.rows import Rows, empty_rows
from mirrorfold.transforms.match.signatures import CHECK_WORDS


def pack(rows: Rows) -> bytes:
    """Write rows as little-endian bytes: hashes, ids, checks."""
    return b"".join(np.ascontiguousarray(column, dtype="<u8").tobytes() for column in rows)


def unpack(data: bytes | memoryview, words: int) -> Rows:
    """Read rows written by `pack`."""
    values = np.frombuffer(data, dtype="<u8")
    count = len(values) // (2 + words)
    return Rows(values[:count], values[count : 2 * count], values[2 * count :].reshape(count, words))


def join_rows(parts: Iterable[Rows], words: int = CHECK_WORDS) -> Rows:
    """Join rows into contiguous, native, writable arrays."""
    found = [part for part in parts if len(part.hashes)] or [empty_rows(words)]
    return Rows(*(np.concatenate([part[i] for part in found]).astype(np.uint64, copy=False) for i in range(3)))


def split(rows: Rows, masks: tuple[int, ...], partitions: int) -> Iterator[tuple[int, Rows]]:
    """Deal rows to the partitions of every mask: (mask's number * partitions + partition, rows). Equal bits meet."""
    for number, mask in enumerate(masks):
        assigned, counts = deal_partitions(rows.hashes, np.uint64(mask), partitions)
        order = np.argsort(assigned, kind="stable")
        stops = np.cumsum(counts)
        for partition in np.flatnonzero(counts).tolist():
            chosen = order[stops[partition] - counts[partition] : stops[partition]]
            yield number * partitions + partition, rows.take(chosen)
