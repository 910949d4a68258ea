"""The report's front page: what goes and why, what is held, in conflict or protected, and what isn't known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import LANGUAGES, Both, both, both_or, joined
from mirrorfold.transforms.publish.policy_words import LIST
from mirrorfold.transforms.publish.signing import summed
from mirrorfold.transforms.publish.text import human_bytes, visible

WAYS = ("rule", "library", "jurisdiction", "class")
FRONT = 6
"""Rows of a list on the front page; the section after it has them all."""

GLOSSARY = (
    "object", "content", "library", "pair", "cluster", "tier", "variant", "kept", "quarantine", "hold", "conflict",
    "cutoff", "stratum", "plan",
)  # fmt: skip


def sign_part(facts: Facts, policy: Mapping, summary: Mapping | None, people: Mapping, unlooked: Sequence[str]) -> dict:
    """Make what the front page and the section behind it say.

    Args:
      unlooked: tiers whose sample nobody has looked at.
    """
    goes = {way: [_going(row, way) for row in summed(facts.goes, way)] for way in WAYS}
    libraries = [
        both("sign.library", name=visible(row["library"], 60), objects=f"{row['objects']:,}",
             bytes=human_bytes(row["bytes"]))
        for row in facts.libraries
    ]  # fmt: skip
    reviewers = [
        both("sign.reviewer", name=visible(row["name"], 60), pairs=f"{row['seen'] + row['filtered']:,}")
        for row in people["answers"]
    ]
    return {
        "archive": _listed(libraries),
        "reviewers": _listed(reviewers) if reviewers else both("sign.nobody"),
        "goes": goes,
        "goes_front": {way: goes[way][:FRONT] for way in ("rule", "jurisdiction")},
        "holds": [_counted(both_or(f"holds.{row['kind']}", row["kind"]), row) for row in facts.holds],
        "clashes": [_counted(both_or(f"fields.{row['field']}", row["field"]), row) for row in facts.clashes],
        "belongings": _belongings(facts.totals),
        "protected": _protected(policy, facts.totals),
        "at_risk": both("sign.at_risk_count", n=f"{facts.totals['at_risk']:,}") if facts.totals["at_risk"] else None,
        "unknown": list(_unknown(facts.totals, policy, summary, unlooked)),
        "glossary": [both(f"glossary.{name}") for name in GLOSSARY],
    }


def _listed(texts: Sequence[Both]) -> Both:
    shown = list(texts[:FRONT])
    if len(texts) > FRONT:
        shown.append(both("sign.more", n=f"{len(texts) - FRONT:,}"))
    return joined(shown, {lang: "; " if lang == "en" else "；" for lang in LANGUAGES})


def _going(row: Mapping, way: str) -> dict:
    if way == "rule":
        name = both_or(f"rules.{row['name']}", row["name"])
    elif row["name"]:
        name = Both(dict.fromkeys(LANGUAGES, visible(row["name"], 80)))
    else:
        name = both("sign.no_jurisdiction")
    return _counted(name, row) | {"bytes": human_bytes(row["bytes"])}


def _counted(name: Both, row: Mapping) -> dict:
    return {"name": name, "objects": f"{row['objects']:,}", "example": row["example"]}


def _belongings(totals: Mapping[str, int]) -> Both:
    if not totals["packages"]:
        return both("sign.no_packages")
    return both(
        "sign.package_count", packages=f"{totals['packages']:,}", objects=f"{totals['packaged']:,}",
        going=f"{totals['packaged_going']:,}",
    )  # fmt: skip


def _protected(policy: Mapping, totals: Mapping[str, int]) -> Both:
    places = policy.get("protect")
    if not places:
        return both("sign.no_protected")
    named = joined([Both(dict.fromkeys(LANGUAGES, visible(place, 80))) for place in places], LIST)
    counted = both("sign.protected_count", objects=f"{totals['protected']:,}")
    return joined([named, counted], {lang: ": " if lang == "en" else "：" for lang in LANGUAGES})


def _unknown(totals: Mapping[str, int], policy: Mapping, summary: Mapping | None, unlooked: Sequence[str]):
    for name, key in (("unreadable", "unread"), ("skipped", "skipped"), ("hold_unknown", "holds"),
                      ("lifecycle_unknown", "lifecycle")):  # fmt: skip
        if totals[name]:
            yield both(f"sign.unknown_{key}", n=f"{totals[name]:,}")
    if policy.get("scopes") and totals["nowhere"]:
        yield both("sign.unknown_jurisdiction", n=f"{totals['nowhere']:,}")
    unpriced = sum(row["bytes_freed"] for row in (summary or {}).get("unpriced", ()))
    if unpriced:
        yield both("sign.unknown_price", bytes=human_bytes(unpriced))
    if unlooked:
        yield both("sign.unknown_sample", tiers=joined([both(f"tiers.{tier}") for tier in unlooked], LIST))
    yield both("sign.unknown_missed")
