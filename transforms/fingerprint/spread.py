"""Which partition of the plan an object belongs to: that of its size, or where too many share a size, of its ETag too.

Equal bytes have equal sizes, so a partition by size holds every copy of what is in it. But all scans of one scanner may
have one size. Objects of such a size are spread by their ETags: copies that were uploaded alike, or linked, share them.
A copy with another ETag is then read by itself: its content is the same, only the read isn't spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

SIZES = pa.schema([pa.field("size", pa.int64()), pa.field("objects", pa.int64())])
RARE = 8
"""Objects of one size in one block below which the size isn't counted: what is sent stays far below the rows."""

SPREAD = pa.field("spread", pa.string(), nullable=False)


def count_sizes(block: pa.Table) -> pa.Table:
    """Count the objects of each size that is frequent in a block: rows of SIZES."""
    counts = pc.value_counts(block.column("size"))
    table = pa.table([counts.field("values"), counts.field("counts")], schema=SIZES)
    return table.filter(pc.greater_equal(table.column("objects"), RARE))


def common_sizes(counts: pa.Table, limit: int) -> list[int]:
    """Give the sizes that more than `limit` objects share."""
    totals = counts.group_by("size").aggregate([("objects", "sum")])
    return sorted(totals.filter(pc.greater(totals.column("objects_sum"), limit)).column("size").to_pylist())


def add_spread(rows: pa.Table, common: Iterable[Sequence[int]]) -> pa.Table:
    """Add the column `spread`: the ETag of objects of a common size, empty for others; URIs stand in for no ETag.

    Args:
      rows: with columns uri, etag and size.
      common: what `common_sizes` gave, at most once.
    """
    sizes = pa.array([size for found in common for size in found], pa.int64())
    etags = pc.if_else(pc.equal(pc.fill_null(rows.column("etag"), ""), ""), rows.column("uri"), rows.column("etag"))
    chosen = pc.is_in(rows.column("size"), value_set=sizes)
    return rows.append_column(SPREAD, pc.if_else(chosen, etags, ""))
