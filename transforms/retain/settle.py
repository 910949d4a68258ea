"""Decide, ask the stores, decide again: until nothing that would be quarantined is left unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mirrorfold.transforms.retain.compared import Compare
from mirrorfold.transforms.retain.family import decide_family
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Answers, Confirmed, FamilyPlan, Key, Link, Member, Ruling, Seen
from mirrorfold.transforms.retain.seen import seen_of


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
    compare: Compare,
    ask_lasting: Callable[[list[Member]], dict[Key, str]] = lambda _: {},
) -> list[FamilyPlan]:
    """Decide families; questions of all of them go to the stores together.

    Each object and pair is asked about at most once, so this ends: an answer keeps more, or lets another content of a
    cluster stay, by what full detail showed of both.

    Args:
      compare: compares pairs at full detail.
    """
    holds: dict[Key, str] = {}
    reads: dict[Key, bool | None] = {}
    pairs: dict[tuple[str, str], Confirmed] = {}
    lasting: dict[Key, str] = {}
    seen: dict[str, Seen] = {}
    answers = Answers(holds, reads, pairs, lasting, seen)
    plans = [decide_family(*family, policy, answers) for family in families]
    open_ = [number for number, plan in enumerate(plans) if _asks(plan)]
    while open_:
        holds |= ask_holds([member for number in open_ for member in plans[number].ask_hold])
        reads |= ask_reads([member for number in open_ for member in plans[number].ask_read])
        questions = {question.pair: question for number in open_ for question in plans[number].ask_pair}
        pairs |= compare([questions[pair] for pair in sorted(questions)])
        seen |= seen_of(pairs.values())
        # What can't be asked is as the listing says.
        asked = [member for number in open_ for member in plans[number].ask_lasting]
        lasting |= {member.id: "yes" for member in asked} | ask_lasting(asked)
        for number in open_:
            plans[number] = decide_family(*families[number], policy, answers)
        open_ = [number for number in open_ if _asks(plans[number])]
    for plan in plans:
        _add_evidence(plan, answers)
    return plans


def _asks(plan: FamilyPlan) -> bool:
    return bool(plan.ask_hold or plan.ask_read or plan.ask_pair or plan.ask_lasting)


def _add_evidence(plan: FamilyPlan, answers: Answers) -> None:
    for decision in plan.decisions:
        member = decision.member
        if answers.reads.get(member.id):
            decision.evidence = (*decision.evidence, f"read:{member.content_id}")
        if member.id in answers.lasting:
            decision.evidence = (*decision.evidence, f"lasting:{answers.lasting[member.id]}")
        if member.id in answers.holds:
            decision.evidence = (*decision.evidence, f"hold:{answers.holds[member.id]}")
