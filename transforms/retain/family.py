"""The decision on one family: every object that may show the same picture, decided together."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace

from mirrorfold.transforms.retain.copies import Copies, Facts, aliases, settle_copies, usable
from mirrorfold.transforms.retain.losses import lost_with
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import (
    Answers,
    Decision,
    FamilyPlan,
    Key,
    Link,
    Member,
    Question,
    Ruling,
    pair_of,
)
from mirrorfold.transforms.retain.seen import with_seen
from mirrorfold.transforms.retain.stand_ins import (
    COMPARED,
    SAME_WORD,
    Evidence,
    StandIn,
    conflicts,
    find_stand_ins,
    neighbours,
)

Contents = dict[str, list[Member]]
GOES_WITH_A_STAND_IN = ("keep-order", "min-copies", "planned-before")
"""Why a copy is kept that goes where another content stands in for it."""


def decide_family(
    members: list[Member],
    links: list[Link],
    rulings: dict[tuple[str, str], Ruling],
    policy: Policy,
    answers: Answers,
) -> FamilyPlan:
    """Decide on every member of a family under a policy.

    The plan is final once nothing is left to ask; until then it assumes the best of what it asks for.

    Args:
      members: all objects of the family, in any order.
      links: verified pairs among its contents.
      rulings: what people said about pairs of its contents (a pair of one content with itself is about its copies).
      answers: hold look-ups and SHA-256 confirmations so far.
    """
    members = _with_roles(with_seen(members, answers.seen, policy))
    facts = Facts(policy, answers, aliases(members))
    evidence = Evidence(links, rulings, answers.pairs, answers.seen)
    contents: Contents = {}
    for member in members:
        contents.setdefault(member.content_id, []).append(member)
    plans = {content: settle_copies(copies, facts) for content, copies in contents.items()}
    stand_ins = _stand_ins(contents, plans, evidence, policy)
    decisions = [
        decision
        for content, copies in contents.items()
        for decision in _decide_content(copies, plans, stand_ins.get(content), evidence, facts)
    ]
    _count_copies(decisions, facts)
    ask_read = [m for plan in plans.values() for m in plan.ask_read]
    ask_hold = []
    for decision in decisions:
        member = decision.member
        if decision.action != "quarantine":
            continue
        if member.id not in answers.holds:
            ask_hold.append(member)
        elif member.identity_evidence == "md5" and policy.md5 == "confirm" and member.id not in answers.reads:
            ask_read.append(member)
    once = list({m.id: m for m in ask_read}.values())
    keepers = {content: plan.keepers for content, plan in plans.items()}
    questions = _pairs_to_compare(decisions, stand_ins, contents, answers)
    return FamilyPlan(decisions, ask_hold, once, keepers, questions, _unasked(decisions, keepers, answers))


def _pairs_to_compare(
    decisions: list[Decision], stand_ins: dict[str, StandIn], contents: Contents, answers: Answers
) -> list[Question]:
    """Name the pairs that must be compared at full detail before the plan may act on them, or show them to people.

    So are those that a person called the same: which of the two stays they didn't say.
    """
    acted = ("quarantine", "review")
    going = {d.member.content_id for d in decisions if d.action in acted and d.tier in COMPARED}
    found = []
    for content in sorted(going & stand_ins.keys()):
        stand_in, pair = stand_ins[content], pair_of(content, stand_ins[content].kept)
        if stand_in.ask or (stand_in.rule == SAME_WORD and pair not in answers.pairs):
            found.append(Question(pair, tuple(contents[pair[0]]), tuple(contents[pair[1]])))
    return found


def _unasked(decisions: list[Decision], keepers: dict[str, list[Member]], answers: Answers) -> list[Member]:
    """Name the kept copies in buckets that what goes relies on, and of which no look-up has said that they last."""
    relied = {decision.kept.content_id for decision in decisions if decision.action == "quarantine" and decision.kept}
    found = [keeper for content in sorted(relied) for keeper in keepers[content]]
    return [keeper for keeper in found if keeper.store != "file" and keeper.id not in answers.lasting]


def _stand_ins(contents: Contents, plans: dict[str, Copies], evidence: Evidence, policy: Policy) -> dict[str, StandIn]:
    clusters: dict[str, Contents] = {}
    for content, copies in contents.items():
        clusters.setdefault(copies[0].cluster_id, {})[content] = copies
    found: dict[str, StandIn] = {}
    for cluster_id, cluster in clusters.items():
        if cluster_id in cluster and len(cluster) > 1:
            found |= find_stand_ins(cluster, cluster_id, plans, evidence, policy)
    return found | neighbours(contents, evidence.links.values())


def _decide_content(
    copies: list[Member], plans: dict[str, Copies], stand_in: StandIn | None, evidence: Evidence, facts: Facts
) -> list[Decision]:
    plan = plans[copies[0].content_id]
    goes = _gone(copies, plan, plans, stand_in, facts.policy)
    beside = Nearest(plans[stand_in.kept].keepers) if stand_in is not None and goes else None
    same = _same_bytes(plan, goes, stand_in, facts.policy)
    decisions = []
    for member in copies:
        kept = plan.kept.get(member.id)
        if member.id in goes and stand_in is not None and beside is not None:
            decisions.append(_beside(member, stand_in, beside.to(member), facts.policy))
        elif kept is None:
            decisions.append(_copy_of(member, same.to(member) if same else None, evidence, facts.policy))
        else:
            decisions.append(_kept(member, kept, plan, copies, stand_in))
    _weigh(decisions, copies, plans, stand_in, facts.policy)
    return decisions


def _weigh(
    decisions: list[Decision],
    copies: list[Member],
    plans: dict[str, Copies],
    stand_in: StandIn | None,
    policy: Policy,
) -> None:
    """Mark what people's word would set aside, and what it conflicts with, whatever the policy does with it now."""
    agreed = None if stand_in is None else replace(stand_in, action="quarantine")
    would = _gone(copies, plans[copies[0].content_id], plans, agreed, policy)
    beside = Nearest(plans[agreed.kept].keepers) if agreed is not None and would else None
    for decision in decisions:
        member = decision.member
        if decision.action == "quarantine":
            continue
        if decision.tier == "identical":
            decision.if_same = decision.kept is not None
        elif member.id in would and agreed is not None and beside is not None:
            decision.if_same = True
            kept = beside.to(member)
            clashes = (*conflicts(member, kept, policy), *lost_with(member, kept))
            decision.conflicts = tuple(dict.fromkeys((*agreed.conflicts, *decision.conflicts, *clashes)))


