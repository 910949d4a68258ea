"""A policy as the decisions use it, made from the resolved plain mapping."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mirrorfold.transforms.retain.people import listed

UNNAMED = ""
"""The place of objects in no scope."""


@dataclass(frozen=True)
class Scope:
    """A part of the archive: which objects, where they lie and how many copies must stay there."""

    name: str
    match: tuple[str, ...]
    libraries: tuple[str, ...]
    jurisdiction: str | None
    min_copies: int

    @property
    def place(self) -> str:
        """Name what copies are counted in: scopes of one jurisdiction share their copies."""
        return self.jurisdiction or f"scope {self.name}"


@dataclass(frozen=True)
class TierRule:
    """What happens to objects of a tier, and what a quarantine without a person's word demands."""

    action: str
    kinds: tuple[str, ...]
    verification: tuple[tuple[str, Any], ...]
    when: str | None = None


@dataclass(frozen=True)
class Policy:
    """A resolved policy; attributes as in docs/policy.md."""

    hash: str
    scopes: tuple[Scope, ...]
    min_archival_copies: int
    protect: tuple[str, ...]
    roles: tuple[tuple[str, tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]], ...]
    keep_roles: tuple[str, ...]
    tiers: tuple[tuple[str, TierRule], ...]
    md5: str
    replicas: str
    conflict_review: tuple[str, ...]
    keep_order: tuple[tuple[str, tuple[str, ...]], ...]
    review_bytes: int
    review_per: str
    review_compare: bool
    review_compare_bytes: int | None
    reviewers: int
    packages: str
    runs: str
    companions: str
    people: tuple[tuple[str, tuple[str, ...]], ...] | None
    lifecycle_unknown: str
    quarantine_bucket: str | None
    quarantine_tag: tuple[str, str]

    def tier(self, name: str) -> TierRule:
        """Give the rule of a tier."""
        return dict(self.tiers)[name]

    @property
    def may_review(self) -> frozenset[str] | None:
        """Name whose verdicts count, as `people.person` writes them; None for everybody's."""
        return None if self.people is None else frozenset(name for name, _ in self.people)

    def min_copies(self) -> dict[str, int]:
        """Give the fewest copies per place; of scopes that share a place the largest number holds."""
        fewest: dict[str, int] = {}
        for scope in self.scopes:
            fewest[scope.place] = max(scope.min_copies, fewest.get(scope.place, 0))
        return fewest


def policy_hash(policy: dict) -> str:
    """Give the SHA-256 (hex) of a resolved policy: what it says, not where its files lie."""
    said = {**policy, "holds": {k: v for k, v in policy.get("holds", {}).items() if k != "hold_list"}}
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def compile_policy(policy: dict, listed_bytes: int | None = None, near_bytes: int | None = None) -> Policy:
    """Make a `Policy` from the mapping that `configs.policy.load_policy` gives.

    Args:
      policy: resolved.
      listed_bytes: of the archive, where the cut-off of reviews matters: it may be a share of them.
      near_bytes: that comparing all near duplicates reads: a policy may have them compared up to so many.
    """
    compiled = _compiled(json.dumps(policy, sort_keys=True))
    if near_bytes is not None and compiled.review_compare_bytes is not None:
        compiled = replace(compiled, review_compare=near_bytes <= compiled.review_compare_bytes)
    share = policy["review"].get("min_share_freed")
    if share is None or listed_bytes is None:
        return compiled
    return replace(compiled, review_bytes=min(compiled.review_bytes, int(share * listed_bytes)))


@lru_cache(maxsize=8)
def _compiled(text: str) -> Policy:
    policy = json.loads(text)
    together = policy.get("belongs_together") or {}
    return Policy(
        hash=policy_hash(policy),
        scopes=tuple(
            Scope(s["name"], tuple(s["match"]), tuple(s["libraries"]), s["jurisdiction"], s["min_copies"])
            for s in policy["scopes"]
        ),
        min_archival_copies=policy["min_archival_copies"],
        protect=tuple(policy["protect"]),
        roles=tuple(
            (
                role,
                tuple(
                    tuple((field, tuple(wanted)) for field, wanted in sorted(c.items()) if wanted)
                    for c in policy["roles"][role]["any"]
                ),
            )
            for role in ("master", "derivative")
        ),
        keep_roles=tuple(policy["keep_roles"]),
        tiers=tuple(
            (name, TierRule(t["action"], tuple(t["kinds"]), tuple(sorted(t["verification"].items())), t.get("when")))
            for name, t in policy["tiers"].items()
        ),
        md5=policy["identity"]["md5"],
        replicas=policy["replicas"],
        conflict_review=tuple(policy["conflict_review"]),
        keep_order=tuple((c["by"], tuple(c["prefer"])) for c in policy["keep_order"]),
        review_bytes=policy["review"]["min_bytes_freed"],
        review_per=policy["review"]["per"],
        review_compare=(compare := policy["review"].get("compare", False)) is True,
        review_compare_bytes=None if isinstance(compare, bool) else compare,
        reviewers=policy["review"]["reviewers"],
        packages=together.get("packages", "keep"),
        runs=together.get("page_runs", "keep"),
        companions=together.get("companions", "review"),
        people=None if (known := listed(policy)) is None else tuple(known.items()),
        lifecycle_unknown=policy.get("lifecycle", {}).get("unknown", "keep"),
        quarantine_bucket=(policy.get("quarantine", {}).get("bucket") or "").partition("/")[0] or None,
        quarantine_tag=(
            policy.get("quarantine", {}).get("tag_key", "mirrorfold-quarantine"),
            policy.get("quarantine", {}).get("tag_value", "planned"),
        ),
    )
