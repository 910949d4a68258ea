"""Which of an earlier run's families still stand, although nothing in their components was searched anew.

A family is a function of its contents; its stars hang on the keep order as well, which changes with the objects that
hold the contents (one is deleted, another is placed under hold) and with the masters that sit. Where a family has one
star and its master is still the best of all, the star comes out as it was, because the master would claim every member
again. Everything else is resolved again: that is always right, and rarely much.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.cluster.resolve import MEMBERS

COMPONENT = pa.field("component", pa.uint64())
EARLIER = MEMBERS.append(COMPONENT)
PREFERRED = pa.schema([("content_id", pa.string()), ("priority", pa.binary()), COMPONENT])
AGAIN = pa.schema([COMPONENT])
"""A component whose stars have to be found again."""


def earlier_members(clusters: pa.Table) -> pa.Table:
    """Give the distinct rows of MEMBERS in a block of an earlier run's `clusters`."""
    rows = clusters.select(MEMBERS.names).cast(MEMBERS)
    ordered = ipc.sort_rows(rows, ("content_id",)).combine_chunks()
    return ipc.distinct_rows(ordered, ("content_id",))


def standing(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Sort the components of one partition into those that stand and those to resolve again.

    Args:
      blocks: "members", rows of EARLIER; "preferred", rows of PREFERRED: the best object of each content.

    Yields:
      Rows of MEMBERS of the families that stand, and rows of AGAIN.
    """
    members = ipc.distinct_rows(ipc.sort_rows(blocks["members"], ("content_id",)).combine_chunks(), ("content_id",))
    if not members.num_rows:
        return
    preferred = blocks["preferred"]
    place = pc.index_in(members.column("content_id"), value_set=preferred.column("content_id").combine_chunks())
    members = members.append_column("priority", preferred.column("priority").take(place))
    # A content with identical copies and no twin beside them has a row in `clusters`, and is no family.
    members = members.filter(pa.array(_sizes(members.column("family_id")) > 1))
    stands = _stands(members)
    components = members.column("component").to_numpy()
    again = np.unique(components[~stands])
    if len(again):
        yield pa.table({"component": again}, schema=AGAIN)
    kept = members.filter(pa.array(~np.isin(components, again)))
    if kept.num_rows:
        yield kept.select(MEMBERS.names).cast(MEMBERS)


def _stands(members: pa.Table) -> np.ndarray:
    """Tell for each member whether its family has one star whose master is still the best."""
    if not members.num_rows:
        return np.zeros(0, bool)
    families = pc.dictionary_encode(members.column("family_id")).combine_chunks().indices.to_numpy()
    is_master = pc.equal(members.column("content_id"), members.column("cluster_id")).to_numpy()
    order = pc.sort_indices(
        members.append_column("_family", pa.array(families)),
        sort_keys=[("_family", "ascending"), ("priority", "ascending"), ("content_id", "ascending")],
    ).to_numpy()
    first = np.ones(len(order), bool)
    first[1:] = families[order[1:]] != families[order[:-1]]
    best = np.zeros(len(order), bool)
    best[order[first]] = True
    stars = np.bincount(families, weights=is_master)
    led = np.bincount(families, weights=is_master & best)
    unknown = np.bincount(families, weights=members.column("priority").is_null().to_numpy())
    return ((stars == 1) & (led == 1) & (unknown == 0))[families]


def _sizes(families: pa.ChunkedArray) -> np.ndarray:
    codes = pc.dictionary_encode(families).combine_chunks().indices.to_numpy()
    return np.bincount(codes)[codes] if len(codes) else codes