class Nearest:
    """Kept copies, best first, to stand for others: the best in an object's own place, or else the best of all."""

    def __init__(self, keepers: list[Member]):
        self.best = keepers[0]
        self.by_place: dict[str, Member] = {}
        for member in keepers:
            self.by_place.setdefault(member.place, member)

    def to(self, member: Member) -> Member:
        """Choose the kept copy that stands for an object."""
        return self.by_place.get(member.place, self.best)


def _same_bytes(plan: Copies, goes: set[Key], stand_in: StandIn | None, policy: Policy) -> Nearest | None:
    """Give the kept copies that exact copies may rely on; None where too few stay.

    Keepers that wait for a review are kept until somebody decides, so they count; others are preferred.
    """
    waiting = stand_in is not None and stand_in.action == "review"
    left = [m for m in plan.keepers if m.id not in goes]
    staying = plan.keepers if waiting else left
    return Nearest(left or staying) if staying and len(staying) >= policy.min_archival_copies else None


def _gone(
    copies: list[Member], plan: Copies, plans: dict[str, Copies], stand_in: StandIn | None, policy: Policy
) -> set[Key]:
    """Name the copies that leave, or wait for review, because another content stands in for them.

    Copies that an earlier plan named, and that are still there, are named again: what stands in for them is kept.
    """
    named = [rule for _, rule, _ in plan.kept.values() if rule == "planned-before"]
    if stand_in is None or stand_in.action == "keep" or not (plan.keepers or named):
        return set()
    kept = plans[stand_in.kept].keepers
    if not kept or len(kept) < policy.min_archival_copies:
        return set()
    short = {place for place, n in policy.min_copies().items() if sum(m.place == place for m in kept) < n}
    movable = {
        m.id
        for m in copies
        if m.place not in short and (m.id not in plan.kept or plan.kept[m.id][1] in GOES_WITH_A_STAND_IN)
    }
    if stand_in.action == "review":
        # Exact copies don't wait: they are settled by their own content's kept copies.
        return movable & {m.id for m in plan.keepers}
    return movable


