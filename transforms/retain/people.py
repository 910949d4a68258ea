"""People by name: who is one person, and who may say what."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What shows nothing beside Cf and Cc: Unicode's Default_Ignorable_Code_Point, and Braille's blank."""


def person(name: str) -> str:
    """Give the form in which names are compared: `Ann Lee`, `ann  lee`, `AnnLee` and `ＡＮＮ LEE` are one person.

    Blanks don't count: a name may hold unseen ones between its words, or other characters that look like them.
    """
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(character for character in text if unicodedata.category(character) not in ("Cf", "Cc"))
    return "".join(unicodedata.normalize("NFKC", seen).split())


def listed(policy: Mapping[str, Any]) -> dict[str, tuple[str, ...]] | None:
    """Give whom the policy lists, with the roles that each may sign in (none: any); None where it lists nobody."""
    people = policy.get("reviewers") or []
    return {person(each["name"]): tuple(each["roles"]) for each in people} if people else None


def check_may_sign(policy: Mapping[str, Any], name: str, role: str) -> None:
    """Refuse a sign-off by somebody whom the policy doesn't list for it.

    Raises:
      ValueError: one line.
    """
    known = listed(policy)
    if known is None:
        return
    if person(name) not in known:
        raise ValueError(f"{name} isn't among the policy's reviewers: {', '.join(_names(policy))}")
    roles = known[person(name)]
    if roles and role not in roles:
        raise ValueError(f"the policy lets {name} sign as {', '.join(roles)}, not as {role}")


def check_may_review(policy: Mapping[str, Any], names: Sequence[str], file: str) -> None:
    """Refuse verdicts by somebody whom the policy doesn't list.

    Raises:
      ValueError: one line.
    """
    known = listed(policy)
    strangers = sorted({name for name in names if known is not None and person(name) not in known})
    if strangers:
        raise ValueError(
            f"{file}: {strangers[0]} isn't among the policy's reviewers: {', '.join(_names(policy))}; nothing was taken"
        )


def may_sign(policy: Mapping[str, Any], name: str, role: str) -> bool:
    """Tell whether a sign-off counts under a policy."""
    try:
        check_may_sign(policy, name, role)
    except ValueError:
        return False
    return True


def unfilled(required: Sequence[str], signed: Mapping[str, set[str]], *, different: bool) -> list[str]:
    """Name the roles that nobody signed; with `different`, that nobody signed who doesn't fill another role.

    Args:
      signed: by role, the persons who signed in it.
    """
    if not different:
        return [role for role in required if not signed.get(role)]
    filled: dict[str, str] = {}

    def fill(role: str, tried: set[str]) -> bool:
        for who in sorted(signed.get(role, set()) - tried):
            tried.add(who)
            other = next((r for r, w in filled.items() if w == who), None)
            if other is None or fill(other, tried):
                filled[role] = who
                return True
        return False

    return [role for role in required if not fill(role, set())]


def _names(policy: Mapping[str, Any]) -> list[str]:
    return [each["name"] for each in policy["reviewers"]]
