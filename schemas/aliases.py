"""`aliases`: what became of the cluster ids of earlier runs; a run without `--previous` has none."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

ALIAS_REASONS = {
    "moved": "the old master's content lies in that cluster now",
    "members": "the old master's content is gone; most of the cluster's other contents lie in that cluster now",
    "apart": "the old master's content is there and has no twin any more",
    "gone": "none of the cluster's contents is there any more, or none has a twin",
}

ALIASES = Table(
    name="aliases",
    version=1,
    order=("old_id",),
    shard_key=("old_id",),
    schema=pa.schema(
        [
            column("old_id", pa.string(), "a cluster_id of an earlier run that is none any more", nullable=False),
            column("cluster_id", pa.string(), "the cluster of this run in its place; null where there is none"),
            column("reason", pa.string(), "moved, members, apart or gone", nullable=False),
        ]
    ),
)
