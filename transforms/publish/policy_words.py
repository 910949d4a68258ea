"""A policy as sentences that a curator can check, from the resolved mapping."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from mirrorfold.transforms.publish.languages import LANGUAGES, SENTENCES, Both, both, both_or, joined
from mirrorfold.transforms.publish.text import human_bytes, visible

LIST = {"en": ", ", "zh-Hant": "、", "zh-Hans": "、"}
THEN = dict.fromkeys(LANGUAGES, " → ")


def policy_lines(policy: Mapping) -> list[Both]:
    """Say each rule of a policy in a sentence; what a policy doesn't state has no sentence."""
    return [*_copies(policy), *_tiers(policy), *_people(policy), *_after(policy)]


def _copies(policy: Mapping):
    minimum = policy.get("min_archival_copies", 1)
    yield both("policy.min_copies", n=minimum)
    for scope in policy.get("scopes") or ():
        if scope.get("min_copies"):
            place = visible(scope.get("jurisdiction") or "–")
            yield both("policy.scope", name=visible(scope["name"]), jurisdiction=place, n=scope["min_copies"])
    yield both("policy.holds")
    if policy.get("protect"):
        yield both("policy.protect", places=_codes(policy["protect"]))


def _tiers(policy: Mapping):
    for name, tier in (policy.get("tiers") or {}).items():
        yield both(f"policy.tier_{tier['action']}", tier=both_or(f"tiers.{name}", name))


def _people(policy: Mapping):
    fields = policy.get("conflict_review") or ()
    if fields:
        yield both("policy.conflicts", fields=joined([both_or(f"fields.{name}", name) for name in fields], LIST))
    review = policy.get("review") or {}
    if review.get("min_bytes_freed"):
        share, size = review.get("min_share_freed"), human_bytes(review["min_bytes_freed"])
        if share is None:
            yield both("policy.cutoff", bytes=size)
        else:
            yield both("policy.cutoff_share", bytes=size, share=f"{share * 100:g} %")
    order = policy.get("keep_order") or ()
    if order:
        yield both("policy.keep_order", order=joined([_step(step) for step in order], THEN))


def _after(policy: Mapping):
    days = (policy.get("quarantine") or {}).get("days")
    if days:
        yield both("policy.quarantine", days=days)
    roles = (policy.get("approval") or {}).get("required_roles")
    if roles:
        yield both("policy.approval", roles=_codes(roles))


def _step(step: Mapping) -> Both:
    named = both_or(f"order.{step['by']}", step["by"])
    if not step.get("prefer"):
        return named
    return joined([named, both("order.prefer", list=_codes(step["prefer"]))], SENTENCES)


def _codes(texts) -> Markup:
    return Markup(", ").join(Markup("<code>{}</code>").format(visible(text)) for text in texts)
