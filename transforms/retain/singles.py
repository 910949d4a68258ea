"""Objects that need no family: those without a twin, and those that weren't or couldn't be read. By columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.failures import CODES
from mirrorfold.transforms.retain.annotate import CONTENT_COLUMNS, annotate, with_contents
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.reasons import FIXED, PREMIS
from mirrorfold.transforms.retain.sidecar import prefer_sidecar

NO_CONTENTS = CONTENTS.schema.empty_table().select(CONTENT_COLUMNS)
KEY, FOUND = ("uri", "version"), ("stage", "error", "sha256")
BLOCKED = frozenset({"hold", "protected", "unreadable", "denied", "rotted"})


def decide_single(rows: pa.Table, policy: Policy, code_version: str) -> pa.Table:
    """Decide on annotated rows that have a readable content and no twin."""
    steps = [("hold", pc.equal(rows.column("hold"), "yes")), ("protected", rows.column("protected"))]
    steps += [
        ("unreadable", pc.invert(rows.column("readable"))),
        ("denied", pc.equal(rows.column("earlier"), "denied")),
    ]
    steps += [("noncurrent", pc.invert(rows.column("is_latest")))]
    passes = pc.fill_null(rows.column("passes"), "only-copy").to_numpy()
    steps += [("rotted", pc.equal(rows.column("earlier"), "rotted"))]
    steps += [("planned-before", pc.equal(rows.column("earlier"), "planned"))]
    rules = _first(rows.num_rows, steps, passes)
    standing = _mask(rows.column("readable")) & _mask(rows.column("is_latest"))
    standing &= ~_mask(pc.is_valid(rows.column("passes"))) & ~_mask(rows.column("archived"))
    standing &= ~_mask(pc.is_valid(rows.column("earlier")))
    standing &= _mask(pc.is_in(rows.column("identity_evidence"), value_set=pa.array(["read", "previous"])))
    return _decisions(rows, rules, [FIXED[rule] for rule in rules], standing, policy, code_version)


def decide_unread(rows: pa.Table, failures: pa.Table, policy: Policy, code_version: str) -> pa.Table:
    """Decide on objects without a content: what is left unread on purpose is kept, what failed is blocked.

    Args:
      rows: rows of objects with the sidecar's columns.
      failures: rows of failures for the same objects.
    """
    rows = annotate(prefer_sidecar(with_contents(rows, NO_CONTENTS)), policy)
    rotted = pc.equal(rows.column("earlier"), "rotted")
    keys = zip(*(failures.column(c).to_pylist() for c in KEY), strict=True)
    known = dict(zip(keys, zip(*(failures.column(c).to_pylist() for c in FOUND), strict=True), strict=True))
    found = [known.get(key, ("", "", None)) for key in zip(*(rows[c].to_pylist() for c in KEY), strict=True)]
    default = np.array([code if stage == "skipped" else "unreadable" for stage, code, _ in found], dtype=object)
    read = pc.coalesce(rows.column("read_sha256"), pa.array([sha256 for *_, sha256 in found], pa.string()))
    rows = rows.set_column(rows.schema.get_field_index("read_sha256"), "read_sha256", read)
    steps = [("hold", pc.equal(rows.column("hold"), "yes")), ("protected", rows.column("protected"))]
    steps += [("denied", pc.equal(rows.column("earlier"), "denied")), ("rotted", rotted)]
    rules = _first(rows.num_rows, steps, default)
    reasons = [_unread_reason(rule, code) for rule, (_, code, _) in zip(rules, found, strict=True)]
    return _decisions(rows, rules, reasons, np.zeros(rows.num_rows, dtype=bool), policy, code_version)


def _unread_reason(rule: str, code: str) -> str:
    if rule in FIXED and rule != "unreadable":
        return FIXED[rule]
    said = CODES.get(code, "it was neither read nor reported")
    return f"{FIXED['unreadable']}: {said}" if rule == "unreadable" else f"not read on purpose: {said}"


def _first(rows: int, steps: list, default: np.ndarray) -> list[str]:
    rules = default
    for rule, applies in reversed(steps):
        rules = np.where(_mask(applies), rule, rules)
    return [str(rule) for rule in rules] if rows else []


def _mask(values: pa.ChunkedArray | pa.Array) -> np.ndarray:
    values = pc.fill_null(values, False)
    return (values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values).to_numpy(zero_copy_only=False)


def _decisions(
    rows: pa.Table, rules: list[str], reasons: list[str], standing: np.ndarray, policy: Policy, code_version: str
) -> pa.Table:
    count = rows.num_rows
    actions = ["blocked" if rule in BLOCKED else "keep" for rule in rules]
    zero = pa.array(np.zeros(count, dtype=np.int64))
    copies = pa.array(standing.astype(np.int32))
    made = {
        "action": pa.array(actions, pa.string()),
        "rule": pa.array(rules, pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "bytes_freed": zero,
        "bytes_below_cutoff": zero,
        "counts_as_copy": pa.array(standing.astype(bool)),
        "copies_left": copies,
        "copies_left_here": copies,
        "evidence": _evidence(rows.column("content_id").combine_chunks()),
        "premis_event": pa.array([PREMIS[action] for action in actions], pa.string()),
        "policy_hash": pa.array([policy.hash] * count, pa.string()),
        "code_version": pa.array([code_version] * count, pa.string()),
    }
    columns = []
    for field in DECISIONS.schema:
        if field.name in made:
            columns.append(made[field.name])
        elif field.name in rows.schema.names:
            columns.append(rows.column(field.name).cast(field.type))
        elif pa.types.is_list(field.type):
            columns.append(pa.array([[]] * count, field.type))
        else:
            columns.append(pa.nulls(count, field.type))
    return pa.table(columns, schema=DECISIONS.schema)


def _evidence(content: pa.Array) -> pa.Array:
    values = pc.binary_join_element_wise("sha256", content, ":")
    has = pc.is_valid(content).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(has)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values.drop_null())
