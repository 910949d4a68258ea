"""Contents that show the same picture: whether one may stand in for another, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mirrorfold.schemas.belongings import UNREAD_SIDECAR
from mirrorfold.schemas.clusters import TOO_LARGE
from mirrorfold.schemas.pairs import LIES_OTHERWISE
from mirrorfold.schemas.rights import FIELDS, rights_form
from mirrorfold.transforms.retain.copies import Copies
from mirrorfold.transforms.retain.keep_order import deciding
from mirrorfold.transforms.retain.losses import lost_with
from mirrorfold.transforms.retain.policy import Policy, TierRule
from mirrorfold.transforms.retain.records import Confirmed, Link, Member, Ruling, Seen, pair_of
from mirrorfold.transforms.retain.seen import LATE


@dataclass(frozen=True)
class StandIn:
    """What is to become of a content next to another: keep, review or quarantine it for `kept`."""

    action: str
    rule: str
    kept: str
    tier: str
    kind: str
    conflicts: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    ask: bool = False
    """The pair has to be compared at full detail before this holds."""


SAME_WORD = "verdict-same"
"""Rule of what goes because people said that it shows the same; which of the two stays they didn't say."""
DAMAGED = "damaged"
"""Rule and kind of a pair of which one is damaged."""
COMPARED = ("near-certain", "probable")
"""Tiers that rest on a small picture: only a person's word on the very pair lets one go without a second look."""


class Evidence:
    """The links and rulings of a family, by pair of contents, and what full detail showed of pairs and contents."""

    def __init__(
        self,
        links: list[Link],
        rulings: dict[tuple[str, str], Ruling],
        pairs: Mapping[tuple[str, str], Confirmed] | None = None,
        seen: Mapping[str, Seen] | None = None,
    ):
        self.links = {(link.content_a, link.content_b): link for link in links}
        self.rulings = rulings
        self.pairs = pairs or {}
        self.seen = seen or {}

    def link(self, first: str, second: str) -> Link | None:
        """Give the verified pair, if it is listed."""
        return self.links.get(pair_of(first, second))

    def ruling(self, first: str, second: str) -> Ruling | None:
        """Give what people said about the pair, as seen from `first`: keep-a keeps `first`."""
        ruling = self.rulings.get(pair_of(first, second))
        if ruling is None or first <= second or ruling.outcome not in ("keep-a", "keep-b"):
            return ruling
        return ruling._replace(outcome="keep-b" if ruling.outcome == "keep-a" else "keep-a")


def find_stand_ins(
    cluster: dict[str, list[Member]], master: str, plans: dict[str, Copies], evidence: Evidence, policy: Policy
) -> dict[str, StandIn]:
    """Say for each content of a cluster but the one that stays whether the latter may stand in for it.

    Args:
      cluster: objects by content_id, best first.
      master: content_id the cluster is built around.
    """
    chosen = [content for content in cluster if content != master and _is_chosen(evidence.ruling(content, master))]
    found: dict[str, StandIn] = {}
    stays = chosen[0] if len(chosen) == 1 and plans[chosen[0]].keepers else master
    stays = stays if chosen else _better(cluster, master, plans, evidence, policy)
    for content, members in cluster.items():
        if content == stays:
            continue
        ruling = evidence.ruling(content, stays)
        link = evidence.link(content, stays)
        if stays != master and content != master and ruling is None:
            # What was compared with the overruled master isn't known to be the chosen picture.
            tier, kind = members[0].tier, members[0].kind
            found[content] = StandIn("keep", "master-overruled", stays, tier, kind)
            continue
        if len(chosen) > 1 and content in chosen:
            ruling = Ruling("conflict", ruling.verdicts if ruling else ())
        shown = members[0] if content != master else cluster[stays][0]
        tier, kind = (link.tier, link.kind) if link else (shown.tier, shown.kind)
        said = _judge(members[0], cluster[stays][0], tier, kind, link, ruling, policy)
        opened = ruling is not None and ruling.opened and ruling.outcome in ("same", "keep-a", "keep-b")
        pair = evidence.pairs.get(pair_of(content, stays))
        named = set(members[0].parts or ()) != set(cluster[stays][0].parts or ()) or kind in LIES_OTHERWISE
        if policy.review_compare and pair is None and said.action == "review" and said.tier in COMPARED:
            said = replace(said, ask=kind not in LIES_OTHERWISE)
        if said.action == "review" and named:
            found[content] = said  # by how it lies, or by what lies behind it, whatever pixel beside pixel looks like
            continue
        found[content] = _by_word(said, pair, evidence.seen) if opened else _at_full_detail(said, pair)
    return found


