"""Lifecycle rules of S3 and GCS buckets: which listed objects they will delete, when, or move to another class.

Rules are read once per bucket and applied by columns. Only current objects matter: older versions are no kept copies.
Sources: the S3 API's LifecycleRule, the GCS JSON API's lifecycle resource.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.objects import FRAIL_CLASSES
from mirrorfold.schemas.table import TIMESTAMP
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.stores.api import ObjectRef

DAY = 86_400 * 10**6
STATED = "none"
"""What a listing puts into `lifecycle` where it states itself when a rule deletes an object, if any does."""


class Rule(NamedTuple):
    """One action of one rule, with all that must hold of an object; what isn't given holds of every one.

    Attributes:
      to_class: the class that objects are moved to; None deletes them.
      days: after they were written; date: on a day for all of them; before: of those written before it.
      larger, smaller: sizes in bytes, not included.
      tags: all of them; custom_time: goes by a time that the owner set. No listing shows either.
      midnight: days are rounded up to the next midnight in UTC, as S3 does.
    """

    to_class: str | None = None
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    custom_time: bool = False
    larger: int | None = None
    smaller: int | None = None
    days: int | None = None
    date: datetime.datetime | None = None
    before: datetime.datetime | None = None
    midnight: bool = False

    @property
    def hidden(self) -> bool:
        """Tell whether it goes by what no listing shows."""
        return bool(self.tags) or self.custom_time


def s3_rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read the answer of GetBucketLifecycleConfiguration, as boto3 gives it."""
    found = []
    for rule in document.get("Rules", []):
        if rule.get("Status") != "Enabled":
            continue
        chosen = rule.get("Filter") or {}
        both = chosen.get("And") or chosen
        tags = both.get("Tags") or ([both["Tag"]] if "Tag" in both else [])
        prefix = both.get("Prefix") or rule.get("Prefix") or ""
        common: dict[str, Any] = {
            "prefixes": (prefix,) if prefix else (),
            "tags": tuple((tag["Key"], tag["Value"]) for tag in tags),
            "larger": both.get("ObjectSizeGreaterThan"),
            "smaller": both.get("ObjectSizeLessThan"),
            "midnight": True,
        }
        ends = rule.get("Expiration") or {}
        if "Days" in ends or "Date" in ends:
            found.append(Rule(days=ends.get("Days"), date=ends.get("Date"), **common))
        found += [
            Rule(to_class=move["StorageClass"], days=move.get("Days"), date=move.get("Date"), **common)
            for move in rule.get("Transitions", [])
        ]
    return tuple(found)


_OLD_ONLY = ("daysSinceNoncurrentTime", "noncurrentTimeBefore")


