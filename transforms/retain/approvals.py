"""Sign-offs: who approved which very plan."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping

from mirrorfold.transforms.retain.acted import acted_on
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.retain.people import check_may_sign, may_sign, person, unfilled
from mirrorfold.transforms.stores.output import OutputStore


class ActedError(Exception):
    """A sign-off can't be taken back without a word more: the plan was acted on."""


FOLDER = "approvals/"
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def approve(output: OutputStore, role: str, name: str, policy: dict, at: dt.datetime, side: str | None = None) -> dict:
    """Record a sign-off on the plan as it is now, and give it; a later plan needs new ones.

    Args:
      side: of a merged plan, the institution that is signed for; no side's files go by another's sign-off.

    Raises:
      ValueError: a role that the policy doesn't name, no name, or somebody who may not sign in this role.
    """
    sides = sides_of(output)
    if sides and side not in sides:
        raise ValueError(f"this plan is of several institutions: say with --for whom you sign: {', '.join(sides)}")
    if side and not sides:
        raise ValueError("--for names a side of a merged plan, and this plan is of one run")
    check_signer(policy, role, name)
    mine = [r for r in approvals(output) if person(r["name"]) == person(name)]
    others = [_as(r["role"], r.get("side")) for r in mine if (r["role"], r.get("side")) != (role, side)]
    if others and different_people(policy):
        raise ValueError(
            f"{name} signed as {others[0]} already, and the policy wants different people in different roles "
            "(approval: {different_people: true})"
        )
    plan = plan_hash(output)
    record = {"role": role, "name": name.strip(), "plan_hash": plan, "at": at.isoformat(timespec="seconds")}
    record |= {"side": side} if side else {}
    output.put(_path(record), json.dumps(record, indent=2, ensure_ascii=False).encode())
    return record


def check_signer(policy: dict, role: str, name: str) -> None:
    """Refuse who may not sign in a role.

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


def withdraw(
    output: OutputStore, role: str, name: str, at: dt.datetime, side: str | None = None, *, although_acted: bool = False
) -> dict:
    """Take a sign-off on the plan as it is now back, and give it; it stays on record with what was done by then.

    Args:
      although_acted: withdraw even where somebody acted on the plan: what was done isn't undone by it.

    Raises:
      ValueError: this person gave no such sign-off.
      ActedError: somebody acted on the plan, as `reconcile` found.
    """
    for record in approvals(output):
        if (record["role"], person(record["name"]), record.get("side")) == (role, person(name), side):
            done = acted_on(output, _libraries(output, side))
            if done.counts and not although_acted:
                raise ActedError(
                    f"nothing was withdrawn: {done.told}. `export --what restore` lists how to bring back what was set "
                    "aside; --although-acted-on withdraws for the rest"
                )
            taken = record | {"withdrawn_at": at.isoformat(timespec="seconds"), "acted": done._asdict()}
            output.put(_path(record), json.dumps(taken, indent=2, ensure_ascii=False).encode())
            return taken
    raise ValueError(f"{name} hasn't signed this plan as {_as(role, side)}")


def _libraries(output: OutputStore, side: str | None) -> frozenset[str] | None:
    if side is None:
        return None
    sides = json.loads(output.get("sides/sides.json"))["sides"]
    return frozenset(library for found in sides if found["name"] == side for library in found["libraries"])


def sides_of(output: OutputStore) -> list[str]:
    """Name the sides of a merged plan; none of a plan of one run."""
    try:
        return [side["name"] for side in json.loads(output.get("sides/sides.json"))["sides"]]
    except FileNotFoundError:
        return []


def _path(record: dict) -> str:
    who = hashlib.sha256("\n".join((person(record["name"]), record.get("side") or "")).encode()).hexdigest()[:8]
    return f"{FOLDER}{record['role']}-{record['plan_hash'][:12]}-{who}.json"


def _as(role: str, side: str | None) -> str:
    return f"{role} for {side}" if side else role


def different_people(policy: dict) -> bool:
    """Tell whether one person fills one role only; so it is unless the policy says otherwise."""
    return bool(policy["approval"].get("different_people", True))


def approvals(output: OutputStore, plan: str | None = None) -> list[dict]:
    """Read the sign-offs on the plan as it is now.

    Args:
      plan: its hash, where it is known already: working it out reads every table.

    Raises:
      ValueError: a sign-off that can't be read.
    """
    plan, found = plan or plan_hash(output), []
    for path in sorted(output.list(FOLDER)):
        try:
            record = json.loads(output.get(path))
            current = record["plan_hash"] == plan and bool(record["role"]) and bool(record["name"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{output.url(path)} isn't a sign-off: {error}") from error
        found += [record] if current and not record.get("withdrawn_at") else []
    return found


def required_roles(output: OutputStore, policy: Mapping) -> list[str]:
    """Name the roles that must sign; of a merged plan each side needs them all."""
    sides: list[str | None] = [*sides_of(output)] or [None]
    return [_as(role, side) for side in sides for role in policy["approval"]["required_roles"]]


def missing_roles(output: OutputStore, policy: dict, plan: str | None = None) -> list[str]:
    """Name the roles whose sign-off on this plan is missing: signed by nobody whose signature counts for it.

    Of a merged plan each side needs them all.
    """
    required = policy["approval"]["required_roles"]
    signed: dict[str | None, dict[str, set[str]]] = {}
    for record in approvals(output, plan) if required else []:
        if may_sign(policy, record["name"], record["role"]):
            roles = signed.setdefault(record.get("side"), {})
            roles.setdefault(record["role"], set()).add(person(record["name"]))
    sides: list[str | None] = [*sides_of(output)] or [None]
    return [
        _as(role, side)
        for side in sides
        for role in unfilled(required, signed.get(side, {}), different=different_people(policy))
    ]
