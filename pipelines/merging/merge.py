"""Put the tables of runs together that were made in different places; no image is listed, read or moved.

The hold look-ups of the decisions are the one thing that stores are asked, with whatever credentials are there: a side
whose stores don't answer has its objects' holds unknown, and what may be held is never quarantined. So each side
carries the merge out with its own credentials, or trusts the other with read access, and takes its own plan from it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import apache_beam as beam

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.in_force import note_sides, state
from mirrorfold.pipelines.merging.partner import check_partners, is_nameless, is_packed, their_verdicts, without_doubles
from mirrorfold.pipelines.merging.same_bucket import as_merged, check_access_points, check_doors, check_same_buckets
from mirrorfold.pipelines.merging.side_plans import write_side_plans
from mirrorfold.pipelines.merging.sides import MERGED, Brought, bring, check_decided_alike
from mirrorfold.pipelines.mission import HOLDS, MISSION
from mirrorfold.pipelines.record.request import Request, load_settings, resolve_policy
from mirrorfold.pipelines.record.steps import Step, count_rows
from mirrorfold.pipelines.sources import check_endpoints, said_again
from mirrorfold.transforms.merge.wiring import MergeTables
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.same_bucket import door_libraries, physical_buckets


def merged_request(folders: Sequence[str], config: str | None = None, policy: str | None = None) -> Request:
    """Make the request of a merge from those of its runs; the first run's settings hold where none are given.

    Args:
      folders: `[SIDE=]DIR` each.

    Raises:
      UsageError: a folder without a finished run, or runs that don't fit together.
    """
    sides = bring(folders)
    sources = tuple(sorted({spec for side in sides for spec in side.specs}, key=repr))
    check_endpoints(sources)
    check_access_points(sources)
    # What a partner packed decides nothing here: neither lists nor paths of its settings are ours.
    first = next((side.request for side in sides if not is_packed(side.record)), sides[0].request)
    if all(is_packed(side.record) for side in sides):
        first = replace(first, settings=Settings())
    if config is None and policy is None:
        if all(is_nameless(side.record) for side in sides):
            raise UsageError(
                "no side of these packs says its policy, which names places: say with --policy which holds"
            )
        check_decided_alike(sides)
        return Request(sources, _without_reading(first.settings), first.policy)
    settings = (
        load_settings(config, {"policy": policy}) if config else first.settings.model_copy(update={"policy": policy})
    )
    if config:
        sources = tuple(sorted({said_again(spec, settings) for spec in sources}, key=repr))
        check_doors(sources)
    return Request(sources, _without_reading(settings), resolve_policy(settings))


def _without_reading(settings: Settings) -> Settings:
    """Let matching read nothing again: a merge moves tables, never images."""
    return settings.model_copy(update={"match": settings.match.model_copy(update={"refetch_bytes": 0})})


def merge_mission(folders: Sequence[str]) -> tuple[Step, ...]:
    """Give the mission's steps, the merge in place of listing and fingerprinting, and the sides' plans at the end."""
    sides = bring(folders)
    later = tuple(step for step in MISSION if step.stage not in ("list", "fingerprint"))
    plans = Step(
        "sides",
        stage="publish",
        drive=lambda run: write_side_plans(run.store, [(side.name, side.libraries, _travels(side)) for side in sides]),
    )
    return (merge_step(sides), HOLDS, *later, plans)


def merge_step(sides: tuple[Brought, ...]) -> Step:
    """Give the step that stands in for listing and fingerprinting."""

    def build(root: beam.Pipeline, run: RunContext) -> None:
        check_partners(sides, MERGED)
        rows = {name: sum(count_rows(open_output(side.folder), name) for side in sides) for name in MERGED}
        merging = tuple(without_doubles(side, sides).side for side in sides)
        named, doors = physical_buckets(run.sources), door_libraries(run.sources)
        root | "MergeTables" >> MergeTables(merging, run.output, rows, named, run.spill, doors)

    def carry_words(run: RunContext) -> None:
        for side in sides:
            packed = is_packed(side.record)
            said = their_verdicts(side) if packed else verdicts.read_verdicts(open_output(side.folder))
            verdicts.store_verdicts(run.store, said)
        note_sides(run.store, sides)

    def depends(_: RunContext) -> list:
        return [[_state(side), repr(side.side.names)] for side in sides]

    def check(run: RunContext) -> None:
        elsewhere = [name for side in sides if is_packed(side.record) for name in side.libraries]
        check_same_buckets(run, partial(as_merged, run), elsewhere)

    return Step(
        "merge", stage="fingerprint", builds=(build,), drive=carry_words, writes=MERGED, depends=depends, check=check
    )


def _state(side: Brought) -> list:
    said = [verdict["id"] for verdict in verdicts.read_verdicts(open_output(side.folder))]
    counts = json.dumps(side.record["counts"], sort_keys=True)
    return [side.record["input_snapshot"], counts, _travels(side), said, state(side.folder)]


def _travels(side: Brought) -> str:
    return side.record.get("travels", "all")
