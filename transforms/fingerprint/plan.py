"""What is read and what isn't: skipped objects, shared listing evidence, and shards that follow the data."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.fingerprint.known import KNOWN_FIELDS, attach
from mirrorfold.transforms.fingerprint.names import Guess, guess
from mirrorfold.transforms.fingerprint.options import FingerprintOptions

NEEDED = (
    "uri", "library", "store", "bucket", "key", "version", "size", "etag", "content_type", "md5", "sha256",
    "checksum_algorithm", "physical_id", "is_latest", "is_delete_marker", "archived", "passing",
)  # fmt: skip
"""Columns of `objects` that the plan is made from."""

NEEDED_SCHEMA = pa.schema([OBJECTS.schema.field(name) for name in NEEDED])

PLAN = pa.schema(
    [
        *(
            OBJECTS.schema.field(name)
            for name in ("uri", "library", "store", "bucket", "key", "version", "etag", "size")
        ),
        *(OBJECTS.schema.field(name) for name in ("md5", "sha256", "physical_id")),
        pa.field("look_up", pa.bool_(), nullable=False, metadata={"doc": "ask the store for its SHA-256 first"}),
        pa.field(
            "sniff", pa.bool_(), nullable=False, metadata={"doc": "read the first bytes before all: name unknown"}
        ),
        *KNOWN_FIELDS,
    ]
)
"""A row is an object that is to be settled; a shard of the plan is one block."""

SNIFF_SIZE = 1 << 20
"""Objects of unknown name from this size on have their first bytes read before the whole."""

_MESSAGES = {
    "delete-marker": "a delete marker: it has no bytes",
    "noncurrent": "an older version; older versions are left unread",
    "empty": "it has no bytes",
    "archived": "in an archive class or tier: restore it first",
    "not-an-image": "its name or content type says that it isn't an image",
    "link": "a link that leads out of its source, which isn't followed",
    "vanished": "a list names it, and it isn't there",
}


def skip_reasons(objects: pa.Table, read_noncurrent: bool) -> list[str | None]:
    """Give each object's code of why it isn't read, or None where it is to be read."""
    rows = objects.select(["key", "content_type", "size", "is_latest", "is_delete_marker", "archived", "passing"])
    columns = [*(c.to_pylist() for c in rows.columns), _absent(objects)]
    return [_reason(read_noncurrent, *row) for row in zip(*columns, strict=True)]


def _absent(objects: pa.Table) -> list[bool]:
    """Tell which objects a list names that its look-up didn't find (listing/uri_list.py)."""
    if "extra" not in objects.column_names or objects.column("extra").null_count == objects.num_rows:
        return [False] * objects.num_rows
    said = pc.map_lookup(objects.column("extra"), pa.scalar("look-up"), "first")
    return pc.fill_null(pc.equal(said, "vanished"), False).to_pylist()


def _reason(
    read_noncurrent: bool, key: str, content_type: str | None, size: int, latest: bool, marker: bool, archived: bool,
    passing: str | None, absent: bool,
) -> str | None:  # fmt: skip
    if absent:
        return "vanished"
    if marker:
        return "delete-marker"
    if not latest and not read_noncurrent:
        return "noncurrent"
    if passing == "link-out":
        return "link"
    if size == 0:
        return "empty"
    if guess(key, content_type) is Guess.OTHER:
        return "not-an-image"
    return "archived" if archived else None


def skipped(objects: pa.Table, options: FingerprintOptions) -> pa.Table:
    """Give the failure rows of the objects that aren't read on purpose, and of those that aren't there."""
    reasons = pa.array(skip_reasons(objects, options.read_noncurrent), pa.string())
    chosen = pc.is_valid(reasons)
    rows, codes = objects.filter(chosen), reasons.filter(chosen)
    messages = pa.array([_MESSAGES[code] for code in codes.to_pylist()], pa.string())
    columns = {
        **{name: rows.column(name) for name in ("uri", "version", "library")},
        "stage": pc.if_else(pc.equal(codes, "vanished"), "fetch", "skipped"),
        "error": codes,
        "message": messages,
        "sha256": pa.nulls(rows.num_rows, pa.string()),
    }
    return pa.table([columns[name] for name in FAILURES.schema.names], schema=FAILURES.schema)


def readable(objects: pa.Table, options: FingerprintOptions) -> pa.Table:
    """Give the objects that are to be settled, with the columns the plan needs."""
    reasons = pa.array(skip_reasons(objects, options.read_noncurrent), pa.string())
    return objects.select(NEEDED).filter(pc.is_null(reasons))


def cut_shards(
    objects: pa.Table, options: FingerprintOptions, per_shard: int, known: pa.Table | None = None
) -> Iterator[pa.Table]:
    """Cut readable objects into shards of the plan, in an order that follows the data alone.

    All objects of one size must be among `objects`, or where too many share it those of one size and ETag: equals lie
    side by side.

    Args:
      known: what an earlier run knows of objects of these sizes, rows of known.KNOWN.
    """
    rows = _plan_rows(objects, known)
    start = reads = total = 0
    previous: tuple | None = None
    evidence = [rows.column(name).to_pylist() for name in ("size", "sha256", "physical_id", "md5")]
    for index, (size, sha256, physical, md5) in enumerate(zip(*evidence, strict=True)):
        proof = sha256 or physical or (md5 if options.accept_md5 else None)
        group = (size, proof) if proof else None
        if group is not None and group == previous:
            continue
        previous = group
        if reads and (reads >= per_shard or total + size > options.shard_bytes):
            yield rows.slice(start, index - start).combine_chunks()
            start, reads, total = index, 0, 0
        reads, total = reads + 1, total + size
    if start < rows.num_rows:
        yield rows.slice(start).combine_chunks()


def objects_per_shard(objects: int, options: FingerprintOptions) -> int:
    """Choose a shard's size from the listing's: small listings still make several shards, so that no core idles."""
    return max(1, min(options.shard_objects, max(64, -(-objects // 16))))


def _plan_rows(objects: pa.Table, known: pa.Table | None) -> pa.Table:
    ordered = ipc.sort_rows(objects, ("size", "sha256", "physical_id", "md5", "uri", "version")).combine_chunks()
    sizes = ordered.column("size").combine_chunks()
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(sizes).to_pylist()}
    shared = pa.array([counts[size] > 1 for size in sizes.to_pylist()], pa.bool_())
    stated = pc.fill_null(pc.match_substring(ordered.column("checksum_algorithm"), "SHA256/FULL_OBJECT"), False)
    unknown = [
        guess(key, kind) is Guess.UNKNOWN and size >= SNIFF_SIZE
        for key, kind, size in zip(
            *(ordered.column(name).to_pylist() for name in ("key", "content_type", "size")), strict=True
        )
    ]
    look_up = pc.and_(pc.and_(shared, stated), pc.is_null(ordered.column("sha256")))
    columns = {
        **{name: ordered.column(name) for name in PLAN.names[:11]},
        "look_up": look_up,
        "sniff": pa.array(unknown, pa.bool_()),
        **dict(zip((field.name for field in KNOWN_FIELDS), attach(ordered, known), strict=True)),
    }
    return pa.table([columns[name] for name in PLAN.names], schema=PLAN)
