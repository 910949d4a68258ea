"""Copies of one content: which may never go, which are kept, which are free to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mirrorfold.schemas.belongings import is_run
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Answers, Key, Member

READ = ("read", "previous")


@dataclass(frozen=True)
class Facts:
    """What holds for a whole family while it is decided."""

    policy: Policy
    answers: Answers
    aliased: frozenset[Key]


@dataclass
class Copies:
    """The copies of one content.

    Attributes:
      keepers: kept, usable and physically distinct, best first; empty when none is usable.
      kept: (action, rule, other rules that applied) of every copy that isn't free.
      free: copies that may go because of the keepers, best first.
      ask_read: unread copies that would count towards a minimum once read.
    """

    keepers: list[Member] = field(default_factory=list)
    kept: dict[Key, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    free: list[Member] = field(default_factory=list)
    ask_read: list[Member] = field(default_factory=list)


RESTRAINTS: tuple[tuple[str, str, Callable[[Member, Facts], bool]], ...] = (
    ("blocked", "hold", lambda m, f: m.hold == "yes" or f.answers.holds.get(m.id) == "yes"),
    ("blocked", "protected", lambda m, f: m.protected),
    ("blocked", "unreadable", lambda m, f: not m.readable),
    ("blocked", "hold-unknown", lambda m, f: f.answers.holds.get(m.id) == "unknown"),
    ("blocked", "identity-refuted", lambda m, f: f.answers.reads.get(m.id) is False),
    ("blocked", "denied", lambda m, f: m.earlier == "denied"),
    ("keep", "package", lambda m, f: f.policy.packages == "keep" and m.package is not None and not is_run(m.package)),
    ("keep", "delete-marker", lambda m, f: m.is_delete_marker),
    ("keep", "noncurrent", lambda m, f: not m.is_latest),
    ("blocked", "rotted", lambda m, f: m.earlier == "rotted"),
    ("keep", "link", lambda m, f: m.passes == "link"),
    ("keep", "door", lambda m, f: m.passes == "door"),
    ("keep", "passing", lambda m, f: m.passes == "passing"),
    (
        "keep",
        "quarantine-place",
        lambda m, f: m.passes == "quarantine-place" or f.answers.lasting.get(m.id) == "tagged",
    ),
    ("keep", "expiring", lambda m, f: m.passes == "expiring" or f.answers.lasting.get(m.id) == "no"),
    ("keep", "lifecycle-unknown", lambda m, f: m.passes == "lifecycle-unknown" or _unknown(m, f.answers, f.policy)),
    ("keep", "same-copy", lambda m, f: m.id in f.aliased),
    ("keep", "replica", lambda m, f: m.replication_status == "REPLICA" and f.policy.replicas == "keep"),
    ("keep", "no-precondition", lambda m, f: not (m.version or m.etag)),
    ("keep", "md5-only", lambda m, f: m.identity_evidence == "md5" and f.policy.md5 == "keep"),
    ("keep", "unconfirmed", lambda m, f: m.id in f.answers.reads and f.answers.reads[m.id] is None),
)
"""What keeps an object whatever its copies are, strongest first."""


def restraints(member: Member, facts: Facts) -> list[tuple[str, str]]:
    """Give (action, rule) of everything that keeps an object by itself, strongest first."""
    return [(action, rule) for action, rule, applies in RESTRAINTS if applies(member, facts)]


def usable(member: Member, answers: Answers, policy: Policy) -> bool:
    """Tell whether an object may be a kept copy: current, readable, read, lasting, and named by no earlier plan."""
    read = answers.reads.get(member.id, member.identity_evidence in READ)
    return bool(
        read
        and member.readable
        and member.is_latest
        and not member.is_delete_marker
        and not member.archived
        and member.passes is None
        and member.earlier is None
        and answers.lasting.get(member.id) not in ("no", "tagged")
        and not _unknown(member, answers, policy)
    )


def _unknown(member: Member, answers: Answers, policy: Policy) -> bool:
    """Tell whether a rule that goes by tags might delete it, and nobody may look, and the policy counts that."""
    hidden = member.lifecycle == "attributes" and answers.lasting.get(member.id) == "unknown"
    return hidden and policy.lifecycle_unknown == "keep"


def aliases(members: list[Member]) -> frozenset[Key]:
    """Name the objects that share what physically holds their bytes with another object."""
    by_copy: dict[str, list[Key]] = {}
    for member in members:
        by_copy.setdefault(member.copy, []).append(member.id)
    # Versions of one key are different bytes under one name, not one copy under two names.
    return frozenset(key for keys in by_copy.values() if len({uri for uri, _ in keys}) > 1 for key in keys)


def settle_copies(copies: list[Member], facts: Facts) -> Copies:
    """Choose which copies of one content are kept, best first: by the class that lasts, the key, then the policy."""
    copies = sorted(copies, key=_order)
    held_back = {member.id: restraints(member, facts) for member in copies}
    fit = [member for member in copies if usable(member, facts.answers, facts.policy)]
    plan = Copies(keepers=_choose(fit, held_back, facts.policy))
    kept_ids = {member.id for member in plan.keepers}
    short, short_places = _shortages(copies, plan.keepers, facts.policy)
    for member in copies:
        stops = held_back[member.id]
        if stops:
            plan.kept[member.id] = (*stops[0], tuple(rule for _, rule in stops[1:]))
        elif not plan.keepers:
            rule = "planned-before" if member.earlier == "planned" else "no-usable-copy"
            plan.kept[member.id] = ("keep", rule, ())
        elif member.id in kept_ids:
            best = member.id == plan.keepers[0].id
            plan.kept[member.id] = ("keep", "keep-order" if best else "min-copies", ())
        elif short or member.place in short_places:
            plan.kept[member.id] = ("keep", "min-copies", ())
        else:
            plan.free.append(member)
    fewest = max([facts.policy.min_archival_copies, *facts.policy.min_copies().values()])
    plan.ask_read = [
        m for m in copies if (short or m.place in short_places) and _would_count(m, held_back[m.id], facts)
    ][:fewest]
    plan.ask_read += _better_unread(plan, facts)
    return plan


def _order(member: Member) -> tuple:
    return *member.frailty, member.priority


def _better_unread(plan: Copies, facts: Facts) -> list[Member]:
    """Name a copy that would go only because it wasn't read: once read, it would be kept before the kept one."""
    return [m for m in plan.free if m.frailty < plan.keepers[0].frailty and _would_count(m, [], facts)][:1]


