"""What an earlier run knows of objects that haven't changed since: they are not read again.

An object is unchanged when its URI, version, ETag and size are. What was read then counts as read; what only the
store's SHA-256 had shown counts as a look-up that needn't be made again. Everything else, MD5 above all, is found out
anew, so that the tables come out as a full run's would.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.contents import CONTENTS, IMAGEHASHES
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc

SAME = ("uri", "version", "etag", "size")
OBJECT_COLUMNS = (*SAME, "content_id", "identity_evidence")
OBJECT_ROWS = pa.schema([OBJECTS.schema.field(name) for name in OBJECT_COLUMNS])
FAILURE_COLUMNS = ("uri", "version", "stage", "error", "message", "sha256")
FAILURE_ROWS = pa.schema([FAILURES.schema.field(name) for name in FAILURE_COLUMNS])

KNOWN_FIELDS = (
    pa.field("known", pa.string(), metadata={"doc": "content_id that an earlier run proved for the unchanged object"}),
    pa.field("was_read", pa.bool_(), nullable=False, metadata={"doc": "the earlier run had read the object itself"}),
    pa.field("known_stage", pa.string(), metadata={"doc": "stage of an earlier failure that would only repeat"}),
    pa.field("known_error", pa.string(), metadata={"doc": "its code"}),
    pa.field("known_message", pa.string(), metadata={"doc": "its message"}),
    pa.field("known_sha256", pa.string(), metadata={"doc": "SHA-256 of the bytes that it is about"}),
    pa.field("again", pa.bool_(), nullable=False, metadata={"doc": "its content is known, and is read once more"}),
)
KNOWN = pa.schema([*(OBJECTS.schema.field(name) for name in SAME), *KNOWN_FIELDS])
"""An object of an earlier run, with what needn't be found out again."""

REPEATING = frozenset({"truncated", "corrupt", "unverified", "unsupported", "not-an-image"})
"""Failures that the same code meets again on the same bytes; budgets, crashes and stores get another chance."""

EVIDENCE = ("read", "previous", "sha256")

Mask = Callable[[pa.Table], pa.Array]
"""Says of each row of a block of objects whether it applies."""


def known_contents(objects: pa.Table, again: Mask | None = None) -> pa.Table:
    """Give the rows of KNOWN for an earlier run's `objects` whose content was proved.

    Args:
      again: tells which are read once more: of these only that is said.
    """
    evidence = objects.column("identity_evidence")
    proved = objects.filter(pc.fill_null(pc.is_in(evidence, value_set=pa.array(EVIDENCE)), False))
    read = _mask(proved, again)
    content = pc.if_else(read, pa.scalar(None, pa.string()), proved.column("content_id"))
    was_read = pc.and_not(pc.not_equal(proved.column("identity_evidence"), "sha256"), read)
    nothing = pa.nulls(proved.num_rows, pa.string())
    columns = [*(proved.column(name) for name in SAME), content, was_read, *[nothing] * 4, read]
    return pa.table(columns, schema=KNOWN)


def unread_objects(objects: pa.Table, again: Mask | None = None) -> pa.Table:
    """Give an earlier run's objects without a content, whose `failures` needn't be found again."""
    return objects.filter(pc.and_not(pc.is_null(objects.column("content_id")), _mask(objects, again)))


def _mask(objects: pa.Table, again: Mask | None) -> pa.Array:
    return again(objects) if again else pa.array(np.zeros(objects.num_rows, bool))


def known_failures(objects: pa.Table, failures: pa.Table) -> pa.Table:
    """Give the rows of KNOWN for unread objects whose failure would only repeat."""
    repeats = pc.is_in(failures.column("error"), value_set=pa.array(sorted(REPEATING)))
    failures = failures.filter(repeats)
    place = pc.index_in(_keys(objects, SAME[:2]), value_set=_keys(failures, SAME[:2]))
    there = pc.is_valid(place)
    rows, found = objects.filter(there), failures.take(place.filter(there))
    no = pa.array(np.zeros(rows.num_rows, bool))
    columns = [
        *(rows.column(name) for name in SAME),
        pa.nulls(rows.num_rows, pa.string()),
        no,
        *(found.column(name) for name in FAILURE_COLUMNS[2:]),
        no,
    ]
    return pa.table(columns, schema=KNOWN)


def attach(rows: pa.Table, known: pa.Table | None) -> list[pa.Array | pa.ChunkedArray]:
    """Give the columns of KNOWN_FIELDS for rows that hold SAME: null and False where nothing is known."""
    if known is None or not known.num_rows:
        empty, no = pa.nulls(rows.num_rows, pa.string()), pa.array(np.zeros(rows.num_rows, bool))
        return [no if pa.types.is_boolean(field.type) else empty for field in KNOWN_FIELDS]
    place = pc.index_in(_keys(rows, SAME), value_set=_keys(known, SAME))
    found = known.combine_chunks().take(place)
    columns = [found.column(field.name) for field in KNOWN_FIELDS]
    return [pc.fill_null(column, False) if pa.types.is_boolean(column.type) else column for column in columns]


def carried_contents(contents: pa.Table, wanted: pa.Table, earlier: pa.Table) -> pa.Table:
    """Give the rows of `contents`: those made now, and of the earlier run's those that objects still hold.

    Args:
      contents: rows made now; may repeat.
      wanted: column content_id of every object's assignment.
      earlier: the earlier run's rows.
    """
    ids = pc.unique(wanted.column("content_id"))
    kept = earlier.filter(pc.is_in(earlier.column("content_id"), value_set=ids))
    rows = ipc.concatenate([contents, kept.cast(contents.schema)], contents.schema)
    return ipc.distinct_rows(ipc.sort_rows(rows, ("content_id",)), ("content_id",))


def as_asked(earlier: pa.Table, imagehash: tuple[str, ...]) -> pa.Table:
    """Give an earlier run's `contents` today's columns, and of imagehash's those alone that are asked for now."""
    rows = ipc.conform(earlier, CONTENTS.schema)
    for name in (f"imagehash_{name}" for name in IMAGEHASHES if name not in imagehash):
        nothing = pa.nulls(rows.num_rows, pa.uint64())
        rows = rows.set_column(rows.schema.get_field_index(name), CONTENTS.schema.field(name), nothing)
    return rows


def _keys(rows: pa.Table, names: tuple[str, ...]) -> pa.Array:
    parts = [pc.replace_substring(rows.column(name).cast(pa.string()), "\0", "\0\1") for name in names]
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
