"""Candidate edges: pairs of contents that the search found, how each found the other, and where they are verified.

A content's features are large, so they travel only to where an edge of it is verified, once each: the edge goes to the
partition of its larger node, and so do the features of either end.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.match.kernels import KIND_MASK, KIND_SHIFT
from mirrorfold.transforms.match.rows import Rows
from mirrorfold.transforms.match.signatures import BLACK_KIND, DIHEDRAL_KINDS

MET = pa.schema([("a", pa.uint64()), ("b", pa.uint64()), ("gap", pa.uint8())])
"""Two searched rows that met: their ids (node << 6 | kind), the smaller node first, and the bits between them."""
WAYS = 4
EDGES = pa.schema([("a", pa.uint64()), ("b", pa.uint64()), ("ways", pa.uint32())])
"""A pair of contents, the smaller node first; `ways` are WAYS kinds in a byte each, 0 where there is none: the nearest
window and the nearest turn of b that the whole of a met, and of a that the whole of b met."""
TARGET = pa.field("target", pa.int32())
"""The partition that verifies an edge."""


def met_block(rows: Rows, pairs: np.ndarray) -> pa.Table:
    """Make a block of MET of pairs of row numbers, int64 (pairs, 2)."""
    gap = np.bitwise_count(rows.hashes[pairs[:, 0]] ^ rows.hashes[pairs[:, 1]])
    return met_ids(rows.ids[pairs], gap)


def met_ids(ids: np.ndarray, gap: np.ndarray | None = None) -> pa.Table:
    """Make a block of MET of ids, uint64 (pairs, 2), and the bits between them (none, where nothing is said)."""
    ordered = np.sort(ids, axis=1)
    gap = np.zeros(len(ids), np.uint8) if gap is None else gap.astype(np.uint8)
    return pa.table([ordered[:, 0], ordered[:, 1], gap], schema=MET)


def both_ends(met: pa.Table) -> pa.Table:
    """Give rows of MET twice, each with the node of one end in `node`: either end has features to send."""
    a, b = (met.column(name).to_numpy() >> KIND_SHIFT for name in "ab")
    return pa.concat_tables([met, met]).append_column("node", pa.array(np.concatenate([a, b])))


def edges_of(met: pa.Table) -> pa.Table:
    """Join rows of MET, each pair's all, to rows of EDGES, sorted."""
    a, b, gap = (met.column(name).to_numpy() for name in MET.names)
    kind_a, kind_b = (a & KIND_MASK).astype(np.uint32), (b & KIND_MASK).astype(np.uint32)
    kind = np.maximum(kind_a, kind_b)
    # Which of the ways a meeting is: b's probe met a, or a's met b; a window, or a turn; last, whole met whole.
    # On black a picture lies as it does on white, and is tried so whatever met (see `tries.with_black`).
    way = np.where((kind > 0) & (kind != BLACK_KIND), 2 * (kind_a > 0) + (kind >= DIHEDRAL_KINDS.start), WAYS)
    order = np.lexsort([kind, gap, way, b >> KIND_SHIFT, a >> KIND_SHIFT])
    a, b, kind, way = (a >> KIND_SHIFT)[order], (b >> KIND_SHIFT)[order], kind[order], way[order]
    new_pair = np.ones(len(a), bool)
    new_pair[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    nearest = new_pair.copy()
    nearest[1:] |= way[1:] != way[:-1]
    nearest &= way < WAYS
    ways = np.zeros(int(new_pair.sum()), np.uint32)
    pair = np.cumsum(new_pair) - 1
    np.bitwise_or.at(ways, pair[nearest], kind[nearest] << (8 * way[nearest]).astype(np.uint32))
    return pa.table([a[new_pair], b[new_pair], ways], schema=EDGES)


def met_again(edges: pa.Table) -> pa.Table:
    """Give rows of MET that `edges_of` joins to these edges."""
    a, b = (edges.column(name).to_numpy() << KIND_SHIFT for name in "ab")
    ways = ways_of(edges).astype(np.uint64)
    whole = met_ids(np.stack([a, b], axis=1))
    pairs = [(b | ways[:, way], a) if way < 2 else (a | ways[:, way], b) for way in range(WAYS)]
    found = [met_ids(np.stack([probe, full], axis=1)[ways[:, way] > 0]) for way, (probe, full) in enumerate(pairs)]
    return pa.concat_tables([whole, *found])


def ways_of(edges: pa.Table) -> np.ndarray:
    """Give the ways of edges as int64 (edges, WAYS)."""
    packed = edges.column("ways").to_numpy()
    return np.stack([packed >> np.uint32(8 * way) & np.uint32(63) for way in range(WAYS)], axis=1).astype(np.int64)


def route(contents: pa.Table, met: pa.Table, partition: int, partitions: int) -> Iterable[tuple[str, pa.Table]]:
    """Send one partition's edges, and the features of their ends, to where they are verified.

    Args:
      contents: rows with `node`; met: rows of `both_ends` whose `node` lies in this partition.

    Yields:
      ("edges", rows of EDGES with TARGET); ("contents", rows of contents with TARGET), each once for a target.
    """
    mine = met.column("node").to_numpy()
    first = mine == met.column("a").to_numpy() >> KIND_SHIFT
    edges = edges_of(met.filter(pa.array(first)).select(MET.names))
    a, b = edges.column("a").to_numpy(), edges.column("b").to_numpy()
    target = partition_of(pa.table({"node": b}), ("node",), partitions).astype(np.int32)
    if len(edges):
        yield "edges", edges.append_column(TARGET, pa.array(target))
    # The ends named `b` are verified where they are.
    ends = np.unique(mine[~first])
    nodes = np.concatenate([a, ends])
    targets = np.concatenate([target, np.full(len(ends), partition, np.int32)])
    order = np.lexsort([targets, nodes])
    nodes, targets = nodes[order], targets[order]
    new = np.ones(len(nodes), bool)
    new[1:] = (nodes[1:] != nodes[:-1]) | (targets[1:] != targets[:-1])
    nodes, targets = nodes[new], targets[new]
    have = contents.column("node").to_numpy()
    order = np.argsort(have, kind="stable")
    start, stop = (np.searchsorted(have[order], nodes, side=side) for side in ("left", "right"))
    several = stop - start  # two contents may share a node by chance
    places = np.repeat(start, several) + np.arange(several.sum()) - np.repeat(np.cumsum(several) - several, several)
    rows = order[places]
    if len(rows):
        yield "contents", contents.take(pa.array(rows)).append_column(TARGET, pa.array(np.repeat(targets, several)))