def _choose(fit: list[Member], held_back: dict, policy: Policy) -> list[Member]:
    """Keep the best, then what stays anyway, then as many as the minima ask for; one per physical copy."""
    chosen: dict[str, Member] = {}
    for member in fit[:1] + [m for m in fit if held_back[m.id]]:
        chosen.setdefault(member.copy, member)
    for member in fit:
        if len(chosen) >= policy.min_archival_copies:
            break
        chosen.setdefault(member.copy, member)
    for place, fewest in policy.min_copies().items():
        here = sum(m.place == place for m in chosen.values())
        for member in fit:
            if here >= fewest:
                break
            if member.place == place and member.copy not in chosen:
                chosen[member.copy] = member
                here += 1
    return sorted(chosen.values(), key=_order)


def _shortages(copies: list[Member], keepers: list[Member], policy: Policy) -> tuple[bool, set[str]]:
    places = {member.place for member in copies}
    short = {
        place
        for place, fewest in policy.min_copies().items()
        if place in places and sum(m.place == place for m in keepers) < fewest
    }
    return len(keepers) < policy.min_archival_copies, short


def _would_count(member: Member, stops: list[tuple[str, str]], facts: Facts) -> bool:
    asked = member.id in facts.answers.reads or member.identity_evidence in READ
    return not asked and not stops and usable(member, replace(facts.answers, reads={member.id: True}), facts.policy)
