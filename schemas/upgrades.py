"""How a table of an older schema version becomes one of the next: a pure function of a shard's rows for each step.

A new version of a table comes with its step here, so that an older run's folder can be brought up to date by
`mirrorfold state upgrade`. A step can't move rows between shards; what a column's absence can't say is null.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import WARP


def _objects_with_places(rows: pa.Table) -> pa.Table:
    """Say that nobody has read the lifecycle rules of buckets; folders have none."""
    bucket = pc.not_equal(rows.column("store"), "file")
    unknown = pc.if_else(bucket, pa.scalar("unknown"), pa.scalar(None, pa.string()))
    nothing = pa.nulls(rows.num_rows, pa.string())
    for name, values in (("lifecycle", unknown), ("class_to", nothing), ("passing", nothing)):
        rows = rows.append_column(name, values)
    return rows


def _same(rows: pa.Table) -> pa.Table:
    return rows


def _not_registered(rows: pa.Table) -> pa.Table:
    """Say that nobody kept how the two pictures of a pair lie on each other."""
    place = rows.schema.get_field_index("aspect") + 1
    return rows.add_column(place, "warp", pa.nulls(rows.num_rows, WARP))


def _confirmations_unseen(rows: pa.Table) -> pa.Table:
    """Say that nobody listened to the decoders, or looked for detail."""
    for name in ("damaged_a", "damaged_b"):
        rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    for name in ("soft_a", "soft_b", "recoded_a", "recoded_b"):
        rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.bool_()))
    return rows


UPGRADES: dict[tuple[str, int], Callable[[pa.Table], pa.Table]] = {
    ("objects", 1): _objects_with_places,
    ("confirmations", 1): _confirmations_unseen,
    (
        "contents",
        1,
    ): _same,  # damaged, phash64_on_black, luma_on_black and imagehash_* were added, bit_depth may be null
    ("contents", 2): _same,  # rating was added
    ("objects", 2): _same,  # beside and stated were added
    ("decisions", 1): _same,  # bytes_if_same, earlier, package, companions and counts_as_copy were added
    ("savings", 1): _same,  # bucket, the bill and the move were added: nobody priced them then
    ("decisions", 2): _same,  # earlier_kept_uri, earlier_kept_version and read_sha256 were added
    ("failures", 1): _same,  # sha256 was added
    ("pairs", 1): _not_registered,
    ("edges", 1): _not_registered,
    ("changes", 1): _same,  # sha256_before and sha256 were added
}
"""By table and the version that is left behind."""


def leads_up(table: str, found: int, ours: int) -> bool:
    """Tell whether there is a step for each version between."""
    return found <= ours and all((table, version) in UPGRADES for version in range(found, ours))
