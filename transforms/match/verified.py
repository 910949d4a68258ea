"""Verify edges where the features of both ends are: rows of the table `edges`, and what a second reading may settle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.edges import EDGES as TABLE
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.match.edges import EDGES, ways_of
from mirrorfold.transforms.match.signatures import node_ids

if TYPE_CHECKING:
    from mirrorfold.transforms.match.verify import Verifier

REQUESTS = pa.schema(
    [
        ("rank", pa.int32()),
        ("content_a", pa.string()),
        ("content_b", pa.string()),
        ("size_a", pa.int64()),
        ("size_b", pa.int64()),
        *EDGES,
    ]
)
"""An edge between documents that reading both again could settle; the smallest rank is the likeliest copy."""
RANKS = 10_000
AT_ONCE = 65_536
"""Edges verified in one call."""


def verify_edges(contents: pa.Table, edges: pa.Table, verifier: Verifier) -> Iterable[tuple[str, pa.Table]]:
    """Verify the edges of one partition.

    Args:
      contents: the verifier's columns, of both ends of all edges; edges: rows of EDGES.

    Yields:
      ("edges", rows of the table `edges`), those that join and near misses; ("requests", rows of REQUESTS).
    """
    contents = ipc.distinct_rows(ipc.sort_rows(contents, ("content_id",)).combine_chunks(), ("content_id",))
    edges = edges.sort_by([("a", "ascending"), ("b", "ascending")])
    features = verifier.features(contents, probes=False)  # the edges say which of them met
    nodes = node_ids(contents.column("content_id"))  # ascending, as the ids are
    pairs, edge = _rows_of(edges, nodes)
    for start in range(0, len(pairs), AT_ONCE):
        some, of = pairs[start : start + AT_ONCE], edges.take(pa.array(edge[start : start + AT_ONCE]))
        found = verifier.verify_edges(features, some, ways=ways_of(of))
        kept = found.filter(pc.or_(found.column("joins"), found.column("near_miss")))
        if kept.num_rows:
            yield "edges", _named(kept, contents, TABLE.schema)
        undecided = found.column("undecided")
        if pc.any(undecided).as_py():
            found = found.filter(undecided)
            yield "requests", _requests(found, of.take(found.column("pair")), contents)


def _rows_of(edges: pa.Table, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give pairs of rows, int64 (pairs, 2), and the edge of each; two contents may share a node by chance."""
    a, b = edges.column("a").to_numpy(), edges.column("b").to_numpy()
    (start_a, stop_a), (start_b, stop_b) = (
        (np.searchsorted(nodes, end), np.searchsorted(nodes, end, side="right")) for end in (a, b)
    )
    pairs, edge = np.stack([start_a, start_b], axis=1), np.arange(len(edges))
    there = (stop_a > start_a) & (stop_b > start_b)
    several = there & ((stop_a - start_a) * (stop_b - start_b) > 1)
    further = [
        (i, j, e)
        for e in np.flatnonzero(several).tolist()
        for i in range(start_a[e], stop_a[e])
        for j in range(start_b[e], stop_b[e])
    ]
    single = there & ~several
    more = np.array(further, np.int64).reshape(-1, 3)
    return np.concatenate([pairs[single], more[:, :2]]), np.concatenate([edge[single], more[:, 2]])


def _named(found: pa.Table, contents: pa.Table, schema: pa.Schema) -> pa.Table:
    ids = contents.column("content_id")
    columns = {"content_a": ids.take(found.column("a")), "content_b": ids.take(found.column("b"))}
    return pa.table([columns.get(name) or found.column(name) for name in schema.names], names=schema.names).cast(schema)


def _requests(found: pa.Table, edges: pa.Table, contents: pa.Table) -> pa.Table:
    ends = [contents.take(found.column(side)) for side in "ab"]
    # The best fit is the likeliest copy.
    rank = RANKS - np.rint(RANKS * found.column("highpass").to_numpy())
    columns = [
        pa.array(rank, pa.int32()),
        *(end.column("content_id") for end in ends),
        *(end.column("size") for end in ends),
        *(edges.column(name) for name in EDGES.names),
    ]
    return pa.table(columns, schema=REQUESTS)