def _by_word(said: StandIn, pair: Confirmed | None, seen: Mapping[str, Seen]) -> StandIn:
    """Let a person's word on the pair stand, but where the copy that nobody chose is damaged: pages don't show it.

    Which of the two they called the same stays is settled by `_better`.
    """
    if said.rule != SAME_WORD or pair is None or not seen.get(said.kept, Seen()).damaged:
        return said
    return _at_full_detail(said, pair)


def _better(
    cluster: dict[str, list[Member]], master: str, plans: dict[str, Copies], evidence: Evidence, policy: Policy
) -> str:
    """Give the content that stays: the master, or the best one that is better by what full detail showed of both.

    One that shows the same comes before one that differs from the master: of a blow-up its source stays, not a redacted
    copy that nobody held against that source.
    """
    if master not in evidence.seen or not plans[master].keepers:
        return master
    for same in (True, False):
        best = plans[master].keepers[0]
        for content in cluster:
            pair = evidence.pairs.get(pair_of(content, master))
            if pair is None or pair.confirmed != same or content not in evidence.seen or not plans[content].keepers:
                continue
            other = plans[content].keepers[0]
            if other.priority < best.priority and deciding(other.priority, best.priority, policy) in LATE:
                best = other
        if best.content_id != master:
            return best.content_id
    return master


def _at_full_detail(said: StandIn, pair: Confirmed | None) -> StandIn:
    """Let go without a person's word on the pair only what full detail confirms; the rest goes to people.

    So does everything beside a kept copy that is damaged, and a pair of which one is and nobody can tell which. What
    waits for people anyhow is named by what was found.
    """
    goes = said.action == "quarantine"
    if said.tier not in COMPARED or not (goes or said.action == "review"):
        return said
    if pair is None:
        return replace(said, ask=True) if goes else said
    named = f"{pair.content_a}:{pair.content_b}"
    kept, gone = (pair.damaged_a, pair.damaged_b)[:: 1 if said.kept == pair.content_a else -1]
    if pair.confirmed and not kept:
        return replace(said, evidence=(*said.evidence, f"confirmed:{named}")) if goes else said
    if not (goes or pair.width):
        return said  # nothing was compared, which says nothing of the pair
    damaged = bool(kept) or pair.kind == DAMAGED
    where = f"{pair.kind}: {pair.place}" if pair.width else pair.kind
    if damaged:
        told = [f"{name}: {said_of}" for name, said_of in (("the kept one", kept), ("this one", gone)) if said_of]
        where = "; ".join(told) or f"a few bytes of one coding differ, which is sound can't be told: {pair.place}"
    found = replace(
        said,
        action="review",
        tier="probable",
        kind=DAMAGED if damaged else pair.kind,
        evidence=(*said.evidence, f"differs:{named}"),
    )
    if not (goes or said.rule == said.tier):
        return found  # why it waits stands already: a conflict, reviewers who disagree
    ruled = (f"{said.rule}: quarantine",) if goes else ()
    return replace(found, rule=DAMAGED if damaged else f"{said.tier}-unconfirmed", lost=(where, *ruled, *said.lost))


def neighbours(contents: dict[str, list[Member]], links: Iterable[Link]) -> dict[str, StandIn]:
    """Hand to people what a family too large for its stars left by itself, beside the content it is nearest to."""
    left = {content for content, members in contents.items() if members[0].kind == TOO_LARGE}
    found: dict[str, StandIn] = {}
    for link in sorted(links, key=lambda link: (link.content_a, link.content_b)) if left else ():
        for content, other in ((link.content_a, link.content_b), (link.content_b, link.content_a)):
            if content in left and other in contents:
                pair = f"pair:{link.content_a}:{link.content_b}"
                found.setdefault(content, StandIn("review", TOO_LARGE, other, link.tier, link.kind, (), (), (pair,)))
    return found


def _is_chosen(ruling: Ruling | None) -> bool:
    return ruling is not None and ruling.outcome == "keep-a"


