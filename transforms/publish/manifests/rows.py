"""The rows of a plan, read shard by shard from `objects` and `decisions`."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

import pyarrow.compute as pc

from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.output import OutputStore

WHATS = ("quarantine", "migrate", "restore", "crosswalk")


class PlanRow(NamedTuple):
    """One object of a plan, with what a tool needs to act on it."""

    uri: str
    library: str
    store: str
    bucket: str
    key: str
    version: str
    etag: str
    size: int
    storage_class: str
    last_modified: datetime.datetime | None
    archived: bool
    is_latest: bool
    is_delete_marker: bool
    content_id: str | None
    catalogue_no: str | None
    action: str
    rule: str
    reason: str
    tier_to_kept: str | None
    kept_uri: str | None
    kept_version: str | None
    kept_etag: str | None
    bytes_freed: int
    cluster_id: str | None
    review_batch: str | None
    earlier: str | None
    physical_id: str | None
    identity_evidence: str | None
    evidence: list[str]
    counts_as_copy: bool
    jurisdiction: str | None
    scope: str | None
    companions: list[str] | None = None
    decided_by: str | None = None
    decided_at: str | None = None

    @property
    def counts(self) -> bool:
        """Tell whether the object counts as a copy that is kept: it stays, and it lasts, which `verify` checks."""
        return self.counts_as_copy and self.action != "quarantine"

    @property
    def place(self) -> str:
        """Name what copies are counted in, as the policy's minima do."""
        return self.jurisdiction or (f"scope {self.scope}" if self.scope else "")

    @property
    def fixed_version(self) -> str:
        """Give the version that names these very bytes for ever; '' where a write would replace them in place."""
        return "" if self.version == "null" else self.version

    @property
    def served_by(self) -> str | None:
        """Name the object that serves this one's place after the migration: its kept copy, or itself."""
        return self.kept_uri if self.action == "quarantine" else self.uri

    @property
    def served_by_version(self) -> str | None:
        """Give that object's version."""
        return self.kept_version if self.action == "quarantine" else self.version

    @property
    def carried_over(self) -> str:
        """Tell whether the object itself is carried over."""
        return "yes" if belongs(self, "migrate") else "no"


OBJECT_FIELDS = (
    "uri", "version", "store", "bucket", "key", "last_modified", "archived", "is_latest", "is_delete_marker",
    "physical_id", "identity_evidence",
)  # fmt: skip
ADDED = ("decided_by", "decided_at")
"""What no table has: people's words, looked up for each row by `Who`."""
READ = tuple(name for name in PlanRow._fields if name not in ADDED)
DECISION_FIELDS = tuple(name for name in READ if name not in OBJECT_FIELDS[2:])
Who = Callable[[Sequence[str]], tuple[str, str]]
"""Says of a decision's evidence who decided, and when."""


def plan_rows(output: OutputStore) -> Iterator[PlanRow]:
    """Read every object with its decision, shard by shard.

    Both tables lie in shards by the same key, with as many rows and in the same order, so they join as they are read.

    Raises:
      ValueError: the tables don't belong together.
    """
    shards = zip_longest(parquet.shards(output, "objects/"), parquet.shards(output, "decisions/"))
    for objects, decisions in shards:
        if objects is None or decisions is None:
            raise ValueError("objects and decisions have other shards: run `mirrorfold retain` again")
        pairs = zip_longest(
            parquet.read_blocks(output, objects, OBJECT_FIELDS), parquet.read_blocks(output, decisions, DECISION_FIELDS)
        )
        for listed, decided in pairs:
            if listed is None or decided is None or not _same(listed, decided):
                raise ValueError("decisions aren't about these objects: run `mirrorfold retain` again")
            columns = [(decided if name in DECISION_FIELDS else listed).column(name).to_pylist() for name in READ]
            yield from (PlanRow(*values) for values in zip(*columns, strict=True))


def with_people(rows: Iterable[PlanRow], who: Who | None) -> Iterator[PlanRow]:
    """Add to what goes, or may, who decided on it and when."""
    for row in rows:
        if who is not None and row.action in ("quarantine", "review"):
            by, at = who(row.evidence)
            row = row._replace(decided_by=by, decided_at=at)
        yield row


def _same(listed, decided) -> bool:
    return listed.num_rows == decided.num_rows and all(
        pc.all(pc.equal(listed.column(name), decided.column(name))).as_py() is not False for name in ("uri", "version")
    )


def belongs(row: PlanRow, what: str) -> bool:
    """Tell whether a plan of this kind has the row."""
    if what == "quarantine":
        return row.action == "quarantine"
    if what == "restore":
        return row.action == "quarantine" or row.earlier == "planned"
    if what == "migrate":
        return row.action != "quarantine" and row.is_latest and not row.is_delete_marker
    return True
