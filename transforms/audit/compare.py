"""Objects of this run against the previous run's plan."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import XMP
from mirrorfold.schemas.changes import CHANGES
from mirrorfold.schemas.decisions import DECISIONS

DECISION_COLUMNS = (
    "uri",
    "version",
    "etag",
    "size",
    "library",
    "content_id",
    "action",
    "bytes_freed",
    "kept_uri",
    "kept_version",
    "read_sha256",
)
DECIDED = pa.schema([DECISIONS.schema.field(name) for name in DECISION_COLUMNS])
SAID_COLUMNS = ("uri", "version", "companions", "beside", "stated")
SAID = pa.schema([pa.field(name, pa.string()) for name in ("uri", "version", "said")])
NOTHING = "[]"
KEPT = pa.schema([pa.field("uri", pa.string()), pa.field("version", pa.string())])


def kept_copies(decisions: pa.Table) -> pa.Table:
    """Name the kept copies that quarantined rows rely on, once for each of these."""
    planned = decisions.filter(pc.equal(decisions.column("action"), "quarantine"))
    return pa.table([planned.column("kept_uri"), planned.column("kept_version")], schema=KEPT)


def said_of(objects: pa.Table) -> pa.Table:
    """Give what is stated beside pictures, as one text: rows of SAID; null where a run didn't look for sidecars yet."""
    rows = objects.filter(pc.is_valid(objects.column("companions")))
    texts = []
    for companions, beside, stated in zip(*(rows.column(n).to_pylist() for n in SAID_COLUMNS[2:]), strict=True):
        unseen = beside is None and any(uri.lower().endswith(XMP) for uri in companions)
        texts.append(None if unseen else json.dumps(sorted(stated or ())))
    return pa.table([rows.column("uri"), rows.column("version"), pa.array(texts, pa.string())], schema=SAID)


def _restated(before: pa.Table, after: pa.Table) -> pa.Array:
    """Name the objects beside which something else is stated now; an object without a row has nothing beside it."""
    texts = [
        dict(zip(_keys(rows).to_pylist(), rows.column("said").to_pylist(), strict=True)) for rows in (before, after)
    ]
    names = sorted({*texts[0], *texts[1]})
    said = [(name, texts[0].get(name, NOTHING), texts[1].get(name, NOTHING)) for name in names]
    return pa.array([name for name, was, now in said if None not in (was, now) and was != now], pa.string())


def compare(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Give the rows of `changes` for one partition of URIs.

    Args:
      blocks: "before" and "after", rows of DECIDED; "relied", rows of `kept_copies` of the previous run; "said_before"
        and "said_after", rows of `said_of`.
    """
    before, after = blocks["before"], blocks["after"]
    place = pc.index_in(_keys(before), value_set=_keys(after))
    there = pc.is_valid(place)
    found = after.take(place)
    same = pc.and_(
        pc.equal(before.column("etag"), found.column("etag")), pc.equal(before.column("size"), found.column("size"))
    )
    same = pc.fill_null(same, False)
    restated = pc.is_in(_keys(before), value_set=_restated(blocks["said_before"], blocks["said_after"]))
    # What wasn't read keeps the digest that it had, so that neither a store nor a decoder that fails is rot.
    then, now = _sha256(before), _sha256(found)
    other = pc.fill_null(pc.not_equal(then, now), False)
    rotted, same = pc.and_(same, other), pc.and_not(same, other)
    planned = pc.equal(before.column("action"), "quarantine")
    listed = pc.is_in(before.column("uri"), value_set=pc.unique(after.column("uri")))
    freed = pc.if_else(planned, before.column("bytes_freed"), 0)
    gone = before.append_column("change", pc.if_else(listed, "replaced", "vanished")).append_column("freed", freed)
    gone = gone.filter(pc.invert(there))
    waits = (
        before.append_column("now", found.column("action")).append_column("freed", freed).filter(pc.and_(same, planned))
    )
    restated = pc.and_not(pc.and_(same, restated), planned)
    changed = pc.and_not(pc.and_(there, pc.invert(same)), rotted)
    newcomers = after.filter(pc.is_null(pc.index_in(_keys(after), value_set=_keys(before))))
    parts = [
        _rows(gone, gone.column("change"), before=gone.column("action"), realised=gone.column("freed")),
        _rows(
            found.filter(changed), "changed", before=before.column("action").filter(changed),
            now=found.column("action").filter(changed), duplicate=found.column("bytes_freed").filter(changed),
        ),
        _rows(
            found.filter(rotted), "rotted", before=before.column("action").filter(rotted),
            now=found.column("action").filter(rotted), sha256=(then.filter(rotted), now.filter(rotted)),
        ),
        _rows(
            found.filter(restated), "restated", before=before.column("action").filter(restated),
            now=found.column("action").filter(restated),
        ),
        _rows(waits, "planned", before=waits.column("action"), now=waits.column("now"), waiting=waits.column("freed")),
        _rows(newcomers, "new", now=newcomers.column("action"), duplicate=newcomers.column("bytes_freed")),
    ]  # fmt: skip
    rows = pa.concat_tables(parts)
    if rows.num_rows:
        yield _with_relied(rows, blocks["relied"])


def _sha256(rows: pa.Table) -> pa.ChunkedArray:
    """Give the SHA-256 of each row's bytes as they were last read whole."""
    return pc.coalesce(rows.column("content_id"), rows.column("read_sha256"))


def _rows(
    rows: pa.Table, change, *, before=None, now=None, duplicate=None, realised=None, waiting=None, sha256=None
) -> pa.Table:
    nothing, zero = pa.nulls(rows.num_rows, pa.string()), pa.array([0] * rows.num_rows, pa.int64())
    columns = {
        **{name: rows.column(name) for name in ("uri", "version", "library", "size")},
        "change": pa.array([change] * rows.num_rows, pa.string()) if isinstance(change, str) else change,
        "action_before": nothing if before is None else before,
        "action": nothing if now is None else now,
        "bytes_duplicate": zero if duplicate is None else duplicate,
        "bytes_realised": zero if realised is None else realised,
        "bytes_waiting": zero if waiting is None else waiting,
        "relied_on": zero,
        "sha256_before": nothing if sha256 is None else sha256[0],
        "sha256": nothing if sha256 is None else sha256[1],
    }
    return pa.table([columns[name] for name in CHANGES.schema.names], schema=CHANGES.schema)


def _with_relied(rows: pa.Table, relied: pa.Table) -> pa.Table:
    counts = pc.value_counts(_keys(relied))
    place = pc.index_in(_keys(rows), value_set=counts.field("values"))
    relied_on = pc.fill_null(counts.field("counts").take(place), 0)
    # What waits is still there itself, so that nothing has been lost that was relied on.
    relied_on = pc.if_else(pc.equal(rows.column("change"), "planned"), 0, relied_on)
    index = rows.schema.get_field_index("relied_on")
    return rows.set_column(index, CHANGES.schema.field("relied_on"), relied_on)


def _keys(rows: pa.Table) -> pa.Array:
    parts = [pc.replace_substring(rows.column(name), "\0", "\0\1") for name in ("uri", "version")]
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
