"""The reduce functions of this stage: join what is known of a content, decide on what shares a family."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.retain.annotate import CONTENT_COLUMNS, OBJECT_COLUMNS, annotate, with_contents
from mirrorfold.transforms.retain.compared import Compare, Compared, nothing_confirmed
from mirrorfold.transforms.retain.described import with_beside
from mirrorfold.transforms.retain.earlier import join_earlier, without_earlier
from mirrorfold.transforms.retain.keep_order import prioritise
from mirrorfold.transforms.retain.lineage import lineage_table, trace_family, trace_numbers
from mirrorfold.transforms.retain.lookups import Lookups
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.records import Confirmed, Link, Member, Ruling
from mirrorfold.transforms.retain.review_cut import batch_bytes, cut_reviews
from mirrorfold.transforms.retain.rows import links_of, members_of, row_of, table_of
from mirrorfold.transforms.retain.settle import Family, settle
from mirrorfold.transforms.retain.sidecar import join_sidecar, prefer_sidecar, without_sidecar
from mirrorfold.transforms.retain.singles import decide_single, decide_unread
from mirrorfold.transforms.retain.spelling import canonical, join_keys
from mirrorfold.transforms.stores.api import Stores

CLUSTER_COLUMNS = ("uri", "version", "content_id", "cluster_id", "family_id", "tier", "kind")
FAILURE_COLUMNS = ("uri", "version", "stage", "error", "sha256")

OBJECT_ROWS = pa.schema([OBJECTS.schema.field(name) for name in OBJECT_COLUMNS])
SAID_ROWS = without_sidecar(OBJECT_ROWS.empty_table()).schema
JOINED_ROWS = without_earlier(SAID_ROWS.empty_table()).schema
CONTENT_ROWS = pa.schema([CONTENTS.schema.field(name) for name in CONTENT_COLUMNS])
CLUSTER_ROWS = pa.schema([CLUSTERS.schema.field(name) for name in CLUSTER_COLUMNS])
FAILURE_ROWS = pa.schema([FAILURES.schema.field(name) for name in FAILURE_COLUMNS])
CONFIRMED_ROWS = pa.schema([CONFIRMATIONS.schema.field(name) for name in Confirmed._fields])
FAMILY_CONFIRMED_ROWS = CONFIRMED_ROWS.append(pa.field("family_id", pa.string()))
PAIR_ROWS = pa.schema([PAIRS.schema.field(name) for name in Link._fields])
FAMILY_PAIR_ROWS = PAIR_ROWS.append(pa.field("family_id", pa.string()))

JOIN_KEY = pa.field("join_key", pa.string())
MEMBER_COLUMNS = Member._fields
TABLE = b"mirrorfold.table"


def kind_of(block: pa.Table) -> str:
    """Tell blocks of several outputs apart: by the name in their schema's metadata."""
    return (block.schema.metadata or {}).get(TABLE, b"").decode()


def _named(block: pa.Table, name: str) -> pa.Table:
    return block.replace_schema_metadata({TABLE: name})


def with_join_key(block: pa.Table) -> pa.Table:
    """Add the form of the URI by which objects and lists are joined."""
    uris = block.column("uri")
    if "store" not in block.schema.names:  # a list, as people and other systems write it
        uris = pa.array(list(map(canonical, uris.to_pylist())), pa.string())
    return block.append_column(JOIN_KEY, join_keys(uris))


@dataclass
class JoinCatalogue:
    """Join sidecar rows onto the objects that they mean; `patterns` as in `sidecar.join_sidecar`."""

    patterns: tuple[str, ...] = ()

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
        objects, catalogue = (blocks[name].drop_columns([JOIN_KEY.name]) for name in ("objects", "catalogue"))
        yield join_sidecar(objects, catalogue, self.patterns)


