"""`edges`: pairs of contents that the search found and verification didn't dismiss; where the next audit starts from.

A function of the set of contents and of the search's settings alone, never of the way there: a full run and any number
of audits write the same rows. An edge that joins holds a family together; the others nearly did. Families are the
connected components of the edges that join; `pairs` names those of them that people look at.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.schemas.table import Table, column

_OF_THE_LISTING = ("in_cluster", "reason")

EDGES = Table(
    name="edges",
    version=2,
    order=("content_a", "content_b"),
    shard_key=("content_a", "content_b"),
    schema=pa.schema(
        [
            *(field for field in PAIRS.schema if field.name not in _OF_THE_LISTING),
            column("joins", pa.bool_(), "whether it may hold a family together, else a near miss", nullable=False),
        ]
    ),
)
