"""The stage without Beam: one partition, straight through the pure functions."""

from __future__ import annotations

import functools

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.retain import blocks, page_runs, review_cut, stems
from mirrorfold.transforms.retain.earlier import (
    EARLIER,
    FAILED,
    deny,
    join_earlier,
    rotted_copies,
    stop_relying,
    without_earlier,
)
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.records import Confirmed
from mirrorfold.transforms.retain.rows import forget_going
from mirrorfold.transforms.retain.sidecar import join_sidecar, without_sidecar
from mirrorfold.transforms.stores.api import HoldAnswer, LastingAnswer, StoreError


class FakeStores:
    """Stores that answer from mappings of keys: holds, and bytes."""

    def __init__(self, holds=None, data=None, lasts=None):
        self.holds, self.data = holds or {}, data or {}
        self.lasts = lasts or {}
        self.asked: list[str] = []

    def hold(self, ref):
        self.asked.append(ref.key)
        return HoldAnswer(self.holds.get(ref.key, "no"), "none", "")

    def read(self, ref, start=0, stop=None):
        if ref.key not in self.data:
            raise StoreError("vanished", "gone")
        return self.data[ref.key][start:stop]

    def lasting(self, ref, tag):
        return LastingAnswer(self.lasts.get(ref.key, "yes"), "")

    def close(self):
        return None


def all_confirmed(_stores):
    """Give what finds no difference in any pair: for cases that are about something else."""
    return lambda questions: {q.pair: Confirmed(*q.pair, True, "", 60, 40, 0.5) for q in questions}


def decide_tables(
    tables: dict, policy: dict, rulings=None, stores=None, patterns=(), confirmer=all_confirmed
) -> dict[str, pa.Table]:
    """Give decisions, hold_checks, confirmations and lineage for whole tables in memory."""
    stores, plan = stores or FakeStores(), compile_policy(policy)
    objects = tables["objects"].select(blocks.OBJECT_ROWS.names)
    joined = join_sidecar(objects, tables["catalogue"], patterns) if "catalogue" in tables else without_sidecar(objects)
    said = tables.get("earlier")
    joined = (
        without_earlier(joined)
        if said is None
        else join_earlier(
            joined,
            said.select(EARLIER.names),
            tables["failures"].select(FAILED.names),
            withdrawn=tables.get("withdrawn", False),
        )
    )
    joined = deny(joined, frozenset(tables.get("denied", ())))
    known, unread = (joined.filter(test(joined["content_id"])) for test in (pc.is_valid, pc.is_null))
    inputs = {
        name: tables[name].select(schema.names)
        for name, schema in (
            ("contents", blocks.CONTENT_ROWS), ("clusters", blocks.CLUSTER_ROWS), ("pairs", blocks.PAIR_ROWS),
        )
    }  # fmt: skip
    made = {blocks.kind_of(b): b for b in blocks.JoinContents(policy)(0, {"objects": known} | inputs)}
    members = made.get("members", blocks.member_rows().empty_table())
    links = made.get("links", blocks.FAMILY_PAIR_ROWS.empty_table())
    families = blocks.DecideFamilies(policy, rulings or {}, functools.partial(_same, stores), "0", 2, confirmer)
    out = {b"decisions": [], b"hold_checks": [], b"lineage": [], b"confirmations": []}
    for block in families(0, {"members": blocks.clustered_of(members), "links": links}):
        out[blocks.kind_of(block).encode()].append(block.replace_schema_metadata())
    decided = pa.concat_tables([DECISIONS.schema.empty_table().replace_schema_metadata(), *out[b"decisions"]])
    singles = blocks.DecideSingles(policy, "0")(blocks.singles_of(members))
    failed = tables["failures"].select(blocks.FAILURE_ROWS.names)
    rest = list(blocks.DecideUnread(policy, "0")(0, {"objects": unread, "failures": failed}))
    decided = _whole_runs(decided.cast(DECISIONS.schema), [singles, *rest], plan)
    if plan.companions == "review":
        parted = list(stems.judge_stems(0, {"going": stems.going_of(decided)}))
        decided = stems.keep_stems(decided, parted)
    decided = forget_going(decided)
    decided = review_cut.cut_reviews(decided, review_cut.batch_bytes(decided, plan.review_per), plan)
    decisions = pa.concat_tables([decided.cast(DECISIONS.schema), singles, *rest])
    decisions = decisions if said is None else stop_relying(decisions, [rotted_copies(decisions)])
    out[b"lineage"] += blocks.trace_catalogue(0, {"rows": blocks.numbered_of(members)})
    return {
        "decisions": sort_rows(decisions, DECISIONS.order),
        "hold_checks": _joined(out[b"hold_checks"], HOLD_CHECKS),
        "lineage": _joined(out[b"lineage"], LINEAGE),
        "confirmations": _joined(out[b"confirmations"], CONFIRMATIONS),
    }


def _whole_runs(decided: pa.Table, others: list[pa.Table], plan) -> pa.Table:
    if plan.runs != "keep":
        return decided
    pages = pa.concat_tables([page_runs.pages_of(block) for block in (decided, *others)])
    return page_runs.keep_runs(decided, list(page_runs.judge_runs(0, {"pages": pages})))


def _same(stores):
    return stores


def _joined(found: list[pa.Table], table) -> pa.Table:
    rows = [block.cast(table.schema) for block in found]
    return sort_rows(pa.concat_tables(rows), table.order) if rows else table.schema.empty_table()
