"""What became of cluster ids: a cluster is named by its master's content, so an old name is a content to look for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.aliases import ALIASES

NAMES = pa.schema([("content_id", pa.string()), ("old_id", pa.string()), ("master", pa.bool_())])
"""A content that belonged to a cluster of an earlier run, and whether it gave the cluster its name."""
PLACES = pa.schema([("content_id", pa.string()), ("cluster_id", pa.string())])
"""A content of this run and its cluster; null without a twin."""
VOTES = pa.schema([("old_id", pa.string()), ("cluster_id", pa.string()), ("master", pa.bool_()), ("there", pa.bool_())])
"""Where a content of an old cluster lies now."""


def names_of_clusters(clusters: pa.Table) -> pa.Table:
    """Give NAMES for the previous run's `clusters`."""
    rows = clusters.select(["content_id", "cluster_id"]).group_by(["content_id", "cluster_id"]).aggregate([])
    master = pc.equal(rows.column("content_id"), rows.column("cluster_id"))
    return pa.table([rows.column("content_id"), rows.column("cluster_id"), master], schema=NAMES)


def names_of_aliases(aliases: pa.Table) -> pa.Table:
    """Give NAMES for the previous run's `aliases`: the old master first, then the cluster it was led to."""
    led = aliases.filter(pc.is_valid(aliases.column("cluster_id")))
    ids = pa.concat_arrays([*aliases.column("old_id").chunks, *led.column("cluster_id").chunks])
    old = pa.concat_arrays([*aliases.column("old_id").chunks, *led.column("old_id").chunks])
    master = pa.array([True] * aliases.num_rows + [False] * led.num_rows, pa.bool_())
    return pa.table([ids, old, master], schema=NAMES)


def vote(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Say where the contents of old clusters lie now, for one partition of contents.

    Args:
      blocks: "names", rows of NAMES; "clusters", rows of PLACES of this run; "contents", column content_id.
    """
    names, clusters = blocks["names"], blocks["clusters"]
    place = pc.index_in(names.column("content_id"), value_set=clusters.column("content_id").combine_chunks())
    there = pc.is_in(names.column("content_id"), value_set=blocks["contents"].column("content_id"))
    columns = [names.column("old_id"), clusters.column("cluster_id").take(place), names.column("master"), there]
    if names.num_rows:
        yield pa.table(columns, schema=VOTES)


def settle(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Give the rows of `aliases` for one partition of old ids.

    Args:
      blocks: "votes", rows of VOTES; "current", column old_id with this run's cluster ids.
    """
    current = pc.unique(blocks["current"].column("old_id"))
    lost = blocks["votes"].filter(pc.invert(pc.is_in(blocks["votes"].column("old_id"), value_set=current)))
    by_id: dict[str, list[dict]] = {}
    for row in lost.to_pylist():
        by_id.setdefault(row["old_id"], []).append(row)
    rows = [{"old_id": old_id, **_successor(votes)} for old_id, votes in sorted(by_id.items())]
    if rows:
        yield pa.Table.from_pylist(rows, schema=ALIASES.schema)


def _successor(votes: list[dict]) -> dict:
    master = [row for row in votes if row["master"]]
    for row in master:
        if row["cluster_id"] is not None:
            return {"cluster_id": row["cluster_id"], "reason": "moved"}
    if any(row["there"] for row in master):
        return {"cluster_id": None, "reason": "apart"}
    counts = Counter(row["cluster_id"] for row in votes if row["cluster_id"] is not None)
    if not counts:
        return {"cluster_id": None, "reason": "gone"}
    return {"cluster_id": min(counts, key=lambda name: (-counts[name], name)), "reason": "members"}