def _beside(member: Member, stand_in: StandIn, kept: Member, policy: Policy) -> Decision:
    clashes = (*stand_in.conflicts, *conflicts(member, kept, policy), *lost_with(member, kept))
    clashes = tuple(dict.fromkeys(clashes))
    action, rule, lost = stand_in.action, stand_in.rule, stand_in.lost
    if action == "quarantine" and _parts_from(member, policy) and not rule.startswith("verdict-"):
        action, rule, lost = "review", "companions", (*lost, f"{stand_in.tier}: quarantine")
    if clashes and action == "quarantine" and not rule.startswith("verdict-"):
        action, rule, lost = "review", "conflict", (*lost, f"{stand_in.tier}: quarantine")
    return Decision(member, action, rule, kept, stand_in.tier, stand_in.kind, clashes, lost, stand_in.evidence)


def _copy_of(member: Member, kept: Member | None, evidence: Evidence, policy: Policy) -> Decision:
    """Decide on a copy that is free to go because the same bytes are kept."""
    content = member.content_id
    if kept is None:
        return Decision(member, "keep", "min-copies", evidence=(f"sha256:{content}",))
    clashes = conflicts(member, kept, policy)
    rule = policy.tier("identical")
    ruling = evidence.ruling(content, content)
    verdicts = tuple(f"verdict:{v}" for v in (ruling.verdicts if ruling else ()))
    told = ruling.outcome if ruling else None
    decide = functools.partial(
        Decision, member, tier="identical", kind="copy", conflicts=clashes, evidence=(f"sha256:{content}", *verdicts)
    )
    lost = (f"identical: {rule.action}",)
    if told in ("different", "split"):
        return decide("keep", f"verdict-{told}", lost=lost)
    if told == "same":
        return decide("quarantine", "verdict-same", kept)
    if told == "conflict":
        return decide("review", "verdict-conflict", kept, lost=lost)
    if rule.action == "keep":
        return decide("keep", "identical-kept")
    if clashes:
        return decide("review", "conflict", kept, lost=lost)
    if rule.action == "quarantine" and _parts_from(member, policy):
        return decide("review", "companions", kept, lost=lost)
    return decide(rule.action, "identical", kept)


def _parts_from(member: Member, policy: Policy) -> bool:
    """Tell whether files that belong to a picture would stay alone, or with another: people look first."""
    return policy.companions == "review" and bool(member.companions)


def _kept(
    member: Member, kept: tuple[str, str, tuple[str, ...]], plan: Copies, copies: list[Member], stand_in: StandIn | None
) -> Decision:
    action, rule, lost = kept
    tier = kind = None
    clashes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    if rule in ("keep-order", "min-copies") and stand_in is not None:
        tier, kind, clashes, evidence = stand_in.tier, stand_in.kind, stand_in.conflicts, stand_in.evidence
        if stand_in.action == "keep":
            rule, lost = stand_in.rule, stand_in.lost
        else:
            rule, lost = "min-copies", (*lost, f"{stand_in.rule}: {stand_in.action}")
    elif rule == "keep-order" and len(copies) == 1:
        rule = "master"
    return Decision(member, action, rule, None, tier, kind, clashes, lost, (f"sha256:{member.content_id}", *evidence))


def _count_copies(decisions: list[Decision], facts: Facts) -> None:
    left: dict[str, dict[str, str]] = {}
    for decision in decisions:
        member = decision.member
        decision.counts_as_copy = usable(member, facts.answers, facts.policy)
        if decision.action != "quarantine" and decision.counts_as_copy:
            left.setdefault(member.content_id, {}).setdefault(member.copy, member.place)
    counts = {content: Counter(copies.values()) for content, copies in left.items()}
    for decision in decisions:
        member = decision.member
        decision.copies_left = len(left.get(member.content_id, ()))
        decision.copies_left_here = counts.get(member.content_id, Counter())[member.place]
        decision.role = member.role or ("variant" if member.content_id != member.cluster_id else None)


def _with_roles(members: list[Member]) -> list[Member]:
    """Give derivatives their role where the file they say they derive from is in the family."""
    names: dict[str, set[str]] = {}
    for member in members:
        for name in (member.document_id, member.instance_id):
            if name:
                names.setdefault(name, set()).add(member.content_id)
    return [
        member._replace(role=member.role_linked)
        if member.role != member.role_linked and names.get(member.derived_from or "", set()) - {member.content_id}
        else member
        for member in members
    ]
