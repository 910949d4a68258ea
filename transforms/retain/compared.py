"""Pairs compared at full detail: what an earlier run found is taken over, the others are asked for."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.transforms.retain.records import Confirmed, Question
from mirrorfold.transforms.stores.api import Stores

Compare = Callable[[list[Question]], dict[tuple[str, str], Confirmed]]


def nothing_confirmed(_: Stores) -> Compare:
    """Give what compares nothing: every pair is left to people."""
    return lambda questions: {q.pair: Confirmed(*q.pair, False, "not-compared") for q in questions}


class Compared:
    """Answers about pairs, by what is known; `rows` lists those that a plan asked for.

    Args:
      known: rows of the table confirmations, of an earlier run; None for none.
    """

    def __init__(self, known: pa.Table | None):
        rows = known.select(Confirmed._fields).to_pylist() if known is not None else []
        self._known = {(row["content_a"], row["content_b"]): Confirmed(**row) for row in rows}
        self.asked: dict[tuple[str, str], Confirmed] = {}

    def by(self, compare: Compare) -> Compare:
        """Give what asks `compare` only about pairs that aren't known."""

        def ask(questions: list[Question]) -> dict[tuple[str, str], Confirmed]:
            found = {q.pair: self._known[q.pair] for q in questions if q.pair in self._known}
            found |= compare([q for q in questions if q.pair not in found])
            self.asked |= found
            return found

        return ask

    def rows(self) -> pa.Table:
        """Make the rows of confirmations."""
        return pa.Table.from_pylist([row._asdict() for row in self.asked.values()], schema=CONFIRMATIONS.schema)
