"""What a policy says about each object by itself: scope, place, protection, role. Columns in, columns out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.formats import SHORT, WORDS
from mirrorfold.transforms.blocks.globs import any_match
from mirrorfold.transforms.retain.policy import UNNAMED, Policy

OBJECT_COLUMNS = (
    "uri", "library", "store", "bucket", "key", "version", "size", "etag", "storage_class", "last_modified", "hold",
    "is_latest", "is_delete_marker", "replication_status", "archived", "expires_at", "lifecycle", "class_to", "passing",
    "physical_id", "content_id",
    "identity_evidence", "package", "companions", "stated",
)  # fmt: skip
"""What is needed of `objects`."""

CONTENT_COLUMNS = (
    "content_id", "media_type", "width", "height", "bit_depth", "declared_depth", "lossless", "grey", "jpeg_quality",
    "metadata_fields",
    "capture_time", "creator", "licence", "catalogue_no", "document_id", "instance_id", "original_document_id",
    "derived_from", "rights", "usage_terms", "rights_uri", "data_mining", "caption", "instructions", "credit", "gps",
    "digital_source_type", "c2pa", "parts", "damaged", "mode",
)  # fmt: skip
"""What is needed of `contents`."""


def with_contents(objects: pa.Table, contents: pa.Table) -> pa.Table:
    """Join what is known of their content onto objects; `readable` says whether anything is."""
    ids = contents.column("content_id").combine_chunks()
    index = pc.index_in(objects.column("content_id").combine_chunks(), value_set=ids)
    rows = contents.take(index)
    for name in CONTENT_COLUMNS[1:]:
        objects = objects.append_column(contents.schema.field(name).with_nullable(True), rows.column(name))
    return objects.append_column("readable", pc.and_(pc.is_valid(index), pc.is_valid(objects.column("content_id"))))


def annotate(rows: pa.Table, policy: Policy) -> pa.Table:
    """Add scope, jurisdiction, place, protected, passes, role and role_linked to rows of `with_contents`.

    `passes` says why an object isn't a copy that will still be there, as the name of a rule; null where it is one.
    `role_linked` is the role if the file it says it derives from is in its family, which one row can't know.
    """
    uris = rows.column("uri").combine_chunks()
    scope = np.full(rows.num_rows, -1, dtype=np.int64)
    for number, found in enumerate(policy.scopes):
        inside = np.ones(rows.num_rows, dtype=bool)
        if found.match:
            inside &= _numpy(any_match(uris, found.match))
        if found.libraries:
            inside &= _numpy(pc.is_in(rows.column("library"), value_set=pa.array(found.libraries)))
        scope = np.where((scope < 0) & inside, number, scope)
    index = pa.array(scope, mask=scope < 0)
    protected = any_match(uris, policy.protect) if policy.protect else pa.array(np.zeros(rows.num_rows, dtype=bool))
    columns = {
        "scope": pa.array([s.name for s in policy.scopes], pa.string()).take(index),
        "jurisdiction": pa.array([s.jurisdiction for s in policy.scopes], pa.string()).take(index),
        "place": pc.fill_null(pa.array([s.place for s in policy.scopes], pa.string()).take(index), UNNAMED),
        "protected": protected,
        "passes": _passes(rows, policy),
        "role": _roles(rows, policy, linked=False),
        "role_linked": _roles(rows, policy, linked=True),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


def _passes(rows: pa.Table, policy: Policy) -> pa.ChunkedArray:
    """Name what keeps an object from being a copy that will still be there, the surest sign first."""
    rules = {"link": "link", "link-out": "link", "door": "door", "place": "passing"}
    found = pa.array(rules.values(), pa.string()).take(
        pc.index_in(rows.column("passing"), value_set=pa.array(rules, pa.string()))
    )
    set_aside = pc.and_(
        pc.equal(rows.column("bucket"), policy.quarantine_bucket or ""), pc.not_equal(rows.column("store"), "file")
    )
    signs = [(set_aside, "quarantine-place"), (pc.is_valid(rows.column("expires_at")), "expiring")]
    if policy.lifecycle_unknown == "keep":
        signs.append((pc.fill_null(pc.equal(rows.column("lifecycle"), "unknown"), False), "lifecycle-unknown"))
    for applies, rule in signs:
        found = pc.coalesce(found, pc.if_else(applies, pa.scalar(rule), pa.scalar(None, pa.string())))
    return found


def formats(rows: pa.Table) -> pa.ChunkedArray:
    """Give the short name of each row's format, e.g. tiff."""
    return pc.replace_substring_regex(rows.column("media_type"), SHORT, "")


def _roles(rows: pa.Table, policy: Policy, *, linked: bool) -> pa.Array:
    role = np.full(rows.num_rows, None, dtype=object)
    for name, conditions in reversed(policy.roles):
        for condition in conditions:
            role[_meets(rows, dict(condition), linked)] = name
    return pa.array(role, pa.string())


def _meets(rows: pa.Table, condition: dict[str, tuple[str, ...]], linked: bool) -> np.ndarray:
    met = np.ones(rows.num_rows, dtype=bool)
    for field, wanted in condition.items():
        if field == "format":
            met &= _numpy(pc.is_in(formats(rows), value_set=pa.array([WORDS.get(w, w) for w in wanted])))
        elif field == "path":
            met &= _numpy(any_match(rows.column("uri").combine_chunks(), wanted))
        elif field == "library":
            met &= _numpy(pc.is_in(rows.column("library"), value_set=pa.array(wanted)))
        elif field == "catalogue":
            named = "sidecar_role" in rows.schema.names
            met &= (
                _numpy(pc.is_in(rows.column("sidecar_role"), value_set=pa.array(wanted)))
                if named
                else np.zeros(rows.num_rows, dtype=bool)
            )
        elif field == "xmp_derived_from":
            states = _numpy(pc.is_valid(rows.column("derived_from")))
            met &= states if linked or "present" in wanted else np.zeros(rows.num_rows, dtype=bool)
    return met


def _numpy(mask: pa.Array | pa.ChunkedArray) -> np.ndarray:
    mask = pc.fill_null(mask, False)
    return (mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask).to_numpy(zero_copy_only=False)
