"""`clusters`: one row per object that has at least one twin.

A star can hold a single object: one whose only twins lie nearer to other masters of its family.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.pairs import DISTANCES
from mirrorfold.schemas.table import Table, column

TOO_LARGE = "family-too-large"
"""The kind of a content that no star of its family claimed, because the family is larger than one worker settles."""

CLUSTERS = Table(
    name="clusters",
    version=1,
    order=("cluster_id", "is_master", "content_id", "uri", "version"),
    shard_key=("cluster_id",),
    schema=pa.schema(
        [
            column("cluster_id", pa.string(), "content_id of the cluster's master", nullable=False),
            column("family_id", pa.string(), "smallest content_id of the connected component", nullable=False),
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("library", pa.string(), "its library", nullable=False),
            column("content_id", pa.string(), "its content", nullable=False),
            column(
                "tier",
                pa.string(),
                "how sure it is that it shows the master's picture; identical for the master's own bytes",
                nullable=False,
            ),
            column(
                "kind", pa.string(), "variant of the master, as in pairs; 'copy' for the same bytes", nullable=False
            ),
            column("kind_text", pa.string(), "the same for a person", nullable=False),
            column(
                "is_master",
                pa.bool_(),
                "whether it is the object the cluster is built around; exactly one is",
                nullable=False,
            ),
            *DISTANCES,
        ]
    ),
)
