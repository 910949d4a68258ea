"""Searched rows: every signature of every content that is worth searching, and the copies that need no search."""

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


def empty_rows(words: int) -> Rows:
    """Make no rows."""
    return Rows(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty((0, words), np.uint64))


def searched_rows(light: pa.Table) -> Rows:
    """Give the full signature of each content and its probes, without probes that repeat the full signature.

    Args:
      light: rows of `signatures.light_schema`; those of little information are left out.
    """
    light = light.filter(pa.array(~light.column("low").to_numpy()))
    hashes, checks = matrix(light, "hashes"), matrix(light, "checks")
    checks = checks.reshape(*hashes.shape, checks.shape[1] // hashes.shape[1])
    ids = light.column("node").to_numpy()[:, None] << np.uint64(KIND_BITS) | np.arange(hashes.shape[1], dtype=np.uint64)
    differs = (hashes != hashes[:, :1]) | (checks != checks[:, :1]).any(axis=2)
    differs[:, 0] = True
    return Rows(hashes[differs], ids[differs], checks[differs])


def same_pictures(rows: pa.Table) -> np.ndarray:
    """Link contents of one coded picture, searched or not: uint64 (edges, 2), from the smallest node to each other.

    Args:
      rows: node and digest (0 where unknown), uint64; all rows of a digest are here.
    """
    nodes, digests = (rows.column(name).to_numpy() for name in ("node", "digest"))
    order = np.lexsort([nodes, digests])
    order = order[digests[order] != 0]
    nodes, digests = nodes[order], digests[order]
    first = np.concatenate(([True], digests[1:] != digests[:-1])) if len(order) else np.empty(0, bool)
    leaders = nodes[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    return np.stack([leaders[~first], nodes[~first]], axis=1)


def matrix(light: pa.Table, name: str) -> np.ndarray:
    """Give a fixed-size list column as uint64 (rows, width)."""
    column = light.column(name).combine_chunks()
    width = light.schema.field(name).type.list_size
    values = column.flatten() if isinstance(column, pa.Array) else pa.concat_arrays(c.flatten() for c in column.chunks)
    return values.to_numpy().reshape(light.num_rows, width)
