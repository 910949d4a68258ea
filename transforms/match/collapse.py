"""Collapse identical signatures before they are searched: a thousand copies are one row, and a chain of edges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.match.signatures import CHECK_WORDS, KIND_BITS


class Rows(NamedTuple):
    """Searched rows as columns: packed through the shuffle, sorted and compared without becoming objects.

    Attributes:
      hashes: uint64 (rows,), the candidate signature.
      ids: uint64 (rows,), node << 5 | kind; kind 0 is a full signature, others are probes.
      checks: uint64 (rows, words), further bits that a pair must agree on; words may be 0.
    """

    hashes: np.ndarray
    ids: np.ndarray
    checks: np.ndarray

    def take(self, index: np.ndarray | slice) -> Rows:
        """Select rows."""
        return Rows(self.hashes[index], self.ids[index], self.checks[index])


def collapse(light: pa.Table) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Split the rows of one partition of phash64 into searched rows and certain edges.

    Returns:
      Searched rows: one full signature for each distinct one, and the distinct probes of all its contents;
      edges: uint64 (edges, 2), from each content to the first with the same signature or the same coded picture;
      low: uint64, the nodes of low-information contents, which are not searched.
    """
    if not light.num_rows:
        return empty_rows(CHECK_WORDS), np.empty((0, 2), np.uint64), np.empty(0, np.uint64)
    light = light.combine_chunks()
    nodes = light.column("node").to_numpy()
    low = light.column("low").to_numpy(zero_copy_only=False)
    digests = light.column("digest").to_numpy()
    hashes = _matrix(light, "hashes", len(nodes))
    checks = _matrix(light, "checks", len(nodes)).reshape(len(nodes), -1, CHECK_WORDS)
    same_picture = _chain(nodes, np.flatnonzero(digests != 0), (digests,))
    busy = np.flatnonzero(~low)
    first, same_signature = _first_of(nodes, busy, (checks[:, 0, 1], checks[:, 0, 0], hashes[:, 0]))
    edges = np.concatenate([same_picture, same_signature])
    return _searched(nodes[first], hashes[busy], checks[busy]), edges, nodes[low]


def empty_rows(words: int) -> Rows:
    """Make no rows."""
    return Rows(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty((0, words), np.uint64))


def _matrix(light: pa.Table, name: str, rows: int) -> np.ndarray:
    column = light.column(name).combine_chunks()
    column = column if isinstance(column, pa.Array) else column.chunk(0)
    return column.flatten().to_numpy().reshape(rows, -1)


def _first_of(nodes: np.ndarray, index: np.ndarray, keys: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """For each row of `index` give the row of the smallest node with equal keys, and the edges to it."""
    if not len(index):
        return index, np.empty((0, 2), np.uint64)
    order = np.lexsort([nodes[index], *(key[index] for key in keys)])
    ordered = index[order]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = np.any([key[ordered][1:] != key[ordered][:-1] for key in keys], axis=0)
    leaders = ordered[np.maximum.accumulate(np.where(new, np.arange(len(ordered)), 0))]
    first = np.empty(len(index), dtype=np.int64)
    first[order] = leaders
    followers = leaders != ordered
    return first, np.stack([nodes[leaders[followers]], nodes[ordered[followers]]], axis=1)


def _chain(nodes: np.ndarray, index: np.ndarray, keys: tuple[np.ndarray, ...]) -> np.ndarray:
    return _first_of(nodes, index, keys)[1]


def _searched(leaders: np.ndarray, hashes: np.ndarray, checks: np.ndarray) -> Rows:
    """Give every content's signatures to its leader, without those that repeat or equal the full one."""
    kinds = hashes.shape[1]
    shift = np.uint64(KIND_BITS)
    ids = (leaders[:, None] << shift) | np.arange(kinds, dtype=np.uint64)[None, :]
    differs = (hashes != hashes[:, :1]) | (checks != checks[:, :1]).any(axis=2)
    differs[:, 0] = True
    rows = np.column_stack([ids[differs], hashes[differs], checks[differs]])
    if not len(rows):
        return empty_rows(checks.shape[2])
    rows = rows[np.lexsort(rows.T[::-1])]
    keep = np.ones(len(rows), dtype=bool)
    keep[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    rows = rows[keep]
    return Rows(rows[:, 1].copy(), rows[:, 0].copy(), rows[:, 2:].copy())
