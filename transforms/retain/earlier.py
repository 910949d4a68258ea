"""What the run before says of objects: named by a plan that isn't carried out, or changed behind the store's back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.decisions import DECISIONS

COLUMNS = ("uri", "version", "etag", "size", "content_id", "action", "earlier")
EARLIER = pa.schema([DECISIONS.schema.field(name) for name in COLUMNS])
"""The run before's decisions, as they are compared."""

COLUMN = pa.field("earlier", pa.string())


def without_earlier(objects: pa.Table) -> pa.Table:
    """Give objects the same column where there was no run before."""
    return objects.append_column(COLUMN, pa.nulls(objects.num_rows, pa.string()))


def join_earlier(objects: pa.Table, before: pa.Table, *, withdrawn: bool = False) -> pa.Table:
    """Say of objects what the run before makes of them, in the column `earlier`.

    `planned`: that run's plan, or one before it, sends these very bytes away, and they are still there. `rotted`: the
    store lists the object as it was, and its bytes are others.

    Args:
      before: rows of EARLIER about objects of the same URIs.
      withdrawn: that run's plan was taken back (`export --what restore`).
    """
    place = pc.index_in(_keys(objects), value_set=_keys(before))
    found = before.combine_chunks().take(place)
    same_bytes = _equal(objects, found, "content_id")
    named = pc.or_(pc.equal(found.column("action"), "quarantine"), _was(found, "planned"))
    planned = pc.and_(pc.fill_null(named, False), same_bytes)
    both = pc.and_(pc.is_valid(objects.column("content_id")), pc.is_valid(found.column("content_id")))
    unmoved = pc.and_(_equal(objects, found, "etag"), _equal(objects, found, "size"))
    changed = pc.and_(pc.and_(both, pc.invert(same_bytes)), unmoved)
    rotted = pc.or_(changed, pc.and_(_was(found, "rotted"), same_bytes))
    nothing = pa.scalar(None, pa.string())
    said = pc.if_else(pc.and_(planned, pa.scalar(not withdrawn)), pa.scalar("planned"), nothing)
    return objects.append_column(COLUMN, pc.if_else(rotted, pa.scalar("rotted"), said))


def _was(rows: pa.Table, word: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(rows.column("earlier"), word), False)


def _equal(rows: pa.Table, found: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(rows.column(name), found.column(name)), False)


def _keys(rows: pa.Table) -> pa.Array:
    parts = [pc.replace_substring(rows.column(name), "\0", "\0\1") for name in ("uri", "version")]
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
