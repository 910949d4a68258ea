"""From clustered contents to clustered objects: one row per object that has a twin."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.transforms.cluster.resolve import ITSELF, MEMBERS

PRIORITIES = pa.schema(
    [
        ("uri", pa.string()),
        ("version", pa.string()),
        ("library", pa.string()),
        ("content_id", pa.string()),
        ("priority", pa.binary()),
    ]
)
"""A readable object and its place in the keep order; the smallest priority is preferred."""

PREFERRED = pa.schema([("content_id", pa.string()), ("priority", pa.binary())])
"""The priority of a content's best object."""
LAST = b"\xff" * 8
"""The priority of a content of which no object is readable any more."""


def best_of_contents(objects: pa.Table) -> pa.Table:
    """Give (content_id, priority) of each content: that of its best object."""
    ordered = objects.select(["content_id", "priority"]).sort_by(
        [("content_id", "ascending"), ("priority", "ascending")]
    )
    return ordered.filter(pa.array(_first_of_run(ordered.column("content_id"))))


def with_priority(contents: pa.Table, preferred: pa.Table) -> pa.Table:
    """Append the priority of each content."""
    place = pc.index_in(contents.column("content_id"), value_set=preferred.column("content_id").combine_chunks())
    return contents.append_column("priority", pc.fill_null(preferred.column("priority").take(place), LAST))


def _first_of_run(values: pa.ChunkedArray) -> np.ndarray:
    values = values.combine_chunks()
    first = np.ones(len(values), dtype=bool)
    if len(values) > 1:
        first[1:] = pc.not_equal(values.slice(1), values.slice(0, len(values) - 1)).to_numpy(zero_copy_only=False)
    return first


def cluster_objects(members: pa.Table, objects: pa.Table) -> pa.Table:
    """Give the rows of `clusters` for some contents and all of their objects.

    Objects of a content without a family form a cluster by themselves when there are two of them or more.
    """
    objects = objects.sort_by([(name, "ascending") for name in ("content_id", "priority", "uri", "version")])
    ids = objects.column("content_id").combine_chunks()
    place = pc.index_in(ids, value_set=members.column("content_id").combine_chunks())
    alone = pc.is_null(place).to_numpy(zero_copy_only=False)
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(ids).to_pylist()}
    twins = np.array([counts[content] > 1 for content in ids.to_pylist()], dtype=bool)
    keep = ~alone | twins
    first = _first_of_run(pa.chunked_array([ids]))[keep]
    objects, place, alone = objects.filter(pa.array(keep)), place.filter(pa.array(keep)), pa.array(alone[keep])
    ids = objects.column("content_id").combine_chunks()
    found = members.take(place)
    columns = {
        name: pc.if_else(alone, pa.scalar(ITSELF[name], MEMBERS.field(name).type), found.column(name))
        for name in MEMBERS.names[3:]
    }
    for name in ("cluster_id", "family_id"):
        columns[name] = pc.if_else(alone, ids, found.column(name))
    for name in ("uri", "version", "library", "content_id"):
        columns[name] = objects.column(name)
    columns["is_master"] = pc.and_(pa.array(first), pc.equal(columns["cluster_id"], ids))
    return pa.table([columns[name] for name in CLUSTERS.schema.names], schema=CLUSTERS.schema)
