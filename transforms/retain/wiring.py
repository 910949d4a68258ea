"""Retain in Beam: join, decide by family, cut the review queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks, MapParked, Park
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.retain import blocks, page_runs, review_cut, stems
from mirrorfold.transforms.retain.compared import Compare, nothing_confirmed
from mirrorfold.transforms.retain.earlier import EARLIER, FAILED, deny, rotted_copies, stop_relying, without_earlier
from mirrorfold.transforms.retain.keep_order import MASTERS
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.records import Ruling
from mirrorfold.transforms.retain.rows import forget_going
from mirrorfold.transforms.retain.sidecar import SIDECAR, pattern_regexes, without_sidecar
from mirrorfold.transforms.stores.api import Stores

SCHEMAS = {
    "decisions": DECISIONS.schema,
    "hold_checks": HOLD_CHECKS.schema,
    "lineage": LINEAGE.schema,
    "confirmations": CONFIRMATIONS.schema,
}

JOINED = {
    "objects": ("content_id", blocks.JOINED_ROWS),
    "contents": ("content_id", blocks.CONTENT_ROWS),
    "clusters": ("content_id", blocks.CLUSTER_ROWS),
    "pairs": ("content_a", blocks.PAIR_ROWS),
    "masters": ("content_id", MASTERS),
    "confirmed": ("content_a", blocks.CONFIRMED_ROWS),
}
"""By input of the first join: the column it is joined by, and its schema."""


class Retained(NamedTuple):
    """What the stage gives: blocks of four tables."""

    decisions: beam.PCollection
    hold_checks: beam.PCollection
    lineage: beam.PCollection
    confirmations: beam.PCollection


@dataclass(eq=False)
class Retain(beam.PTransform):
    """Decide on every object.

    Takes {"objects", "contents", "clusters", "pairs", "failures"} and, where there is one, "catalogue" (rows of
    `sidecar.SIDECAR`), of the previous run "masters" (rows of `keep_order.MASTERS`) and "earlier" (`EARLIER`), and
    "confirmed" (rows of `blocks.CONFIRMED_ROWS`: pairs that earlier runs compared at full detail).

    Args:
      policy: resolved, as `configs.policy.load_policy` gives it.
      open_stores: a picklable callable that makes the `Stores` to ask about holds.
      open_confirmer: a picklable callable that gives, of these stores, what compares pairs at full detail.
      rulings: what people said, from `verdicts.rule_on`.
      rows: rows of the table objects, which sets the number of partitions.
      hold_patterns: lines of the hold lists that stand for many objects.
      withdrawn: the previous run's plan was taken back.
      denied: URIs of files that their own package denies.
      listed_bytes: of all objects, for a cut-off that is a share of them.
      near_bytes: that comparing all near duplicates reads, for a policy that has them compared up to so many.
    """

    policy: dict
    open_stores: Callable[[], Stores]
    rows: int
    code_version: str
    open_confirmer: Callable[[Stores], Compare] = nothing_confirmed
    rulings: dict[tuple[str, str], Ruling] = field(default_factory=dict)
    rows_per_partition: int = 100_000
    threads: int = 32
    spill: str | None = None
    hold_patterns: tuple[str, ...] = ()
    withdrawn: bool = False
    denied: frozenset[str] = frozenset()
    listed_bytes: int | None = None
    near_bytes: int | None = None

    def expand(self, inputs):
        failures = inputs["failures"] | "PickFailureColumns" >> beam.Map(_pick, blocks.FAILURE_ROWS.names)
        objects = self._compared(self._catalogued(inputs), failures, inputs)
        if self.denied:
            objects = objects | "DenyDenied" >> beam.Map(deny, self.denied)
        joined = {
            "objects": objects | "TakeRead" >> beam.Map(_read_rows),
            "contents": inputs["contents"] | "PickContentColumns" >> beam.Map(_pick, blocks.CONTENT_ROWS.names),
            "clusters": inputs["clusters"] | "PickClusterColumns" >> beam.Map(_pick, blocks.CLUSTER_ROWS.names),
            "pairs": inputs["pairs"] | "PickPairColumns" >> beam.Map(_pick, blocks.PAIR_ROWS.names),
        }
        joined |= {name: inputs[name] for name in ("masters", "confirmed") if name in inputs}
        joined = joined | "JoinContents" >> self._shuffle(
            {name: JOINED[name][0] for name in joined},
            {name: JOINED[name][1] for name in joined},
            blocks.JoinContents(self.policy),
        )
        members = joined | "TakeMembers" >> beam.Filter(_is, "members")
        parts = {
            "members": members | "TakeClustered" >> beam.Map(blocks.clustered_of),
            "links": joined | "TakeLinks" >> beam.Filter(_is, "links"),
        }
        if "confirmed" in inputs:
            parts["confirmed"] = joined | "TakeConfirmed" >> beam.Filter(_is, "confirmed")
        families = parts | "DecideFamilies" >> self._shuffle(
            dict.fromkeys(parts, "family_id"),
            {name: schema for name, schema in _family_rows().items() if name in parts},
            blocks.DecideFamilies(
                self.policy,
                self.rulings,
                self.open_stores,
                self.code_version,
                self.threads,
                self.open_confirmer,
                self.listed_bytes,
                self.near_bytes,
            ),
        )
        taken = {
            name: families | f"Take {name}" >> beam.Filter(_is, name) | f"Plain {name}" >> beam.Map(_cast, schema)
            for name, schema in SCHEMAS.items()
        }
        singles = (
            members
            | "TakeSingles" >> beam.Map(blocks.singles_of)
            | "DecideSingles" >> beam.Map(blocks.DecideSingles(self.policy, self.code_version))
        )
        unread = self._unread(objects, failures)
        whole = self._whole_stems(self._whole_runs(taken["decisions"], singles, unread))
        reviewed = self._cut(whole | "ForgetGoing" >> beam.Map(forget_going).with_output_types(pa.Table))
        decisions = (reviewed, singles, unread) | "JoinDecisions" >> FlattenBlocks(self.spill)
        if "earlier" in inputs:
            decisions = self._stop_relying(decisions)
        numbered = (
            members
            | "TakeNumbered" >> beam.Map(blocks.numbered_of)
            | "TraceCatalogue"
            >> self._shuffle({"rows": "catalogue_no"}, {"rows": blocks.member_rows()}, blocks.trace_catalogue)
        )
        lineage = (taken["lineage"], numbered) | "JoinLineage" >> FlattenBlocks(self.spill)
        return Retained(decisions, taken["hold_checks"], lineage, taken["confirmations"])

    def _catalogued(self, inputs):
        objects = inputs["objects"] | "PickObjectColumns" >> beam.Map(_pick, blocks.OBJECT_ROWS.names)
        if "catalogue" not in inputs:
            return objects | "LeaveCatalogueEmpty" >> beam.Map(without_sidecar)
        keyed = {
            "objects": objects | "SpellObjects" >> beam.Map(blocks.with_join_key),
            "catalogue": inputs["catalogue"] | "SpellCatalogue" >> beam.Map(blocks.with_join_key),
        }
        return keyed | "JoinCatalogue" >> self._shuffle(
            {"objects": blocks.JOIN_KEY.name, "catalogue": blocks.JOIN_KEY.name},
            {"objects": blocks.OBJECT_ROWS.append(blocks.JOIN_KEY), "catalogue": SIDECAR.append(blocks.JOIN_KEY)},
            blocks.JoinCatalogue(tuple(pattern_regexes(self.hold_patterns))),
        )

    def _compared(self, objects, failures, inputs):
        if "earlier" not in inputs:
            return objects | "LeaveEarlierEmpty" >> beam.Map(without_earlier)
        failed = failures | "TakeDigests" >> beam.Map(_pick, FAILED.names)
        return {"objects": objects, "earlier": inputs["earlier"], "failures": failed} | "JoinEarlier" >> self._shuffle(
            dict.fromkeys(("objects", "earlier", "failures"), "uri"),
            {"objects": blocks.SAID_ROWS, "earlier": EARLIER, "failures": FAILED},
            blocks.JoinEarlier(self.withdrawn),
        )

    def _stop_relying(self, decisions):
        rotted = decisions | "NameRotted" >> beam.Map(rotted_copies).with_output_types(pa.Table)
        # Two readers, of which one waits for the other, as in `_cut`.
        return (
            decisions
            | "ParkDecided" >> Park(self.spill)
            | "StopRelying" >> MapParked(stop_relying, beam.pvalue.AsList(rotted))
        )

    def _shuffle(self, keys: dict[str, str], schemas: dict[str, pa.Schema], reduce) -> Shuffle:
        return Shuffle(
            keys={name: (column,) for name, column in keys.items()},
            schemas=schemas,
            partitions=self._partitions,
            reduce=reduce,
            spill=self.spill,
        )

    @property
    def _partitions(self) -> int:
        return max(1, -(-self.rows // self.rows_per_partition))

    def _unread(self, objects, failures):
        return {
            "objects": objects | "TakeUnread" >> beam.Map(_unread_rows),
            "failures": failures,
        } | "DecideUnread" >> Shuffle(
            keys={"objects": ("uri", "version"), "failures": ("uri", "version")},
            schemas={"objects": blocks.JOINED_ROWS, "failures": blocks.FAILURE_ROWS},
            partitions=self._partitions,
            reduce=blocks.DecideUnread(self.policy, self.code_version),
            spill=self.spill,
        )

    def _whole_runs(self, decisions, singles, unread):
        if compile_policy(self.policy).runs != "keep":
            return decisions
        pages = {"decided": decisions, "single": singles, "unread": unread}
        joined = tuple(
            found | f"Take {name} pages" >> beam.Map(page_runs.pages_of) for name, found in pages.items()
        ) | "JoinPages" >> FlattenBlocks(self.spill)
        torn = {"pages": joined} | "JudgeRuns" >> self._shuffle(
            {"pages": "package"}, {"pages": page_runs.PAGES}, page_runs.judge_runs
        )
        # Two readers, of which one waits for the other, as in `_cut`.
        return (
            decisions
            | "ParkPages" >> Park(self.spill)
            | "KeepRuns" >> MapParked(page_runs.keep_runs, beam.pvalue.AsList(torn))
        )

    def _whole_stems(self, decisions):
        if compile_policy(self.policy).companions != "review":
            return decisions
        going = {"going": decisions | "TakeStems" >> beam.Map(stems.going_of).with_output_types(pa.Table)}
        parted = going | "JudgeStems" >> self._shuffle({"going": "group"}, {"going": stems.GOING}, stems.judge_stems)
        # Two readers, of which one waits for the other, as in `_cut`.
        return (
            decisions
            | "ParkStems" >> Park(self.spill)
            | "KeepStems" >> MapParked(stems.keep_stems, beam.pvalue.AsList(parted))
        )

    def _cut(self, decisions):
        policy = compile_policy(self.policy, self.listed_bytes)
        if policy.review_per != "batch":
            return decisions
        # Two readers, of which one waits for the other: decisions would be held whole.
        freed = (
            decisions
            | "SumBatches" >> beam.Map(review_cut.batch_bytes, "batch").with_output_types(dict[str, int])
            | "JoinBatches" >> beam.CombineGlobally(_add_up)
        )
        return (
            decisions
            | "ParkDecisions" >> Park(self.spill)
            | "CutReviews" >> MapParked(partial(review_cut.cut_reviews, policy=policy), beam.pvalue.AsSingleton(freed))
        )


def _family_rows() -> dict[str, pa.Schema]:
    return {
        "members": blocks.member_rows(),
        "links": blocks.FAMILY_PAIR_ROWS,
        "confirmed": blocks.FAMILY_CONFIRMED_ROWS,
    }


def _add_up(parts) -> dict[str, int]:
    return review_cut.add_up(list(parts))


def _is(block: pa.Table, name: str) -> bool:
    return blocks.kind_of(block) == name


def _cast(block: pa.Table, schema: pa.Schema) -> pa.Table:
    return block.cast(schema)


def _pick(block: pa.Table, names: list[str]) -> pa.Table:
    return block.select(names)


def _read_rows(block: pa.Table) -> pa.Table:
    return block.filter(pc.is_valid(block.column("content_id")))


def _unread_rows(block: pa.Table) -> pa.Table:
    return block.filter(pc.is_null(block.column("content_id")))