def _judge(
    dropped: Member, kept: Member, tier: str, kind: str, link: Link | None, ruling: Ruling | None, policy: Policy
) -> StandIn:
    clashes = (*conflicts(dropped, kept, policy), *lost_with(dropped, kept))
    if link is not None and link.capture_conflict and "capture_time" in policy.conflict_review:
        clashes = tuple(dict.fromkeys((*clashes, "capture_time")))
    pair = pair_of(dropped.content_id, kept.content_id)
    evidence: tuple[str, ...] = (f"pair:{pair[0]}:{pair[1]}",) if link else ()
    evidence += tuple(f"verdict:{v}" for v in (ruling.verdicts if ruling else ()))
    outcome = ruling.outcome if ruling else None
    by_policy = policy.tier(tier)

    def say(action: str, rule: str, *lost: str) -> StandIn:
        return StandIn(action, rule, kept.content_id, tier, kind, clashes, lost, evidence)

    if outcome in ("different", "split"):
        return say("keep", f"verdict-{outcome}", f"{tier}: {by_policy.action}")
    if outcome == "conflict":
        return say("review", "verdict-conflict", f"{tier}: {by_policy.action}")
    if outcome == "keep-a":
        return say("keep", "verdict-keeper", f"{tier}: {by_policy.action}")
    if outcome in ("same", "keep-b"):
        return say("quarantine", SAME_WORD if outcome == "same" else "verdict-keeper", *_outranked(clashes))
    if by_policy.action == "keep":
        return say("keep", f"{tier}-kept")
    role = dropped.role or "variant"
    if role in policy.keep_roles and (kept.role or "variant") != role:
        return say("keep", f"role-{role}", f"{tier}: {by_policy.action}")
    if clashes:
        return say("review", "conflict", f"{tier}: {by_policy.action}")
    if by_policy.action == "quarantine" and by_policy.when == "accepted":
        missing = unmet(by_policy, link, kind) if by_policy.kinds or by_policy.verification else ""
        return say("quarantine", "accepted") if outcome == "accepted" and not missing else say("review", tier)
    if by_policy.action == "quarantine":
        missing = unmet(by_policy, link, kind)
        return say("review", f"{tier}-unverified", f"{tier}: {missing}") if missing else say("quarantine", tier)
    return say("review", tier)


def _outranked(clashes: tuple[str, ...]) -> tuple[str, ...]:
    return ("conflict",) if clashes else ()


def conflicts(first: Member, second: Member, policy: Policy) -> tuple[str, ...]:
    """Name the fields that both state and that disagree; what stands in an unread sidecar may disagree too."""
    found = tuple(
        field
        for field in policy.conflict_review
        if (a := _said(first, field)) is not None and (b := _said(second, field)) is not None and a != b
    )
    return (*found, UNREAD_SIDECAR) if policy.conflict_review and (first.unread or second.unread) else found


def _said(member: Member, field: str) -> str | None:
    value = getattr(member, field)
    if value is None:
        return None
    return (rights_form(value) if field in FIELDS else value.strip().casefold()) or None


AT_LEAST = ("min_correlation", "min_highpass", "min_crop_area")
AT_MOST = ("max_residual", "max_aspect", "max_d_phash256", "max_d_dhash256")


def unmet(rule: TierRule, link: Link | None, kind: str) -> str:
    """Name the first demand of a tier's verification that a pair doesn't meet; '' when it meets all."""
    if link is None:
        return "no verified pair"
    if not link.in_cluster:
        return "the pair doesn't hold a cluster together"
    if rule.kinds and kind not in rule.kinds:
        return f"kind {kind} isn't one of {', '.join(rule.kinds)}"
    for name, wanted in rule.verification:
        value = getattr(link, name[4:], None) if name != "rules" else link.rule
        if name == "rules" and value not in wanted:
            return f"rule {value} isn't one of {', '.join(wanted)}"
        # A NaN meets nothing: the comparisons are written so that it fails them.
        if name in AT_LEAST and (value is None or not value >= wanted):
            return f"{name[4:]} isn't at least {wanted}"
        if name in AT_MOST and (value is None or not value <= wanted):
            return f"{name[4:]} isn't at most {wanted}"
    return "" if rule.verification else "no verification demanded"
