"""What is expected of a run, and what was found broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa


class BrokenPromise(NamedTuple):
    """A promise that the tables don't keep.

    Attributes:
      promise: its number in the contract; 0 for the tables' own form.
      table: where it shows.
      text: one line for a person.
      rows: how many rows break it.
      examples: a few of them, as (column, value) mappings.
    """

    promise: int
    table: str
    text: str
    rows: int = 1
    examples: tuple[dict, ...] = ()


@dataclass(frozen=True)
class Place:
    """A scope as the checks need it: its patterns as RE2 expressions over URIs."""

    name: str
    regexes: tuple[str, ...]
    libraries: tuple[str, ...]
    jurisdiction: str | None
    place: str


@dataclass(frozen=True)
class Expected:
    """What the resolved policy and the reviewers ask of the tables, as plain values.

    Attributes:
      protect: RE2 expressions over URIs.
      fewest: copies per place.
      passing: an RE2 expression over URIs: places that won't last.
      handed: of the last list of this plan: whether its kept copies were read again, its rows, and which wave it is of
        (None: of all); None without one.
      plan: names this plan, as `rereadings` does.
      withdrawn: the previous run's plan was taken back.
      looked: where the run saw all that there is: what URIs begin with there, and RE2 expressions of what it left out.
      remembered, outside: what the previous run and this one keep of places where they didn't look, rows as decisions.
      in_hands: what lists name that were handed out before the plan was made; lists: what those do that are out now.
      doors: libraries whose objects are another library's, seen by another way.
      pointed: what METS files name, rows of uri and package; None where none was found.
      tiers: by name (action, kinds, verification).
      together: what is done with packages, page_runs and companions.
      conflict_review: fields whose disagreement sends a row to people, but for those that a catalogue overrules.
      holds: lines of the hold lists as they stand there, each with an RE2 expression if it is a pattern.
      rulings: (content_a, content_b) -> (outcome, verdict ids).
      opened: the pairs of `rulings` that a person looked at one by one.
    """

    policy_hash: str
    min_archival_copies: int
    protect: tuple[str, ...]
    places: tuple[Place, ...]
    fewest: dict[str, int]
    tiers: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]]
    md5: str
    replicas: str
    lifecycle_unknown: str = "keep"
    quarantine_bucket: str | None = None
    passing: str | None = None
    doors: tuple[str, ...] = ()
    withdrawn: bool = False
    looked: tuple[tuple[str, tuple[str, ...]], ...] = ()
    remembered: pa.Table | None = None
    outside: pa.Table | None = None
    in_hands: pa.Table | None = None
    lists: pa.Table | None = None
    pointed: pa.Table | None = None
    handed: tuple[bool, int, int | None] | None = None
    plan: str = ""
    rulings: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    together: dict[str, str] = field(default_factory=dict)
    conflict_review: tuple[str, ...] = ()
    holds: tuple[tuple[str, str | None], ...] = ()
    opened: frozenset[tuple[str, str]] = frozenset()
