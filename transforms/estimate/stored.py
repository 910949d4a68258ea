"""What a listing says of the bill: everything that lies there, by place, and of it what exact copies would free."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.estimate.census import PLACE, Listed
from mirrorfold.transforms.estimate.savings import TALLY, Tally, at_least, billed, total

STORED_COLUMNS = (*PLACE, "size", "physical_id", "is_latest", "is_delete_marker")
"""The columns of `objects` that are read."""


def stored(blocks: Iterable[pa.Table], tally: Tally) -> pa.Table:
    """Tally a listing's blocks as if all of it were kept: archived objects and older versions are billed too.

    Args:
      blocks: of `objects`, each physical copy once; at least STORED_COLUMNS.
      tally: what classes bill beyond the bytes.
    """
    return total(pa.concat_tables([TALLY.empty_table(), *(_stored(block, tally) for block in blocks)]))


def _stored(block: pa.Table, tally: Tally) -> pa.Table:
    size, moves = block["size"], pc.and_(block["is_latest"], pc.invert(block["is_delete_marker"]))
    moved = pc.if_else(moves, size, 0)
    given = {
        **{name: block[name] for name in PLACE},
        "bucket": pc.if_else(pc.equal(block["store"], "file"), "", block["bucket"]),
        "tier": pa.repeat("none", block.num_rows),
        "action": pa.repeat("keep", block.num_rows),
        "objects": pa.repeat(1, block.num_rows),
        "bytes": size,
        "bytes_billed_today": billed(block["store"], block["storage_class"], size, tally.rules),
        "bytes_billed_moved": at_least(moved, tally.there),
        "bytes_moved": moved,
        "objects_moved": moves,
    }
    nothing = pa.repeat(0, block.num_rows)
    return total(pa.table({name: given.get(name, nothing) for name in TALLY.names}).cast(TALLY))


SPLIT = ("objects", "bytes", "bytes_billed_today", "bytes_billed_moved", "bytes_moved", "objects_moved")


def freed(everything: pa.Table, listed: Listed, sizes: np.ndarray) -> pa.Table:
    """Split what is stored into what exact copies free and what stays, at the mean size of each place.

    Args:
      everything: as `stored` gives it.
      listed: the census of what would be read.
      sizes: of shape (places,), bytes that exact copies free.
    """
    counts = np.bincount(listed.place, minlength=len(listed.places)).tolist()
    volumes = np.bincount(listed.place, weights=listed.size, minlength=len(listed.places)).tolist()
    gone: dict[tuple, tuple[int, int]] = {}
    for (library, store, bucket, cls), size, count, volume in zip(
        listed.places, sizes.tolist(), counts, volumes, strict=True
    ):
        place = (library, store, "" if store == "file" else bucket, cls)  # as `savings` names it
        before = gone.get(place, (0, 0))
        gone[place] = (before[0] + round(size), before[1] + round(size * count / volume)) if volume else before
    rows = []
    for row in everything.to_pylist():
        size, objects = gone.get(tuple(row[name] for name in PLACE), (0, 0))
        # What is freed bills above its size as much as its place does.
        share = size / row["bytes"] if row["bytes"] else 0.0
        goes = {"objects": objects, "bytes": size, "objects_moved": objects, "bytes_moved": size}
        goes |= {name: round(row[name] * share) for name in ("bytes_billed_today", "bytes_billed_moved")}
        rows.append({**row, **{name: row[name] - goes[name] for name in SPLIT}})
        if size:
            zero = dict.fromkeys(("bytes_moved", "objects_moved", "bytes_billed_moved"), 0)
            sums = {"bytes_freed": size, "objects_freed": objects, "bytes_billed": goes["bytes_billed_today"]}
            rows.append({**row, **goes, **zero, **sums, "tier": "identical", "action": "quarantine"})
    return total(pa.Table.from_pylist(rows, schema=TALLY))
