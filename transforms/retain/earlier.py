"""What the run before says of objects: named by a plan that isn't carried out, or changed behind the store's back.

What counts is the SHA-256 of the bytes as they were last read whole: that of a content, or that `failures` states of a
file that doesn't decode. Bytes that couldn't be read this time are taken to be what they were, while the store lists
them so; a decoder that finds another outcome in the same bytes changes nothing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.transforms.retain.reasons import FIXED, PREMIS

COLUMNS = (
    "uri", "version", "etag", "size", "content_id", "read_sha256", "action", "earlier", "kept_uri", "kept_version",
    "earlier_kept_uri", "earlier_kept_version",
)  # fmt: skip
OUTSIDE = "outside"
"""The `action` of what an earlier plan names where the run before didn't look; its own `restore` leaves that."""
HANDED = "handed-out"
"""The `action` of what a list names that was handed out from this very run, or from a side of a merge."""
DENIED = "denied"
"""Said in `earlier` of a file whose bytes aren't those that its own bag or OCFL object states."""
STOPPED = "kept-copy-rotted"
"""Rule of the last copy that an earlier plan names, where the copy that the plan keeps has rotted."""
KEPT_ALTHOUGH_PLANNED = pa.array(["planned-before", "page-run"])
"""Rules that keep what an earlier plan names; a page of a run may be the last copy of its bytes as well."""
EARLIER = pa.schema([DECISIONS.schema.field(name) for name in COLUMNS])
"""The run before's decisions, as they are compared."""

SAID = ("earlier", "earlier_kept_uri", "earlier_kept_version", "read_sha256")
FAILED = pa.schema([FAILURES.schema.field(name) for name in ("uri", "version", "sha256")])


def without_earlier(objects: pa.Table) -> pa.Table:
    """Give objects the columns SAID where there was no run before."""
    for name in SAID:
        objects = objects.append_column(DECISIONS.schema.field(name), pa.nulls(objects.num_rows, pa.string()))
    return objects


def deny(objects: pa.Table, denied: frozenset[str]) -> pa.Table:
    """Say of the files (URIs) that their own package denies that it does, where the run before says nothing of them."""
    named = pc.is_in(objects.column("uri"), value_set=pa.array(sorted(denied), pa.string()))
    found = pc.and_(pc.and_(named, objects.column("is_latest")), pc.is_null(objects.column("earlier")))
    place = objects.schema.get_field_index("earlier")
    said = pc.if_else(found, pa.scalar(DENIED), objects.column("earlier"))
    return objects.set_column(place, objects.schema.field(place), said)


def join_earlier(
    objects: pa.Table, before: pa.Table, failures: pa.Table | None = None, *, withdrawn: bool = False
) -> pa.Table:
    """Say of objects what the run before makes of them, in the columns SAID.

    `planned`: that run's plan, or one before it, sends these very bytes away, and they are still there;
    `earlier_kept_uri` names the copy because of which it does. `rotted`: the store lists the object as it was, and its
    bytes are others.

    Args:
      before: rows of EARLIER about objects of the same URIs: its decisions, what it remembers (`outside`), and what
        lists name that are in somebody's hands (`handed`).
      failures: rows of FAILED about them.
      withdrawn: that run's plan was taken back (`export --what restore`).
    """
    in_hands = pc.equal(before.column("action"), HANDED)
    read = _read_now(objects, failures)
    now = pc.coalesce(objects.column("content_id"), read)
    found, unmoved, unread, same = _then(objects, before.filter(pc.invert(in_hands)), now)
    handed, _, _, still = _then(objects, before.filter(in_hands), now)
    then = sha256_of(found)
    named = pc.or_(pc.equal(found.column("action"), "quarantine"), _was(found, "planned"))
    named = pc.and_(pc.fill_null(named, False), pa.scalar(not withdrawn))
    outside = pc.fill_null(pc.equal(found.column("action"), OUTSIDE), False)
    listed = pc.and_(pc.is_valid(handed.column("action")), still)
    planned = pc.or_(pc.and_(pc.or_(named, outside), same), listed)
    changed = pc.and_(pc.fill_null(pc.not_equal(now, then), False), unmoved)
    rotted = pc.or_(changed, pc.and_(_was(found, "rotted"), same))
    nothing = pa.scalar(None, pa.string())
    columns = [pc.if_else(rotted, pa.scalar("rotted"), pc.if_else(planned, pa.scalar("planned"), nothing))]
    for name in ("kept_uri", "kept_version"):
        because = pc.coalesce(found.column(name), found.column(f"earlier_{name}"), handed.column(name))
        columns.append(pc.if_else(planned, because, nothing))
    columns.append(pc.coalesce(read, pc.if_else(unread, then, nothing)))
    for name, values in zip(SAID, columns, strict=True):
        objects = objects.append_column(DECISIONS.schema.field(name), values)
    return objects


