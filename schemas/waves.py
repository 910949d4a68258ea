"""`waves`: the parts in which a plan is handed out, one after the other.

One row for each row that the plan quarantines. Written by `mirrorfold export --wave`, never by a run.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

WAVES = Table(
    name="waves",
    version=1,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("wave", pa.int32(), "the wave that it goes in, from 1; the first is the canary", nullable=False),
            column("named", pa.string(), "what the wave is of: canary, a library, a prefix, ...", nullable=False),
            column(
                "together",
                pa.string(),
                "URI of the first of those that belong together: a cluster's, a package's, a picture's companions",
                nullable=False,
            ),
            column("size", pa.int64(), "bytes", nullable=False),
            column("refused", pa.string(), "why no list of its wave has it; null: one has, or the wave is to come"),
            column("plan", pa.string(), "SHA-256 of the decisions that are handed out", nullable=False),
        ]
    ),
)
