"""`components`: which contents the candidate search linked; the state that the next audit's matching starts from.

A function of the set of contents and of the search's radius alone, never of the way there: a full run and any number of
audits write the same rows. Nodes are contents by the first 58 bits of their SHA-256, as the search knows them. A
component holds every candidate pair of its contents, confirmed or not; one content by itself has no row.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

COMPONENTS = Table(
    name="components",
    version=1,
    order=("node",),
    shard_key=("node",),
    schema=pa.schema(
        [
            column(
                "node",
                pa.uint64(),
                "a content: the first 58 bits of its content_id",
                nullable=False,
            ),
            column("component", pa.uint64(), "the smallest node that candidate pairs link it with", nullable=False),
        ]
    ),
    rows_per_shard=2_000_000,
)
