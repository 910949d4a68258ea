"""What a review waits for: one action of a person frees enough bytes, and exact copies are settled first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.reasons import PREMIS

ALWAYS = ("verdict-conflict",)
"""Rules whose review is asked for however little it frees: reviewers disagree, so people are already at it."""


def batch_bytes(decisions: pa.Table, per: str) -> dict[str, int]:
    """Add up the bytes that one action on each batch (or cluster) would free."""
    unit = "review_batch" if per == "batch" else "cluster_id"
    rows = decisions.filter(pc.equal(decisions.column("action"), "review"))
    sums = rows.group_by(unit).aggregate([("bytes_freed", "sum")])
    return dict(zip(sums.column(unit).to_pylist(), sums.column("bytes_freed_sum").to_pylist(), strict=True))


def add_up(parts: list[dict[str, int]]) -> dict[str, int]:
    """Join sums of several blocks."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


def cut_reviews(decisions: pa.Table, freed: dict[str, int], policy: Policy) -> pa.Table:
    """Keep the rows whose batch (or cluster) frees less than the policy's cut-off, and those that copies rely on."""
    return _copies_first(_cut(decisions, freed, policy))


def _cut(decisions: pa.Table, freed: dict[str, int], policy: Policy) -> pa.Table:
    unit = "review_batch" if policy.review_per == "batch" else "cluster_id"
    small = {name for name, count in freed.items() if count < policy.review_bytes}
    if not small:
        return decisions
    below = pc.and_(
        pc.equal(decisions.column("action"), "review"),
        pc.and_(
            pc.is_in(decisions.column(unit), value_set=pa.array(sorted(small), pa.string())),
            pc.invert(pc.is_in(decisions.column("rule"), value_set=pa.array(ALWAYS))),
        ),
    )
    below = pc.fill_null(below, False).combine_chunks()
    if not pc.any(below).as_py():
        return decisions
    return _below(decisions, below, freed, unit, policy)


def _copies_first(rows: pa.Table) -> pa.Table:
    """Keep what waits for a review while exact copies are quarantined against it: one question after the other.

    A quarantined row's kept copy is thereby kept by the same plan. The pair stays in the review queue; a verdict counts
    at once, for all copies alike.
    """
    copies = rows.filter(pc.equal(rows.column("action"), "quarantine"))
    relied = set(zip(copies.column("kept_uri").to_pylist(), copies.column("kept_version").to_pylist(), strict=True))
    named = zip(rows.column("uri").to_pylist(), rows.column("version").to_pylist(), strict=True)
    leaned_on = pa.array([name in relied for name in named], pa.bool_())
    waits = pc.and_(leaned_on, pc.equal(rows.column("action"), "review").combine_chunks())
    if not pc.any(waits).as_py():
        return rows
    reasons = [
        f"kept while its exact copies go; then a person's word is asked: {text}" if wait else text
        for text, wait in zip(rows.column("reason").to_pylist(), waits.to_pylist(), strict=True)
    ]
    return _kept(rows, waits, "identical-first", reasons)


def _below(rows: pa.Table, below: pa.Array, freed: dict[str, int], unit: str, policy: Policy) -> pa.Table:
    reasons = [
        f"{text}; not worth a review: one {policy.review_per} frees {freed[name]:,} bytes, "
        f"the policy asks for {policy.review_bytes:,}"
        if cut
        else text
        for text, name, cut in zip(
            rows.column("reason").to_pylist(), rows.column(unit).to_pylist(), below.to_pylist(), strict=True
        )
    ]
    stated = pc.if_else(below, rows.column("bytes_freed"), rows.column("bytes_below_cutoff"))
    place = rows.schema.get_field_index("bytes_below_cutoff")
    rows = rows.set_column(place, rows.schema.field(place), stated)
    return _kept(rows, below, "below-cutoff", reasons)


def _kept(rows: pa.Table, kept: pa.Array, rule: str, reasons: list[str]) -> pa.Table:
    """Turn reviews into keeps under a rule, with the rule that lost."""
    nothing = pa.scalar(None, pa.string())
    lost = [
        [*rules, f"{old}: review"] if turned else rules
        for rules, old, turned in zip(
            rows.column("rules_lost").to_pylist(), rows.column("rule").to_pylist(), kept.to_pylist(), strict=True
        )
    ]
    new = {
        "action": pc.if_else(kept, "keep", rows.column("action")),
        "rule": pc.if_else(kept, rule, rows.column("rule")),
        "reason": pa.array(reasons, pa.string()),
        "kept_uri": pc.if_else(kept, nothing, rows.column("kept_uri")),
        "kept_version": pc.if_else(kept, nothing, rows.column("kept_version")),
        "kept_etag": pc.if_else(kept, nothing, rows.column("kept_etag")),
        "bytes_freed": pc.if_else(kept, np.int64(0), rows.column("bytes_freed")),
        "rules_lost": pa.array(lost, rows.schema.field("rules_lost").type),
        "premis_event": pc.if_else(kept, PREMIS["keep"], rows.column("premis_event")),
    }
    return pa.table([new.get(f.name, rows.column(f.name)) for f in DECISIONS.schema], schema=DECISIONS.schema)
