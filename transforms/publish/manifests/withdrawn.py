"""Whether a run's plan was taken back: a restore list undoes it, a later quarantine list puts it in force again."""

from __future__ import annotations

import json
from typing import NamedTuple

from mirrorfold.transforms.stores.output import OutputStore

MARK = "exports/withdrawn.txt"
LIST = "exports/quarantine.json"
TEXT = b"""A restore list was written for this run's plan: once it is carried out, what the plan named stays, and later
plans may keep it. A quarantine list that is written after it removes this file.
"""


def is_withdrawn(store: OutputStore) -> bool:
    """Tell whether a plan was taken back after it was last handed out."""
    return store.exists(MARK)


def note_export(store: OutputStore, what: str) -> None:
    """Remember that a plan was taken back, or handed out again."""
    if what == "restore":
        store.put(MARK, TEXT)
    elif what == "quarantine":
        store.delete(MARK)


class HandedOut(NamedTuple):
    """The last list of what is quarantined.

    Attributes:
      plan: as `plan_name` names it; reread: its kept copies were read again.
      rows: that it carries; wave: of the plan, where it goes in waves.
    """

    plan: str
    reread: bool
    rows: int
    wave: int | None = None


def plan_name(store: OutputStore) -> str:
    """Name the plan that lists are made of: SHA-256 of the decisions, by run.json."""
    try:
        return json.loads(store.get("run.json"))["digests"]["decisions"]
    except (FileNotFoundError, KeyError, ValueError, TypeError):
        return ""


def note_list(store: OutputStore, handed: HandedOut) -> None:
    """Remember what a list of what is quarantined rests on."""
    store.put(LIST, json.dumps(handed._asdict(), sort_keys=True).encode())


def last_list(store: OutputStore) -> HandedOut | None:
    """Give the last list of this plan, or None."""
    try:
        found = HandedOut(**json.loads(store.get(LIST)))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.plan and found.plan == plan_name(store) else None
