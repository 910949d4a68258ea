"""Between Arrow blocks and the records that families are decided on."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.reasons import PREMIS, reason
from mirrorfold.transforms.retain.records import Decision, Link, Member


def members_of(block: pa.Table) -> list[Member]:
    """Read annotated rows as members."""
    return list(map(Member._make, zip(*(_values(block, name) for name in Member._fields), strict=True)))


def links_of(block: pa.Table) -> list[Link]:
    """Read rows of pairs as links."""
    return list(map(Link._make, zip(*(_values(block, name) for name in Link._fields), strict=True)))


def _values(block: pa.Table, name: str) -> list:
    column = block.column(name)
    # Times are only compared: numbers are a tenth of the cost of datetimes.
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


def review_batch(decision: Decision) -> str | None:
    """Name the filter under which a person settles this row together with others like it."""
    if decision.action != "review" or decision.kept is None:
        return None
    parts = [decision.tier, decision.kind, f"{decision.member.library} for {decision.kept.library}"]
    parts += [decision.rule] if decision.rule != decision.tier else []
    return "/".join(part for part in [*parts, *decision.conflicts] if part)


def row_of(decision: Decision, policy: Policy, code_version: str) -> dict:
    """Write a decision as a row of the table decisions."""
    member, kept = decision.member, decision.kept
    frees = decision.action in ("quarantine", "review")
    return {
        "uri": member.uri,
        "version": member.version,
        "etag": member.etag,
        "library": member.library,
        "storage_class": member.storage_class,
        "size": member.size,
        "content_id": member.content_id,
        "cluster_id": member.cluster_id,
        "family_id": member.family_id,
        "action": decision.action,
        "rule": decision.rule,
        "reason": reason(decision, policy),
        "tier_to_kept": decision.tier if kept else None,
        "kind": decision.kind if kept else None,
        "kept_uri": kept.uri if kept else None,
        "kept_version": kept.version if kept else None,
        "kept_etag": kept.etag if kept else None,
        "bytes_freed": member.size if frees else 0,
        "bytes_below_cutoff": 0,
        "bytes_if_same": member.size if decision.if_same else 0,
        "review_batch": review_batch(decision),
        "role": decision.role,
        "catalogue_no": member.catalogue_no,
        "jurisdiction": member.jurisdiction,
        "scope": member.scope,
        "package": member.package,
        "companions": list(member.companions or ()),
        "counts_as_copy": decision.counts_as_copy,
        "copies_left": decision.copies_left,
        "copies_left_here": decision.copies_left_here,
        "conflicts": list(decision.conflicts),
        # What this plan names is remembered by that.
        "earlier": member.earlier,
        "earlier_kept_uri": member.earlier_kept_uri,
        "earlier_kept_version": member.earlier_kept_version,
        "read_sha256": None,
        "rules_lost": list(decision.lost),
        "evidence": list(decision.evidence),
        "premis_event": PREMIS[decision.action],
        "policy_hash": policy.hash,
        "code_version": code_version,
    }


def forget_going(decisions: pa.Table) -> pa.Table:
    """Take `earlier` from what this plan sends away itself: it matters for what stays alone."""
    going = pc.equal(decisions.column("action"), "quarantine")
    for name in ("earlier", "earlier_kept_uri", "earlier_kept_version"):
        place = decisions.schema.get_field_index(name)
        stays = pc.if_else(going, pa.scalar(None, pa.string()), decisions.column(name))
        decisions = decisions.set_column(place, decisions.schema.field(place), stays)
    return decisions


def table_of(rows: list[dict]) -> pa.Table:
    """Make a block of decisions."""
    return pa.Table.from_pylist(rows, schema=DECISIONS.schema)