def gcs_rules(rules: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Read a bucket's `lifecycle.rule`, as the JSON API gives it."""
    found = []
    for rule in rules:
        action, when = rule.get("action", {}), rule.get("condition", {})
        kind = action.get("type")
        if (
            kind not in ("Delete", "SetStorageClass")
            or when.get("isLive") is False
            or any(n in when for n in _OLD_ONLY)
            or when.get("numNewerVersions")
        ):
            continue
        before = when.get("createdBefore")
        found.append(
            Rule(
                to_class=action.get("storageClass") if kind == "SetStorageClass" else None,
                prefixes=tuple(when.get("matchesPrefix", ())),
                suffixes=tuple(when.get("matchesSuffix", ())),
                classes=tuple(when.get("matchesStorageClass", ())),
                custom_time="customTimeBefore" in when or "daysSinceCustomTime" in when,
                days=when.get("age"),
                before=datetime.datetime.fromisoformat(f"{before}T00:00:00+00:00") if before else None,
            )
        )
    return tuple(found)


def apply_rules(block: pa.Table, rules: Sequence[Rule] | None) -> pa.Table:
    """Fill expires_at, lifecycle and class_to of a block of listed objects.

    Args:
      rules: of their bucket; None where they couldn't be read.
    """
    if not block.num_rows:
        return block
    current = pc.and_not(block.column("is_latest"), block.column("is_delete_marker"))
    said, ends, moves = block.column("lifecycle"), block.column("expires_at"), block.column("class_to")
    none, unknown = pa.scalar(None, pa.string()), pa.scalar("unknown")
    if rules is None:
        said = pc.if_else(current, pc.coalesce(said, unknown), said)
    for rule in rules or ():
        hit = pc.and_(current, matches(block, rule, rules or ()))
        if rule.hidden:
            said = pc.if_else(hit, pa.scalar("attributes"), said) if rule.to_class is None else said
        elif rule.to_class is not None:
            frail = rule.to_class in FRAIL_CLASSES
            moves = pc.if_else(hit, rule.to_class if frail else pc.coalesce(moves, pa.scalar(rule.to_class)), moves)
        else:
            ends = pc.if_else(hit, _earlier(ends, _end(block, rule)), ends)
    said = pc.if_else(pc.fill_null(pc.equal(said, STATED), False), none, said)
    for name, values in (("lifecycle", said), ("expires_at", ends), ("class_to", moves)):
        index = block.schema.get_field_index(name)
        block = block.set_column(index, block.schema.field(index), values)
    return block


def matches(block: pa.Table, rule: Rule, rules: Sequence[Rule] = ()) -> pa.ChunkedArray:
    """Tell which objects a rule is about, as far as a listing shows; tags and custom times are left out.

    Args:
      rules: of the same bucket: one that goes by classes is about what others will move into them, too.
    """
    hit = _named(block, rule)
    if rule.classes:
        hit = pc.and_(hit, pc.or_(_in_classes(block, rule), _will_be(block, rule, rules)))
    return hit


def _in_classes(block: pa.Table, rule: Rule) -> pa.ChunkedArray:
    return pc.is_in(block.column("storage_class"), value_set=pa.array(rule.classes))


def _will_be(block: pa.Table, rule: Rule, rules: Sequence[Rule]) -> pa.ChunkedArray:
    """Tell which objects others of the rules will move into a rule's classes, over any number of moves."""
    moves = [other for other in rules if other.to_class and other is not rule]
    moved = {move: _named(block, move) for move in moves}
    reached = {move: pc.and_(moved[move], _in_classes(block, move)) if move.classes else moved[move] for move in moves}
    for _ in moves:
        for move in (move for move in moves if move.classes):
            from_others = [reached[other] for other in moves if other.to_class in move.classes]
            if from_others:
                reached[move] = pc.or_(reached[move], pc.and_(moved[move], _any(from_others)))
    nothing = pc.is_null(block.column("key"))
    return _any([nothing, *(reached[move] for move in moves if move.to_class in rule.classes)])


def _named(block: pa.Table, rule: Rule) -> pa.ChunkedArray:
    """Tell which objects a rule is about, whatever their class; what a report doesn't state may be as the rule asks."""
    keys, sizes, written = (block.column(name) for name in ("key", "size", "last_modified"))
    hit = pc.is_valid(keys)
    for ends, test in ((rule.prefixes, pc.starts_with), (rule.suffixes, pc.ends_with)):
        if ends:
            found = [test(keys, escape_key(end.encode())) for end in ends]
            hit = pc.and_(hit, _any(found))
    if rule.larger is not None:
        hit = pc.and_(hit, pc.fill_null(pc.greater(sizes, rule.larger), True))
    if rule.smaller is not None:
        hit = pc.and_(hit, pc.fill_null(pc.less(sizes, rule.smaller), True))
    if rule.before is not None:
        hit = pc.and_(hit, pc.fill_null(pc.less(written, pa.scalar(rule.before, TIMESTAMP)), True))
    return hit


def _any(masks: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found


def _earlier(one: pa.ChunkedArray, other: pa.Array | pa.Scalar) -> pa.Array:
    return pc.min_element_wise(one.cast(pa.int64()), other.cast(pa.int64())).cast(TIMESTAMP)


def _end(block: pa.Table, rule: Rule) -> pa.Array | pa.Scalar:
    if rule.date is not None:
        return pa.scalar(rule.date, TIMESTAMP)
    # Where a report states no time, the rule may act at once.
    written = pc.fill_null(block.column("last_modified").cast(pa.int64()), 0)
    ends = pc.add(written, (rule.days or 0) * DAY)
    if rule.midnight:
        ends = pc.multiply(pc.divide(pc.add(ends, DAY - 1), DAY), DAY)
    return ends.cast(TIMESTAMP)


def listed_object(ref: ObjectRef, written: datetime.datetime | None, storage_class: str) -> pa.Table:
    """Make a listed row, as far as rules look at it, of one object that was looked up."""
    times = pa.array([written], TIMESTAMP)
    columns = {"key": [ref.key], "size": [ref.size], "last_modified": times, "storage_class": [storage_class]}
    return pa.table(columns)


def expiration(header: str | None) -> str:
    """Read S3's `x-amz-expiration`: what a rule will do, as words; '' where it does nothing."""
    if not header:
        return ""
    parts = dict(part.split("=", 1) for part in header.replace('", ', '"\n').split("\n") if "=" in part)
    said = {name.strip(): value.strip().strip('"') for name, value in parts.items()}
    return f"about to expire on {said.get('expiry-date', 'a day')} (rule {said.get('rule-id', '?')})"
