"""Decide, ask the stores, decide again: until nothing that would be quarantined is left unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mirrorfold.transforms.retain.family import decide_family
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Answers, FamilyPlan, Key, Link, Member, Ruling


class Family(NamedTuple):
    """The input of one decision."""

    members: list[Member]
    links: list[Link]
    rulings: dict[tuple[str, str], Ruling]


def settle(
    families: list[Family],
    policy: Policy,
    ask_holds: Callable[[list[Member]], dict[Key, str]],
    ask_reads: Callable[[list[Member]], dict[Key, bool | None]],
) -> list[FamilyPlan]:
    """Decide families; questions of all of them go to the stores together.

    Each object is asked about at most once, and an answer only ever keeps more, so this ends.
    """
    holds: dict[Key, str] = {}
    reads: dict[Key, bool | None] = {}
    answers = Answers(holds, reads)
    plans = [decide_family(*family, policy, answers) for family in families]
    open_ = [number for number, plan in enumerate(plans) if plan.ask_hold or plan.ask_read]
    while open_:
        holds |= ask_holds([member for number in open_ for member in plans[number].ask_hold])
        reads |= ask_reads([member for number in open_ for member in plans[number].ask_read])
        for number in open_:
            plans[number] = decide_family(*families[number], policy, answers)
        open_ = [number for number in open_ if plans[number].ask_hold or plans[number].ask_read]
    for plan in plans:
        _add_evidence(plan, answers)
    return plans


def _add_evidence(plan: FamilyPlan, answers: Answers) -> None:
    for decision in plan.decisions:
        member = decision.member
        if answers.reads.get(member.id):
            decision.evidence = (*decision.evidence, f"read:{member.content_id}")
        if member.id in answers.holds:
            decision.evidence = (*decision.evidence, f"hold:{answers.holds[member.id]}")
