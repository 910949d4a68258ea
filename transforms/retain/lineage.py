"""Provenance before any decision: what each object of a family is to the head of its bytes and of its cluster."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa

from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.transforms.retain.records import Member, pair_of


def trace_family(members: list[Member]) -> list[dict]:
    """Give the rows of the table lineage for one family; linear in its objects."""
    heads: dict[str, Member] = {}
    for member in sorted(members, key=lambda m: m.priority):
        heads.setdefault(member.content_id, member)
    named = _names(heads)
    rows = []
    for member in members:
        head = heads[member.content_id]
        if member is not head:
            rows.append(_row(member, head, "copy-of", "identical", "copy", f"sha256:{member.content_id}"))
            continue
        parents = named.get(member.derived_from or "", [])
        rows += [_row(member, p, "derived-from", *_relation(member, p), "xmp") for p in parents if p is not member]
        master = heads.get(member.cluster_id)
        if master is not None and master is not member and master not in parents:
            rows.append(_row(member, master, _kin(member, master), member.tier, member.kind, _pair(member, master)))
    return rows + _renumbered(members, heads)


def trace_numbers(members: list[Member]) -> list[dict]:
    """Link versions under one catalogue number whose pictures weren't matched: each to the next older.

    Args:
      members: objects under one catalogue number, over all families.
    """
    heads: dict[str, Member] = {}
    for member in sorted(members, key=lambda m: m.priority):
        heads.setdefault(member.family_id or member.content_id, member)
    by_age = sorted(heads.values(), key=lambda m: (m.last_modified or 0, m.priority))
    return [_row(new, old, "version-of", "none", "unmatched", "catalogue") for old, new in pairwise(by_age)]


def _names(heads: dict[str, Member]) -> dict[str, list[Member]]:
    named: dict[str, list[Member]] = {}
    for head in heads.values():
        for name in filter(None, {head.document_id, head.instance_id}):
            named.setdefault(name, []).append(head)
    return named


def _relation(member: Member, parent: Member) -> tuple[str, str]:
    if parent.content_id == member.cluster_id:
        return member.tier, member.kind
    if member.content_id == parent.cluster_id:
        return parent.tier, parent.kind
    return "probable", "similar"


def _kin(member: Member, other: Member) -> str:
    if member.catalogue_no and other.catalogue_no:
        return "version-of" if member.catalogue_no == other.catalogue_no else "renumbered"
    return "variant-of"


def _pair(member: Member, other: Member) -> str:
    return "pair:" + ":".join(pair_of(member.content_id, other.content_id))


def _renumbered(members: list[Member], heads: dict[str, Member]) -> list[dict]:
    """Link copies that stand under another number than the head of their bytes: the same picture, renumbered."""
    rows = []
    for member in members:
        head = heads[member.content_id]
        if member is not head and member.catalogue_no and head.catalogue_no not in (None, member.catalogue_no):
            rows.append(_row(member, head, "renumbered", "identical", "copy", "catalogue"))
    return rows


def _row(member: Member, other: Member, relation: str, tier: str, kind: str, evidence: str) -> dict:
    mine, theirs = member.last_modified or 0, other.last_modified or 0
    return {
        "uri": member.uri,
        "version": member.version,
        "content_id": member.content_id,
        "relation": relation,
        "to_uri": other.uri,
        "to_version": other.version,
        "to_content_id": other.content_id,
        "tier": tier,
        "kind": kind,
        "age": "newer" if mine > theirs else "older" if mine < theirs else "same",
        "catalogue_no": member.catalogue_no,
        "to_catalogue_no": other.catalogue_no,
        "provenance": member.provenance,
        "evidence": [evidence],
        "family_id": member.family_id or member.content_id,
    }


def lineage_table(rows: list[dict]) -> pa.Table:
    """Make a block of lineage."""
    return pa.Table.from_pylist(rows, schema=LINEAGE.schema)
