"""Decisions as sentences that a curator can read."""

from __future__ import annotations

from collections.abc import Sequence

from mirrorfold.schemas.clusters import TOO_LARGE
from mirrorfold.transforms.retain.keep_order import CRITERIA, deciding
from mirrorfold.transforms.retain.losses import lost_with
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Decision, Member

FIXED = {
    "hold": "under a legal hold or retention lock",
    "hold-unknown": "whether a hold protects it couldn't be looked up, which counts as a hold (see hold_checks)",
    "protected": "lies in a place that the policy protects",
    "unreadable": "couldn't be read as a picture",
    "identity-refuted": "its bytes aren't those its listed checksum promised: another file with the same MD5",
    "package": "a part of a package (BagIt, OCFL, METS or image tiles), which is no longer valid without it",
    "page-run": "a page of a numbered run that has no whole twin: the run is kept as it is",
    "delete-marker": "a delete marker of a versioned bucket: holds no bytes",
    "noncurrent": "an older version: the bucket's own lifecycle rules decide on it",
    "expiring": "its bucket's lifecycle rules will delete it: no other copy may rely on it, and nothing is gained here",
    "passing": "lies in a bin, a snapshot or another place that won't last: no other copy may rely on it",
    "link": "a symbolic link: it has no bytes of its own, and no other copy may rely on it",
    "door": "the same files as another library's, by another way: no copy of its own",
    "quarantine-place": "lies where the policy sets things aside: no other copy may rely on it",
    "lifecycle-unknown": "whether a lifecycle rule will delete it couldn't be looked up, which counts as if one will",
    "planned-before": "an earlier plan names every copy of these bytes, and isn't carried out yet: take that plan back "
    "with `export --what restore`, or these bytes go",
    "kept-copy-rotted": "an earlier plan sends away this last good copy, because of one whose bytes changed unseen: "
    "take that plan back at once with `export --what restore`",
    "denied": "its own package's manifest states other bytes (table package_failures): compare it with a backup",
    "rotted": "its bytes changed though its size, time and etag didn't: compare it with a backup",
    "same-copy": "the same physical copy under another name: removing it would free nothing and might lose the picture",
    "replica": "made by the bucket's own replication: a deliberate copy",
    "no-precondition": "has neither version nor etag, so no tool could act on it safely",
    "md5-only": "known to be a copy by MD5 alone, which this policy doesn't accept",
    "unconfirmed": "known to be a copy by MD5 alone, and it couldn't be read to confirm it",
    "no-usable-copy": "no copy of these bytes is current, read and lasting, so none may go",
    "master-overruled": "its cluster's master gave way to another copy, by a reviewer's word or by what full detail "
    "showed, and nothing compared it with that one",
    "only-copy": "no other object shows this picture",
    "identical-kept": "the policy keeps identical copies",
    "verdict-different": "a reviewer said that it isn't a duplicate",
    "verdict-split": "a reviewer said that it doesn't belong to this cluster",
    "verdict-keeper": "a reviewer chose it as the one to keep",
    "master": "the preferred object of its cluster",
}
"""Sentences of rules that need nothing but their name."""

TIERS = {
    "identical": "same bytes as",
    "same-picture": "same picture with other metadata as",
    "near-certain": "almost certainly the same picture as",
    "probable": "probably the same picture as",
}

PREMIS = dict.fromkeys(("keep", "quarantine", "review", "blocked"), "policy assignment")
"""PREMIS event type (id.loc.gov/vocabulary/preservation/eventType/poa) of each action: a plan says what is to be done.

To set aside isn't `deaccession` (nothing leaves the collection: a copy does, later, by others) nor that vocabulary's
`quarantine` (isolation of what may be infected), and to keep isn't `validation`.
"""

PREFERENCES = {
    "fitness": "current and read, which this isn't",
    "protected": "lies in a protected place",
    "held": "is under a hold",
    "sound": "undamaged, which this isn't",
    "role": "{role} by the policy's rules",
    "scope": "preferred scope {scope}",
    "library": "preferred library {library}",
    "pixel_class": "more pixels",
    "detail": "the detail that its pixels promise, which this hasn't: a blow-up or blurred",
    "history": "coded once, while this is a coarser JPEG's pixels saved again",
    "pixels": "more pixels",
    "bit_depth": "more bits per channel",
    "lossless": "coded without loss",
    "parts": "holds more behind the picture, such as a video",
    "rights": "states more of its creator, rights and caption",
    "colour": "in colour",
    "quality": "higher JPEG quality",
    "format": "preferred format",
    "metadata_richness": "richer metadata",
    "lasting": "in a storage class that lasts",
    "storage_class": "preferred storage class {storage_class}",
    "largest": "larger file",
    "smallest": "smaller file",
    "oldest": "older object",
    "newest": "newer object",
}


