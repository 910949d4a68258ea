"""What a sign-off rests on: whether a finished folder still is what its run.json says, and what came in since."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorfold.pipelines import lists
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.transforms.publish.signing import Signing
from mirrorfold.transforms.retain.approvals import approvals, missing_roles, required_roles
from mirrorfold.transforms.retain.digests import changed, plan_hash
from mirrorfold.transforms.retain.people import may_sign
from mirrorfold.transforms.stores.output import OutputStore
from mirrorfold.transforms.verify.model import BrokenPromise

PROMISE = 8
"""What signs binds everything that the lists are made from."""


def broken_digests(store: OutputStore, record: dict) -> list[BrokenPromise]:
    """Name what isn't as run.json recorded it when the plan was made."""
    recorded = record.get("digests")
    again = f"run `mirrorfold publish --output {store.url()}` again, and sign anew"
    if not isinstance(recorded, dict):
        text = f"it has no digests of what the plan was made from (an older mirrorfold wrote it): {again}"
        return [BrokenPromise(PROMISE, "run.json", text)]
    broken = []
    for name in changed(store, recorded):
        if name == "verdicts":
            text = f"verdicts came in, or went, since the plan was made: {again}"
        else:
            text = "isn't what it was when the plan was made: somebody changed it, and no sign-off holds"
        broken.append(BrokenPromise(PROMISE, name, text))
    return broken


def changed_lists(store: OutputStore) -> list[BrokenPromise]:
    """Name the hold lists and catalogues that say something else now than when the plan was made."""
    try:
        request = Request.from_json(store.get(REQUEST_PATH))
    except FileNotFoundError:
        return []
    text = f"changed since the plan was made: run `mirrorfold publish --output {store.url()}` again, and sign anew"
    return [BrokenPromise(PROMISE, path, text) for path in lists.changed(store, request.settings, request.policy)]


def signing_of(store: OutputStore, policy: Mapping) -> Signing:
    """Say how far the plan in DIR is signed, for its report."""
    plan = plan_hash(store)
    signed = [record for record in approvals(store, plan) if may_sign(policy, record["name"], record["role"])]
    missing = missing_roles(store, dict(policy), plan)
    return Signing(plan, tuple(required_roles(store, policy)), tuple(missing), tuple(signed))
