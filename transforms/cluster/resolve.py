"""Resolve families: stars around the copies that the policy prefers, and the pairs worth a row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.clusters import TOO_LARGE
from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.pairs import DISTANCES, PAIRS
from mirrorfold.transforms.blocks.union_find import Forest
from mirrorfold.transforms.cluster.stars import Known, Verifier, stars

BATCH_ROWS = 4_096
"""Contents that are resolved together, so that their pairs are verified in few calls."""
MOST_MEMBERS = 100_000
"""Contents of a family among which masters are sought: nobody has so many different files of one picture. Those beyond,
by the keep order, join a master that they are linked with; what is left is its own cluster, `TOO_LARGE`, for people."""
COMPONENT = pa.field("component", pa.uint64())
LINKS = EDGES.schema.append(COMPONENT)
"""An edge that joins, and the family that it is of."""

MEMBERS = pa.schema(
    [
        ("content_id", pa.string()),
        ("cluster_id", pa.string()),
        ("family_id", pa.string()),
        ("tier", pa.string()),
        ("kind", pa.string()),
        ("kind_text", pa.string()),
        *[(column.name, column.type) for column in DISTANCES],
    ]
)
"""A content of a family: its cluster, and how it compares with the cluster's master."""

ITSELF = {"tier": "identical", "kind": "copy", "kind_text": "the same bytes"} | {column.name: 0 for column in DISTANCES}


def resolve(contents: pa.Table, links: pa.Table, verifier: Verifier) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Resolve the families of some contents, a batch at a time.

    Args:
      contents: the verifier's columns, and component (uint64) and priority (binary, the smallest is preferred).
      links: rows of LINKS; all rows of a component are here, and in `contents`.

    Yields:
      (pairs, members): rows of PAIRS and of MEMBERS.
    """
    contents = contents.sort_by([("component", "ascending"), ("content_id", "ascending")])
    links = links.sort_by([(name, "ascending") for name in ("component", "content_a", "content_b")])
    components, of_links = (table.column("component").to_numpy() for table in (contents, links))
    for start, stop in batches(components):
        first, last = np.searchsorted(of_links, [components[start], components[stop - 1] + np.uint64(1)])
        some = contents.slice(start, stop - start).combine_chunks()
        yield _resolve_batch(some, links.slice(first, last - first), verifier)


def batches(components: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut sorted components into runs of about BATCH_ROWS rows, (start, stop), none of them cut apart."""
    bounds = np.append(np.flatnonzero(np.diff(components)) + 1, len(components)).tolist() if len(components) else []
    start = 0
    for stop in bounds:
        if stop - start >= BATCH_ROWS or stop == bounds[-1]:
            yield start, stop
            start = stop


def _resolve_batch(contents: pa.Table, links: pa.Table, verifier: Verifier) -> tuple[pa.Table, pa.Table]:
    ids = contents.column("content_id").combine_chunks()
    a, b = (pc.index_in(links.column(f"content_{side}"), value_set=ids).to_numpy() for side in "ab")
    forest = Forest(len(ids))
    forest.unite(a, b)
    families = _families(forest.labels(), contents)
    known = Known(verifier, contents, a, b, links)
    masters = stars(known, [family[:MOST_MEMBERS] for family in families])
    left = np.concatenate([family[masters[family] < 0] for family in families]) if families else np.empty(0, int)
    masters[left] = left
    inside = np.flatnonzero(masters >= 0)
    first = np.full(len(ids), -1)
    for family in families:
        first[family] = family.min()  # rows are in the order of ids
    followers = inside[masters[inside] != inside]
    stars_pairs = np.sort(np.stack([followers, masters[followers]], axis=1), axis=1)
    found = known.measured(stars_pairs)
    pairs = [_rows_of_pairs(ids, stars_pairs, found, "master", np.ones(len(found), bool))]
    nearest = _nearest(known, [family for family in families if len(family) > 2], stars_pairs)
    inside_cluster = masters[nearest[:, 0]] == masters[nearest[:, 1]]
    pairs.append(_rows_of_pairs(ids, nearest, known.measured(nearest), "nearest", inside_cluster))
    members = _members(ids, inside, masters, first, followers, found)
    if len(left):
        beyond = pc.is_in(members.column("content_id"), value_set=ids.take(pa.array(left)))
        for name, said in (("tier", "probable"), ("kind", TOO_LARGE), ("kind_text", f"of over {MOST_MEMBERS:,} files")):
            place = members.schema.get_field_index(name)
            members = members.set_column(place, MEMBERS.field(name), pc.if_else(beyond, said, members.column(name)))
    return pa.concat_tables(pairs), members


def _families(labels: np.ndarray, contents: pa.Table) -> list[np.ndarray]:
    """Give the rows of each family of two and more, by preference."""
    table = pa.table({"label": labels, "priority": contents.column("priority")})
    order = pc.sort_indices(table, [("label", "ascending"), ("priority", "ascending")]).to_numpy().astype(np.int64)
    bounds = np.flatnonzero(np.diff(labels[order], prepend=-1, append=-1))
    return [order[start:stop] for start, stop in itertools.pairwise(bounds) if stop - start > 1]


def _nearest(known: Known, families: list[np.ndarray], listed: np.ndarray) -> np.ndarray:
    """Pair each row of these families with its nearest, int64 (pairs, 2), without pairs that are listed already."""
    if not families:
        return np.empty((0, 2), np.int64)
    rows = np.sort(np.concatenate(families))
    pairs = np.unique(np.sort(np.stack([rows, known.nearest(rows)], axis=1), axis=1), axis=0)
    count = known.contents.num_rows
    return pairs[~np.isin(pairs @ [count, 1], listed @ [count, 1])]


def _rows_of_pairs(
    ids: pa.Array, pairs: np.ndarray, measured: pa.Table, reason: str, in_cluster: np.ndarray
) -> pa.Table:
    given = {
        "content_a": ids.take(pa.array(pairs[:, 0])),
        "content_b": ids.take(pa.array(pairs[:, 1])),
        "reason": pa.array([reason] * len(pairs), pa.string()),
        "in_cluster": pa.array(in_cluster),
    }
    return pa.table(
        [given[name] if name in given else measured.column(name) for name in PAIRS.schema.names],
        schema=PAIRS.schema,
    )


def _members(ids: pa.Array, inside, masters, first, followers, found: pa.Table) -> pa.Table:
    """Make rows of MEMBERS: those that follow, as measured, and the masters themselves."""
    leaders = inside[masters[inside] == inside]
    parts = []
    for rows, measured in ((followers, found), (leaders, None)):
        named = [ids.take(pa.array(which)) for which in (rows, masters[rows], first[rows])]
        how = [
            pa.array([ITSELF[name]] * len(rows), MEMBERS.field(name).type)
            if measured is None
            else measured.column(name)
            for name in MEMBERS.names[3:]
        ]
        parts.append(pa.table([*named, *how], names=MEMBERS.names).cast(MEMBERS))
    return pa.concat_tables(parts).sort_by("content_id")