@dataclass
class JoinEarlier:
    """Join onto objects what the run before says of them; one partition of URIs.

    Args:
      withdrawn: its plan was taken back.
    """

    withdrawn: bool

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
        if blocks["objects"].num_rows:
            yield join_earlier(blocks["objects"], blocks["earlier"], blocks["failures"], withdrawn=self.withdrawn)


@dataclass
class DecideUnread:
    """Decide on the objects of one partition that have no content."""

    policy: dict
    code_version: str

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
        if blocks["objects"].num_rows:
            policy = compile_policy(self.policy)
            yield decide_unread(blocks["objects"], blocks["failures"], policy, self.code_version)


@dataclass
class JoinContents:
    """Join contents and clusters onto objects, and families onto pairs; one partition of contents."""

    policy: dict

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
        policy = compile_policy(self.policy)
        rows = prefer_sidecar(with_beside(with_contents(blocks["objects"], blocks["contents"])))
        rows = prioritise(annotate(rows, policy), policy, blocks.get("masters"))
        if rows.num_rows:
            yield _named(_with_clusters(rows, blocks["clusters"]), "members")
        if blocks["pairs"].num_rows and blocks["clusters"].num_rows:
            yield _named(_with_family(blocks["pairs"], blocks["clusters"]), "links")
        if "confirmed" in blocks and blocks["confirmed"].num_rows and blocks["clusters"].num_rows:
            yield _named(_with_family(blocks["confirmed"], blocks["clusters"]), "confirmed")


def member_rows() -> pa.Schema:
    """Give the schema of the rows that `JoinContents` names members."""
    blocks = {"objects": JOINED_ROWS.empty_table(), "contents": CONTENT_ROWS.empty_table()}
    policy = compile_policy(_EMPTY)
    rows = prefer_sidecar(with_beside(with_contents(blocks["objects"], blocks["contents"])))
    rows = prioritise(annotate(rows, policy), policy)
    return _with_clusters(rows, CLUSTER_ROWS.empty_table()).schema


_EMPTY = {
    "scopes": [], "min_archival_copies": 1, "protect": [], "keep_roles": [], "tiers": {}, "identity": {"md5": "keep"},
    "roles": {"master": {"any": []}, "derivative": {"any": []}}, "replicas": "keep", "conflict_review": [],
    "keep_order": [], "review": {"min_bytes_freed": 0, "per": "batch", "reviewers": 1},
}  # fmt: skip


def _with_clusters(rows: pa.Table, clusters: pa.Table) -> pa.Table:
    index = pc.index_in(_object_key(rows), value_set=_object_key(clusters))
    found = clusters.take(index)
    for name in ("cluster_id", "family_id", "tier", "kind"):
        rows = rows.append_column(name, found.column(name))
    columns = [*MEMBER_COLUMNS, "last_modified"] if "last_modified" not in MEMBER_COLUMNS else list(MEMBER_COLUMNS)
    return rows.select(columns)


def _object_key(block: pa.Table) -> pa.Array:
    parts = [pc.replace_substring(block.column(name), "\0", "\0\1") for name in ("uri", "version")]
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _with_family(pairs: pa.Table, clusters: pa.Table) -> pa.Table:
    index = pc.index_in(
        pairs.column("content_a").combine_chunks(), value_set=clusters.column("content_id").combine_chunks()
    )
    joined = pairs.append_column("family_id", clusters.column("family_id").take(index))
    return joined.filter(pc.is_valid(joined.column("family_id")))


def singles_of(block: pa.Table) -> pa.Table:
    """Give the members without a twin."""
    return block.filter(pc.is_null(block.column("cluster_id")))


def clustered_of(block: pa.Table) -> pa.Table:
    """Give the members that have a twin."""
    return block.filter(pc.is_valid(block.column("cluster_id")))


def numbered_of(block: pa.Table) -> pa.Table:
    """Give the members that have a catalogue number."""
    return block.filter(pc.is_valid(block.column("catalogue_no")))


