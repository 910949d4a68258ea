"""Stars: who of a family belongs to which master, by what the edges say and by laying masters over the rest.

All of it is a function of the set of contents, their priorities and the pair relation, never of an order of arrival:
stars are taken by priority, and ties end at the content id.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.pairs import DISTANCES

WIDE_ROWS = 64
"""Families up to this size have each master compared with every row left, candidate or not: a crop of the original may
be far from the turned or marked copy that leads the family, and still lie on it. Larger ones stay with candidates."""
MEASURED = pa.schema([EDGES.schema.field(name) for name in EDGES.schema.names[2:]])
"""What is known of a pair, whoever it is of."""


class Verifier(Protocol):
    """What the match stage offers: candidates among rows, and their verification."""

    def features(self, contents: pa.Table) -> Any: ...

    def candidates(self, features: Any, rows: np.ndarray, others: np.ndarray) -> np.ndarray: ...

    def verify(self, features: Any, pairs: np.ndarray, wide: bool = False) -> pa.Table: ...


class Known:
    """Pairs of rows that join: the edges of these rows, and what is verified here.

    Args:
      contents: the verifier's columns, a row each; a, b: int64 rows of the edges, a below b.
      edges: columns of MEASURED for each.
    """

    def __init__(self, verifier: Verifier, contents: pa.Table, a: np.ndarray, b: np.ndarray, edges: pa.Table):
        self.verifier, self.contents = verifier, contents
        keys = self._keys(np.stack([a, b], axis=1))
        order = np.argsort(keys, kind="stable")
        self._sorted, self._place = keys[order], order
        self._tables = [edges.select(MEASURED.names).cast(MEASURED)]
        self._further: dict[int, int] = {}
        ends = np.argsort(np.concatenate([a, b]), kind="stable")
        self._others = np.concatenate([b, a])[ends]
        self._starts = np.searchsorted(np.concatenate([a, b])[ends], np.arange(contents.num_rows + 1))

    @cached_property
    def features(self) -> Any:
        """Make the contents' features, once some pair has to be verified."""
        return self.verifier.features(self.contents)

    def linked(self, row: int) -> np.ndarray:
        """Give the rows that an edge links with a row."""
        return self._others[self._starts[row] : self._starts[row + 1]]

    def verify(self, pairs: np.ndarray, wide: bool) -> np.ndarray:
        """Verify pairs, int64 (pairs, 2) with the smaller row first; give those that join."""
        if not len(pairs):
            return pairs
        found = self.verifier.verify(self.features, pairs, wide=wide)
        found = found.filter(found.column("joins"))
        joined = np.stack([found.column(side).to_numpy() for side in "ab"], axis=1)
        first = sum(map(len, self._tables))
        self._further.update(zip(self._keys(joined).tolist(), range(first, first + len(joined)), strict=True))
        self._tables.append(found.select(MEASURED.names).cast(MEASURED))
        return joined

    def measured(self, pairs: np.ndarray) -> pa.Table:
        """Give MEASURED of pairs that join, int64 (pairs, 2) with the smaller row first."""
        keys = self._keys(pairs)
        place = np.searchsorted(self._sorted, keys)
        there = place < len(self._sorted)
        there[there] = self._sorted[place[there]] == keys[there]
        found = np.empty(len(keys), np.int64)
        found[there] = self._place[place[there]]
        found[~there] = [self._further[key] for key in keys[~there].tolist()]
        return pa.concat_tables(self._tables).take(pa.array(found))

    def nearest(self, rows: np.ndarray) -> np.ndarray:
        """Give each row's nearest by its edges, by all distances together, then by content id, int64 (rows,)."""
        nearness = sum(self._tables[0].column(column.name).to_numpy().astype(np.int64) for column in DISTANCES)
        a, b = self._sorted // self.contents.num_rows, self._sorted % self.contents.num_rows
        mine, other, near = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(nearness[self._place], 2)
        order = np.lexsort([other, near, mine])
        return other[order][np.searchsorted(mine[order], rows)]

    def _keys(self, pairs: np.ndarray) -> np.ndarray:
        return pairs[:, 0] * self.contents.num_rows + pairs[:, 1]


def stars(known: Known, families: list[np.ndarray]) -> np.ndarray:
    """Give each row its master: the best row left over claims every row that pairs with it, and so on.

    Args:
      families: rows by preference, the best first; a master is laid over the whole of a small family.

    Returns:
      int64 (rows of all contents,), -1 for rows of no family.
    """
    masters = np.full(known.contents.num_rows, -1)
    open_ = [(family, len(family) <= WIDE_ROWS) for family in families]
    while open_:
        wide, near = [np.empty((0, 2), np.int64)], [np.empty((0, 2), np.int64)]
        for family, small in open_:
            master, others = family[0], family[1:]
            masters[master] = master
            linked = known.linked(master)
            masters[linked[masters[linked] < 0]] = master
            rest = others[masters[others] < 0]
            if small:
                wide.append(_pairs(master, rest))
            elif len(rest):
                near.append(known.verifier.candidates(known.features, family[:1], rest))
        for pairs, widely in ((wide, True), (near, False)):
            for one, other in known.verify(np.concatenate(pairs), widely).tolist():
                if masters[one] == one and masters[other] < 0:
                    masters[other] = one
                elif masters[other] == other and masters[one] < 0:
                    masters[one] = other
        left = ((family[masters[family] < 0], small) for family, small in open_)
        open_ = [(family, small) for family, small in left if len(family)]
    return masters


def _pairs(row: int, others: np.ndarray) -> np.ndarray:
    return np.sort(np.stack([np.full(len(others), row), others], axis=1), axis=1)
