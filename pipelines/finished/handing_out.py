"""Of the runs that were built upon one another one plan is in force: the last that was handed out.

A plan decides on what earlier plans of its line name; it can't know of later ones, nor of one that was made beside it
from the same earlier run. So a plan that is handed out leaves a note with every run that it was built upon, and a plan
whose line holds a note of another is handed out no more: what one of the two keeps the other may name.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.merging.in_force import refuse_changed_sides, sides_of
from mirrorfold.transforms.retain import handed
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import OutputStore, open_output

NOTES = f"{handed.FOLDER}notes/"
NAME = f"{handed.FOLDER}name.txt"
"""What the run is called in notes: a name that stays when its folder is moved."""


class Note(NamedTuple):
    """A plan that was handed out: the name of its run, where that lay, and when, in ISO 8601."""

    name: str
    run: str
    at: str


def hand_out(
    folder: str, now: dt.datetime, say: Callable[[str], None], only: frozenset[tuple[str, str]] | None = None
) -> None:
    """Note with every run of the line that this plan is handed out, and remember what it names.

    Two exports at once each leave their note before they look for others': at least one of them is refused.

    Args:
      only: the rows (uri, version) that go now, of a plan that goes in waves; None for all.

    Raises:
      SafetyStop: another plan of the line is in force.
    """
    line = list(line_of(folder))
    refuse_overtaken(folder)
    refuse_changed_sides(line[0])
    own, mine = line[0], Note(_name(line[0]), line[0].url(), now.isoformat(timespec="seconds"))
    path = f"{NOTES}{mine.name}.json"
    fresh = [store for store in line if not store.exists(path)]
    for store in fresh:
        try:
            store.put(path, json.dumps(mine._asdict(), sort_keys=True).encode())
        except (OSError, StoreError) as error:
            say(f"{store.url()} can't be written, so it isn't noted there that this plan is handed out: {error}")
    try:
        refuse_overtaken(folder)
    except SafetyStop:
        for store in fresh:
            store.delete(path)
        raise
    handed.add(own, only)


def take_back(folder: str, now: dt.datetime) -> None:
    """Take the notes of this plan away: it is taken back, and others may be handed out."""
    line = list(line_of(folder))
    name = _name(line[0])
    for store in line:
        store.delete(f"{NOTES}{name}.json")
    handed.forget(line[0], now)


def refuse_overtaken(folder: str) -> None:
    """Refuse to hand out a plan while another one is in force of which it can't know.

    Raises:
      SafetyStop: which one, and what to do.
    """
    others = overtaking(folder)
    if others:
        last = max(others, key=lambda note: note.at)
        raise SafetyStop(
            f"nothing was exported: the plan of {last.run} was handed out on {last.at[:10]}, and what this plan keeps "
            f"that one may name: audit anew with --previous {last.run}, or take that plan back first, by carrying out "
            f"`mirrorfold export {last.run} --what restore --to csv`"
        )


def overtaking(folder: str) -> list[Note]:
    """List the plans in force that this run's plan can't know of: later ones, and those made beside it."""
    line = list(line_of(folder))
    known = {store.get(NAME).decode() for store in line if store.exists(NAME)}
    found = {note for store in line for note in _notes(store)}
    return [note for note in sorted(found) if note.name not in known]


def line_of(folder: str) -> Iterator[OutputStore]:
    """Give the run and those that it was built upon or merged of, itself first, as far as they are there."""
    seen: set[str] = set()
    ahead = [folder]
    while ahead:
        store = open_output(ahead.pop(0))
        if store.url() in seen:
            continue
        seen.add(store.url())
        try:
            record = json.loads(store.get("run.json"))
        except (OSError, StoreError, ValueError):
            continue
        yield store
        ahead += [record["previous"]] if record.get("previous") else []
        ahead += sides_of(store)


def _notes(store: OutputStore) -> Iterator[Note]:
    for path in sorted(store.list(NOTES)):
        yield Note(**json.loads(store.get(path)))


def _name(store: OutputStore) -> str:
    if not store.exists(NAME):
        store.put(NAME, uuid.uuid4().hex.encode())
    return store.get(NAME).decode()
