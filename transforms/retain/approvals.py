"""Sign-offs: who approved which very plan."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re

from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.retain.people import check_may_sign, may_sign, person, unfilled
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "approvals/"
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def approve(output: OutputStore, role: str, name: str, policy: dict, at: dt.datetime) -> dict:
    """Record a sign-off on the plan as it is now, and give it; a later plan needs new ones.

    Raises:
      ValueError: a role that the policy doesn't name, no name, or somebody who may not sign in this role.
    """
    required = policy["approval"]["required_roles"]
    if not _ROLE.fullmatch(role):
        raise ValueError(f"role {role!r}: use letters, digits, dot, dash and underscore")
    if required and role not in required:
        raise ValueError(f"the policy asks for {', '.join(required)}, not for {role}")
    if not person(name):
        raise ValueError("a sign-off names the person who gives it")
    check_may_sign(policy, name, role)
    others = [r["role"] for r in approvals(output) if person(r["name"]) == person(name) and r["role"] != role]
    if others and different_people(policy):
        raise ValueError(
            f"{name} signed as {others[0]} already, and the policy wants different people in different roles "
            "(approval: {different_people: true})"
        )
    plan = plan_hash(output)
    record = {"role": role, "name": name.strip(), "plan_hash": plan, "at": at.isoformat(timespec="seconds")}
    who = hashlib.sha256(person(name).encode()).hexdigest()[:8]
    output.put(f"{FOLDER}{role}-{plan[:12]}-{who}.json", json.dumps(record, indent=2, ensure_ascii=False).encode())
    return record


def different_people(policy: dict) -> bool:
    """Tell whether one person fills one role only; so it is unless the policy says otherwise."""
    return bool(policy["approval"].get("different_people", True))


def approvals(output: OutputStore) -> list[dict]:
    """Read the sign-offs on the plan as it is now.

    Raises:
      ValueError: a sign-off that can't be read.
    """
    plan, found = plan_hash(output), []
    for path in sorted(output.list(FOLDER)):
        try:
            record = json.loads(output.get(path))
            current = record["plan_hash"] == plan and bool(record["role"]) and bool(record["name"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{output.url(path)} isn't a sign-off: {error}") from error
        found += [record] if current else []
    return found


def missing_roles(output: OutputStore, policy: dict) -> list[str]:
    """Name the roles whose sign-off on this plan is missing: signed by nobody whose signature counts for it."""
    required = policy["approval"]["required_roles"]
    signed: dict[str, set[str]] = {}
    for record in approvals(output) if required else []:
        if may_sign(policy, record["name"], record["role"]):
            signed.setdefault(record["role"], set()).add(person(record["name"]))
    return unfilled(required, signed, different=different_people(policy))