def reason(decision: Decision, policy: Policy) -> str:
    """Write the sentence behind a decision."""
    rule, kept = decision.rule, decision.kept
    lost = f" ({decision.lost[0]} was outranked)" if decision.lost and decision.action == "blocked" else ""
    if rule in FIXED:
        return FIXED[rule] + lost
    if rule.startswith("role-"):
        return f"a {rule[5:]} by the policy's rules: only a person's word drops it for another picture"
    if rule == "keep-order":
        return "the preferred copy of these bytes"
    if rule == "min-copies":
        return _minimum(decision, policy)
    if kept is None:
        return f"the policy keeps what is {decision.tier or rule}"
    like = TIERS[decision.tier or "probable"]
    kind = f" ({decision.kind})" if decision.kind and decision.tier != "identical" else ""
    return f"{like} {kept.uri}, which is kept: {portrait(kept, decision.member, policy)}{kind}{_tail(decision)}"


def _minimum(decision: Decision, policy: Policy) -> str:
    place = decision.member.place
    here = policy.min_copies().get(place, 0)
    parts = [f"{policy.min_archival_copies} in all"] if policy.min_archival_copies > 1 or not here else []
    parts += [f"{here} in {place}"] if here else []
    return f"needed for the policy's minimum of copies: {' and '.join(parts)}"


def _tail(decision: Decision) -> str:
    rule = decision.rule
    lost = lost_with(decision.member, decision.kept) if decision.kept and decision.tier != "identical" else ()
    clash, lacks = ([name for name in decision.conflicts if (name in lost) == one] for one in (False, True))
    said = f"; they disagree on {', '.join(clash)}" if clash else ""
    said += f"; it has what the kept one lacks: {', '.join(lacks)}" if lacks else ""
    if rule == "companions":
        return said + beside(decision.member.companions or ())
    if rule == TOO_LARGE:
        return said + "; its family is too large to be settled by itself: people decide"
    if rule == "verdict-conflict":
        return said + "; reviewers disagree"
    if rule == "accepted":
        return said + "; a sample of such pairs was looked at and accepted"
    if rule.startswith("verdict-"):
        return said + "; a reviewer said so"
    if rule == "damaged" and decision.lost:
        return said + f"; read whole, one is damaged ({decision.lost[0]})"
    if rule.endswith("-unconfirmed") and decision.lost:
        return said + f"; compared at full detail they differ ({decision.lost[0]})"
    if rule.endswith("-unverified") and decision.lost:
        return said + f"; the policy's verification isn't met: {decision.lost[0]}"
    return said


def beside(companions: Sequence[str]) -> str:
    """Name what would stay without a picture."""
    return f"; {', '.join(uri.rpartition('/')[2] for uri in companions[:5])} would stay without it"


def portrait(kept: Member, other: Member, policy: Policy) -> str:
    """Say why `kept` is preferred to `other`, and what it is."""
    parts = [preference(kept, other, policy)]
    if kept.width and kept.height:
        parts.append(f"{kept.width}×{kept.height}")
    if kept.capture_time:
        parts.append("has capture metadata")
    return ", ".join(part for part in parts if part)


def preference(kept: Member, other: Member, policy: Policy) -> str:
    """Name the first criterion of the keep order in which `kept` is better."""
    if kept.frailty < other.frailty:
        frail, carriable = (mine < their for mine, their in zip(kept.frailty, other.frailty, strict=True))
        return PREFERENCES["lasting"] if frail or not carriable else "a key that every tool can carry"
    name = deciding(kept.priority, other.priority, policy)
    if name is not None:
        if kept.priority > other.priority:
            return "a copy that has to stay there"
        return PREFERENCES[name].format(
            role=kept.role or "variant",
            scope=kept.scope,
            library=kept.library,
            storage_class=kept.storage_class,
        )
    criteria = sum(by in CRITERIA for by, _ in policy.keep_order)
    uri = 8 * (1 + criteria) + 1  # after the byte that seats the previous run's master
    if kept.priority < other.priority and kept.priority[uri:] > other.priority[uri:]:
        return "kept by the previous run, and no worse"
    if kept.priority[uri : uri + 1] < other.priority[uri : uri + 1]:
        return "an ordinary path"
    return "first by name"
