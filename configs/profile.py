"""Profiles of institutions: what a policy MUST, SHOULD and MAY do about each relation of the standard's vocabulary."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from mirrorfold.configs import mistakes

MUST, SHOULD = "MUST", "SHOULD"
FOLDER = "standard"
SAME = "identical"
_PART = {"keep": "keep", "ignore": "quarantine"}


class Departure(NamedTuple):
    """Where a policy departs from a profile.

    Attributes:
      line: of the policy's file, from 1.
      level: MUST or SHOULD.
      about: a relation's id, or a setting's name.
      text: what the policy does, what the profile says, and why.
    """

    line: int
    level: str
    about: str
    text: str


def ready_profiles() -> list[str]:
    """Name the profiles that come with mirrorfold."""
    folder = files("mirrorfold.configs").joinpath(FOLDER, "profiles")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_profile(name: str) -> dict:
    """Read a ready profile.

    Raises:
      ValueError: there is none of that name.
    """
    if name not in ready_profiles():
        raise ValueError(f"no profile named {name!r}: there are {', '.join(ready_profiles())}")
    return yaml.safe_load(_text("profiles", f"{name}.yaml"))


def departures(profile: dict, policy: dict, text: str, path: str) -> list[Departure]:
    """Compare a policy with a profile.

    Args:
      policy: as resolved.
      text, path: the policy's file as written, to name lines in it; what it doesn't say counts at line 1.
    """
    root = mistakes.compose(text, path)
    found = []
    for relation in yaml.safe_load(_text("vocabulary.yaml"))["relations"]:
        wanted = profile["relations"].get(relation["id"], profile["relations"]["others"])
        for place, action in _actions(policy, relation["mirrorfold"]):
            level = next((level for level in (MUST, SHOULD) if level in wanted and action not in wanted[level]), None)
            if level is not None:
                line = mistakes.locate(root, place)[0]
                said = f"{relation['id']} ({place[1]}): {action}; {level} be {' or '.join(wanted[level])}"
                found.append(Departure(line, level, relation["id"], said))
    for rule in profile["settings"]:
        place = tuple(rule["setting"].split("."))
        given = _value(policy, place)
        lacks = _lacks(rule, given)
        if lacks:
            line = mistakes.locate(root, place)[0]
            said = f"{rule['setting']}: {lacks}; {rule['level']}, since {rule['why']}"
            found.append(Departure(line, rule["level"], rule["setting"], said))
    return sorted(dict.fromkeys(found))


def _actions(policy: dict, mapping: dict) -> list[tuple[tuple[str, ...], str]]:
    """Give (place in the policy, action unasked) for a relation; an accepted sample is people's word: a review."""
    if "rules" in mapping:  # what is part of a whole, whatever its tier
        whole = policy["belongs_together"]
        return [(("belongs_together", name), _PART[whole[name]]) for name in ("packages", "page_runs")]
    out: list[tuple[tuple[str, ...], str]] = []
    for name in mapping["tiers"]:
        tier = policy["tiers"][name]
        action = tier["action"]
        freed = not tier["kinds"] or bool(set(tier["kinds"]) & set(mapping["kinds"])) or name == SAME
        if action == "quarantine" and (not freed or tier.get("when")):
            action = "review"
        out.append((("tiers", name, "action"), action))
    return out


def _value(policy: dict, place: tuple[str, ...]) -> Any:
    value: Any = policy
    for step in place:
        value = value[step]
    return value


def _lacks(rule: dict, given: Any) -> str:
    """Say how a value departs from a rule; '' where it doesn't."""
    if "least" in rule:
        count = len(given) if isinstance(given, list) else given
        return "" if count >= rule["least"] else f"{count}, at least {rule['least']}"
    if "all" in rule:
        missing = [one for one in rule["all"] if one not in given]
        return f"lacks {', '.join(missing)}" if missing else ""
    return "" if given in rule["any"] else f"{given}, not {' or '.join(map(str, rule['any']))}"


def _text(*place: str) -> str:
    return files("mirrorfold.configs").joinpath(FOLDER, *place).read_text("utf-8")