def trace_catalogue(_: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
    """Link what stands under one catalogue number in several families."""
    by_number: dict[str | None, list[Member]] = {}
    for member in members_of(sort_rows(blocks["rows"], ["catalogue_no", "uri", "version"])):
        by_number.setdefault(member.catalogue_no, []).append(member)
    rows = [row for found in by_number.values() if len(found) > 1 for row in trace_numbers(found)]
    if rows:
        yield lineage_table(rows)


@dataclass
class DecideSingles:
    """Decide on members without a twin."""

    policy: dict
    code_version: str

    def __call__(self, block: pa.Table) -> pa.Table:
        return decide_single(block, compile_policy(self.policy), self.code_version)


@dataclass
class DecideFamilies:
    """Decide on the families of one partition, asking the stores about what would be quarantined.

    Args:
      open_stores: makes the `Stores`, which connect once something is asked.
      open_confirmer: gives, of them, what compares pairs at full detail; without one no pair is confirmed.
      listed_bytes: of the archive; near_bytes: that comparing all its near duplicates reads.
    """

    policy: dict
    rulings: dict[tuple[str, str], Ruling]
    open_stores: Callable[[], Stores]
    code_version: str
    threads: int = 32
    open_confirmer: Callable[[Stores], Compare] = nothing_confirmed
    listed_bytes: int | None = None
    near_bytes: int | None = None

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
        if not blocks["members"].num_rows:
            return
        policy = compile_policy(self.policy, self.listed_bytes, self.near_bytes)
        families = families_of(blocks["members"], blocks["links"], self.rulings)
        stores, compared = self.open_stores(), Compared(blocks.get("confirmed"))
        try:
            lookups = Lookups(stores, self.threads, lambda: dt.datetime.now(dt.UTC))
            compare = compared.by(self.open_confirmer(stores))
            ask_lasting = partial(lookups.lasting, tag=policy.quarantine_tag)
            plans = settle(families, policy, lookups.holds, lookups.reads, compare, ask_lasting)
        finally:
            stores.close()
        rows = [row_of(decision, policy, self.code_version) for plan in plans for decision in plan.decisions]
        decisions = table_of(rows)
        if policy.review_per == "cluster":
            decisions = cut_reviews(decisions, batch_bytes(decisions, "cluster"), policy)
        yield _named(decisions, "decisions")
        if lookups.rows:
            yield _named(lookups.checks(), "hold_checks")
        if compared.asked:
            yield _named(compared.rows(), "confirmations")
        lineage = [row for family in families for row in trace_family(family.members)]
        if lineage:
            yield _named(lineage_table(lineage), "lineage")


def families_of(members: pa.Table, links: pa.Table, rulings: dict[tuple[str, str], Ruling]) -> list[Family]:
    """Group rows into families, in the order of their ids."""
    members = sort_rows(members, ["family_id", "uri", "version"])
    links = sort_rows(links, ["family_id", "content_a", "content_b"])
    all_links, link_families = links_of(links.drop_columns("family_id")), links.column("family_id").to_pylist()
    by_family: dict[str, list[Link]] = {}
    for family, link in zip(link_families, all_links, strict=True):
        by_family.setdefault(family, []).append(link)
    rows = members_of(members)
    ids = np.array([row.family_id for row in rows], dtype=object)
    bounds = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(rows)]
    found = []
    for start, stop in itertools.pairwise(bounds):
        family = rows[start:stop]
        contents = {member.content_id for member in family}
        said = _said(contents, rulings)
        found.append(Family(family, by_family.get(family[0].family_id, []), said))
    return found


def _said(contents: set[str], rulings: dict[tuple[str, str], Ruling]) -> dict[tuple[str, str], Ruling]:
    if len(contents) ** 2 < len(rulings):
        pairs = [(a, b) for a in contents for b in contents if a <= b]
        return {pair: rulings[pair] for pair in pairs if pair in rulings}
    return {pair: ruling for pair, ruling in rulings.items() if pair[0] in contents and pair[1] in contents}
