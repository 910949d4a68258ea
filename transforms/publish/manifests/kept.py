"""The copies that a plan relies on: those that its rows name, and all that count towards a minimum."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from mirrorfold.transforms.publish.manifests.rows import PlanRow, plan_rows
from mirrorfold.transforms.stores.api import ObjectRef
from mirrorfold.transforms.stores.output import OutputStore

Key = tuple[str, str]
"""(uri, version)."""


class Copy(NamedTuple):
    """A kept copy: `physical` names what holds its bytes, `place` what copies are counted in."""

    ref: ObjectRef
    content_id: str
    physical: str
    place: str
    storage_class: str


@dataclass(frozen=True)
class Minima:
    """How many copies the policy asks for, in all and by place."""

    copies: int = 1
    by_place: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The kept copies of a plan.

    Attributes:
      named: those that quarantined rows name.
      counted: all that count, by content.
    """

    named: dict[Key, Copy] = field(default_factory=dict)
    counted: dict[str, list[Copy]] = field(default_factory=dict)

    def of(self, row: PlanRow) -> Copy | None:
        """Give the copy that a row names."""
        return self.named.get((row.kept_uri or "", row.kept_version or ""))


def read_kept(output: OutputStore, only: Container[PlanRow] | None = None) -> Kept:
    """Find the copies that quarantined rows rely on, or those of them that are in `only`."""
    rows = (row for row in plan_rows(output) if row.action == "quarantine" and (only is None or row in only))
    names = {(row.kept_uri, row.kept_version) for row in rows}
    kept = Kept()
    for row in plan_rows(output):
        if (row.uri, row.version) in names:
            kept.named[row.uri, row.version] = _copy(row)
    contents = {copy.content_id for copy in kept.named.values()}
    for row in plan_rows(output):
        if row.content_id in contents and row.counts:
            kept.counted.setdefault(row.content_id, []).append(_copy(row))
    return kept


def _copy(row: PlanRow) -> Copy:
    return Copy(ref_of(row), row.content_id or "", row.physical_id or row.uri, row.place, row.storage_class)


def ref_of(row: PlanRow) -> ObjectRef:
    """Name a row's object to the stores."""
    return ObjectRef(row.library, row.store, row.bucket, row.key, row.version, row.etag, row.size)
