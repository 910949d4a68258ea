"""Collapse identical signatures before they are searched: a thousand copies are one row, and a chain of edges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.match.signatures import KIND_BITS


class Rows(NamedTuple):
    """Searched rows as columns: packed through the shuffle, sorted and compared without becoming objects.

    Attributes:
      hashes: uint64 (rows,), the candidate signature.
      ids: uint64 (rows,), node << 6 | kind; kind 0 is a full signature, others are probes.
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
    nodes = light.column("node").to_numpy()
    low = light.column("low").to_numpy()
    digests = light.column("digest").to_numpy()
    hashes, checks = _matrix(light, "hashes"), _matrix(light, "checks")
    checks = checks.reshape(*hashes.shape, checks.shape[1] // hashes.shape[1])
    pictures = np.flatnonzero(digests != 0)
    leaders = _leaders(nodes[pictures], digests[pictures], [])
    same_picture = _edges(nodes[pictures], leaders)
    busy = np.flatnonzero(~low) if low.any() else slice(None)
    nodes, hashes, checks = nodes[busy], hashes[busy], checks[busy]
    leaders = _leaders(nodes, hashes[:, 0], [checks[:, 0, word] for word in range(checks.shape[2])])
    edges = np.concatenate([same_picture, _edges(nodes, leaders)])
    return _searched(nodes, leaders, hashes, checks), edges, light.column("node").to_numpy()[low]


def empty_rows(words: int) -> Rows:
    """Make no rows."""
    return Rows(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty((0, words), np.uint64))


def _matrix(light: pa.Table, name: str) -> np.ndarray:
    column = light.column(name).combine_chunks()
    width = light.schema.field(name).type.list_size
    values = column.flatten() if isinstance(column, pa.Array) else pa.concat_arrays(c.flatten() for c in column.chunks)
    return values.to_numpy().reshape(light.num_rows, width)


def _leaders(nodes: np.ndarray, key: np.ndarray, further: list[np.ndarray]) -> np.ndarray:
    """For each row give the row of the smallest node with equal keys: itself, for nearly all."""
    leaders = np.arange(len(nodes))
    order = np.argsort(key)
    ordered = key[order]
    equal = ordered[1:] == ordered[:-1]
    repeated = np.zeros(len(nodes), dtype=bool)
    repeated[1:] |= equal
    repeated[:-1] |= equal
    rows = order[repeated]
    if not len(rows):
        return leaders
    rows = rows[np.lexsort([nodes[rows], *(other[rows] for other in further), key[rows]])]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = np.any([other[rows[1:]] != other[rows[:-1]] for other in (key, *further)], axis=0)
    leaders[rows] = rows[np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))]
    return leaders


def _edges(nodes: np.ndarray, leaders: np.ndarray) -> np.ndarray:
    followers = np.flatnonzero(leaders != np.arange(len(nodes)))
    return np.stack([nodes[leaders[followers]], nodes[followers]], axis=1)


def _searched(nodes: np.ndarray, leaders: np.ndarray, hashes: np.ndarray, checks: np.ndarray) -> Rows:
    """Give every content's signatures to its leader, without those that repeat or equal the full one."""
    kinds = np.arange(hashes.shape[1], dtype=np.uint64)
    ids = (nodes[leaders][:, None] << np.uint64(KIND_BITS)) | kinds
    differs = (hashes != hashes[:, :1]) | (checks != checks[:, :1]).any(axis=2)
    follows = leaders != np.arange(len(nodes))
    differs[:, 0] = ~follows
    shared = np.zeros(len(nodes), dtype=bool)
    shared[leaders[follows]] = shared[follows] = True
    alone = differs & ~shared[:, None]
    parts = [Rows(hashes[alone], ids[alone], checks[alone])]
    if shared.any():
        several = differs & shared[:, None]
        rows = np.unique(np.column_stack([ids[several], hashes[several], checks[several]]), axis=0)
        parts.append(Rows(rows[:, 1].copy(), rows[:, 0].copy(), rows[:, 2:].copy()))
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
