"""The whole mission in one screen: from listings to tables, plan and report."""

from __future__ import annotations

from mirrorfold.pipelines import (
    audit,
    fingerprint,
    list_objects,
    lists,
    match,
    merged_record,
    publish,
    retain,
    safety,
    savings,
)
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record.previous import state_of
from mirrorfold.pipelines.record.reread import window
from mirrorfold.pipelines.record.steps import Step

STAGES = ("list", "fingerprint", "match", "retain", "publish")
"""What the command line calls the stages, in order; `run` does them all."""


def depends_on(*sections: str):
    """Name the settings that a step's result depends on; effort (threads, shares of memory) changes no result."""

    def depends(run: RunContext) -> list:
        settings = run.settings.model_dump(mode="json")
        return [{k: v for k, v in settings[name].items() if k not in EFFORT} for name in sections]

    return depends


EFFORT = ("threads",)
LISTS = ("hold_list", "allow_unmatched_holds")
"""Settings of the section `listing` that change no listing."""

HOLDS = Step("holds", stage="list", drive=lists.check, depends=lists.depends_on, aside=True)

MISSION = (
    Step(
        "list",
        stage="list",
        builds=(list_objects.build_listing,),
        depends=lambda run: [{k: v for k, v in depends_on("listing")(run)[0].items() if k not in LISTS}],
        counts=lambda run: {"listed": sum(list_objects.listed_rows(run).values())},
        check=safety.check_listing,
    ),
    Step(
        "objects",
        stage="list",
        builds=(list_objects.build_objects,),
        writes=("objects",),
        total="listed",
    ),
    HOLDS,
    Step(
        "fingerprint",
        stage="fingerprint",
        builds=(fingerprint.build,),
        writes=("contents", "failures"),
        replaces=("objects",),
        depends=lambda run: [depends_on("fingerprint")(run), run.policy["identity"], window(run)],
        check=safety.check_failures,
        total="objects",
        committed=fingerprint.committed,
    ),
    Step(
        "match",
        stage="match",
        builds=(match.build,),
        writes=("edges", "pairs", "clusters"),
        depends=lambda run: [depends_on("match")(run), run.policy, state_of(run.previous, "match")],
        total="contents",
    ),
    Step(
        "retain",
        stage="retain",
        builds=(retain.build,),
        drive=retain.keep,
        writes=("decisions", "hold_checks", "confirmations", "lineage"),
        depends=lambda run: [run.policy, retain.depends_on(run)],
        total="objects",
    ),
    Step("record", stage="retain", drive=merged_record.drive, writes=("merged_record",)),
    Step(
        "savings",
        stage="retain",
        builds=(savings.build_savings,),
        writes=("savings",),
        depends=savings.depends_on,
    ),
    Step(
        "changes",
        stage="retain",
        builds=(audit.build,),
        drive=audit.carry_thumbnails,
        writes=("changes", "aliases"),
        depends=audit.depends_on,
    ),
    Step("publish", stage="publish", drive=publish.publish, depends=publish.depends_on),
)
