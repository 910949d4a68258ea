"""`confirmations`: pairs of contents that were compared at the full detail of the smaller one, before a plan may act.

Written with the decisions. Which pairs are compared hangs on policy and verdicts, and a store may fail while one is
read; so the table is exempt from the equality of audits. What an earlier run confirmed is carried over.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

CONFIRMATIONS = Table(
    name="confirmations",
    version=2,
    order=("content_a", "content_b"),
    shard_key=("content_a", "content_b"),
    schema=pa.schema(
        [
            column("content_a", pa.string(), "the smaller content_id", nullable=False),
            column("content_b", pa.string(), "the larger content_id", nullable=False),
            column("confirmed", pa.bool_(), "nothing differs by more than a copy does", nullable=False),
            column(
                "kind",
                pa.string(),
                "what differs: retouched, caption, redacted, stamp, another-frame ..., or why nothing was compared; "
                "empty where confirmed",
                nullable=False,
            ),
            column("width", pa.int32(), "pixels compared: the smaller picture's, upright; 0 for none", nullable=False),
            column("height", pa.int32(), "pixels compared", nullable=False),
            column("excess", pa.float32(), "the largest difference; 1 is the most that a copy may show"),
            column("x", pa.int32(), "place of the largest difference, pixels of the smaller picture", nullable=False),
            column("y", pa.int32(), "its upper edge", nullable=False),
            column("w", pa.int32(), "its width", nullable=False),
            column("h", pa.int32(), "its height", nullable=False),
            column("algorithm", pa.string(), "version of the comparison", nullable=False),
            column(
                "damaged_a",
                pa.string(),
                "what the decoder said of damage when it read all of content_a; empty for nothing, null for not read",
            ),
            column("damaged_b", pa.string(), "the same of content_b"),
            column(
                "soft_a",
                pa.bool_(),
                "content_a has less detail than its pixels promise: a blow-up of content_b or of something coarser, "
                "or a blurred copy; null where nothing was compared",
            ),
            column("soft_b", pa.bool_(), "the same of content_b"),
            column(
                "recoded_a",
                pa.bool_(),
                "content_a is pixels of a coarser JPEG, saved again: of content_b, or of one coarser than that",
            ),
            column("recoded_b", pa.bool_(), "the same of content_b"),
        ]
    ),
)