def _then(objects: pa.Table, before: pa.Table, now: pa.ChunkedArray) -> tuple[pa.Table, pa.Array, pa.Array, pa.Array]:
    """Give what was said of each object; whether it is listed so still, is so but unread, and has the same bytes."""
    found = before.combine_chunks().take(pc.index_in(keys_of(objects), value_set=keys_of(before)))
    unmoved = pc.and_(_equal(objects, found, "etag"), _equal(objects, found, "size"))
    unread = pc.and_(pc.is_null(now), unmoved)
    return found, unmoved, unread, pc.or_(pc.fill_null(pc.equal(now, sha256_of(found)), False), unread)


def sha256_of(decisions: pa.Table) -> pa.ChunkedArray:
    """Give the SHA-256 of each row's bytes as they were last read whole; null where they never were."""
    return pc.coalesce(decisions.column("content_id"), decisions.column("read_sha256"))


def _read_now(objects: pa.Table, failures: pa.Table | None) -> pa.Array:
    """Give the SHA-256 of what was read and is no content."""
    if failures is None or not failures.num_rows:
        return pa.nulls(objects.num_rows, pa.string())
    return failures.combine_chunks().take(pc.index_in(keys_of(objects), value_set=keys_of(failures))).column("sha256")


def rotted_copies(decisions: pa.Table) -> pa.Table:
    """Name the rows whose bytes changed unseen."""
    return decisions.filter(pc.equal(decisions.column("earlier"), "rotted")).select(["uri", "version"])


def stop_relying(decisions: pa.Table, rotted: list[pa.Table]) -> pa.Table:
    """Block the last copies that an earlier plan sends away because of a copy that has rotted since.

    Args:
      rotted: blocks of `rotted_copies` of the whole run.
    """
    lost = pc.unique(keys_of(pa.concat_tables(rotted))) if rotted else pa.array([], pa.string())
    relied = pc.is_in(keys_of(decisions, "earlier_kept_uri", "earlier_kept_version"), value_set=lost)
    kept = pc.is_in(decisions.column("rule"), value_set=KEPT_ALTHOUGH_PLANNED)
    stopped = pc.and_(kept, pc.fill_null(relied, False))
    if not pc.any(stopped).as_py():
        return decisions
    why = pc.binary_join_element_wise(FIXED[STOPPED], pa.scalar(": "), decisions.column("earlier_kept_uri"), "")
    for name, value in (("action", "blocked"), ("rule", STOPPED), ("reason", why), ("premis_event", PREMIS["blocked"])):
        values = pa.scalar(value) if isinstance(value, str) else value
        place = decisions.schema.get_field_index(name)
        changed = pc.if_else(stopped, values, decisions.column(name))
        decisions = decisions.set_column(place, decisions.schema.field(name), changed)
    return decisions


def _was(rows: pa.Table, word: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(rows.column("earlier"), word), False)


def _equal(rows: pa.Table, found: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(rows.column(name), found.column(name)), False)


def keys_of(rows: pa.Table, *names: str) -> pa.Array:
    """Name each row by some columns, its URI and version where none are named, in one string."""
    parts = [pc.replace_substring(rows.column(name), "\0", "\0\1") for name in names or ("uri", "version")]
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
