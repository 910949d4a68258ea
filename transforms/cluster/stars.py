"""Families and stars of one component: who belongs together, around which master, and how near.

All of it is a function of the set of contents, their priorities and the pair relation, never of an order of arrival:
components don't depend on the order of edges, stars are taken by priority, and ties end at the content id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.cluster.components import Forest

LARGEST_STEP = 256
VERIFIED_AT_ONCE = 4_096
NOTHING = {"joins": False}
"""What is known of a pair that came to nothing: in a large component they are the most."""
WIDE_ROWS = 64
"""Families up to this size have each master compared with every row left, candidate or not: a crop of the original may
be far from the turned or marked copy that leads the family, and still lie on it. Larger ones stay with candidates."""


class Index(Protocol):
    """Candidates by look-up, among the rows of one large component."""

    def candidates(self, rows: np.ndarray, labels: np.ndarray) -> np.ndarray: ...


class Verifier(Protocol):
    """What the match stage offers: candidates among rows, and their verification."""

    def features(self, contents: pa.Table) -> Any: ...

    def candidates(
        self, features: Any, rows: np.ndarray, others: np.ndarray, labels: np.ndarray | None = None
    ) -> np.ndarray: ...

    def candidates_within(self, features: Any, bounds: np.ndarray) -> np.ndarray: ...

    def index(self, features: Any, rows: np.ndarray) -> Index | None: ...

    def nearness(self, features: Any, pairs: np.ndarray) -> np.ndarray: ...

    def verify(self, features: Any, pairs: np.ndarray, wide: bool = False) -> pa.Table: ...

    def undecided(self, features: Any, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass
class Judged:
    """Verified pairs of rows, each verified once; `misses` are those that nearly passed."""

    verifier: Verifier
    features: Any
    known: dict[tuple[int, int], dict] = field(default_factory=dict)
    misses: list[tuple[int, int]] = field(default_factory=list)

    def candidates(self, rows: np.ndarray, others: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Give candidate pairs between rows and others, int64 (pairs, 2), smaller row first, each once, in order."""
        return np.unique(self.verifier.candidates(self.features, rows, others, labels), axis=0)

    def verify(self, pairs: np.ndarray) -> None:
        """Verify pairs that aren't known yet."""
        new = np.array([key for key in map(tuple, pairs.tolist()) if key not in self.known], dtype=np.int64)
        for start in range(0, len(new), VERIFIED_AT_ONCE):
            self._verify_new(new[start : start + VERIFIED_AT_ONCE])

    def _verify_new(self, new: np.ndarray) -> None:
        found = self.verifier.verify(self.features, new)
        self.known.update(dict.fromkeys(map(tuple, new.tolist()), NOTHING))
        for row in found.filter(pc.or_(found.column("joins"), found.column("near_miss"))).to_pylist():
            self.known[row["a"], row["b"]] = row
            if row["near_miss"]:
                self.misses.append((row["a"], row["b"]))

    def joins(self, pairs: np.ndarray) -> np.ndarray:
        """Tell which pairs, int64 (pairs, 2) with the smaller row first, may hold a cluster together."""
        self.verify(pairs)
        return np.array([self.known[key]["joins"] for key in map(tuple, pairs.tolist())], dtype=bool)

    def joins_widely(self, pairs: np.ndarray) -> np.ndarray:
        """Tell the same of pairs of one family, each tried in every turn of one on the other, whatever their hashes."""
        keys = list(map(tuple, pairs.tolist()))
        open_ = [key for key in keys if key not in self.known or not self.known[key]["joins"]]
        found = self.verifier.verify(self.features, np.array(open_, np.int64).reshape(-1, 2), wide=True)
        self.known.update({(row["a"], row["b"]): row for row in found.to_pylist()})
        return np.array([self.known[key]["joins"] for key in keys], dtype=bool)


def families(judged: Judged, rows: np.ndarray) -> np.ndarray:
    """Label the connected components of verified pairs among ascending rows: each with its family's smallest row.

    Rows are taken in steps that grow; pairs within a tree already found aren't looked at, so a clique of m rows costs
    m - 1 verified pairs and not m squared.
    """
    forest = Forest(len(rows))
    everywhere = np.full(int(rows[-1]) + 1, -1, dtype=np.int64)
    index = judged.verifier.index(judged.features, rows)
    start, step = 0, 1
    while start < len(rows):
        stop = min(len(rows), start + step)
        everywhere[rows] = forest.labels()
        if index is not None:
            pairs = np.unique(index.candidates(rows[start:stop], everywhere), axis=0)
        else:
            pairs = judged.candidates(rows[start:stop], rows[start + 1 :], everywhere)
        unite_lazily(judged, forest, rows, pairs)
        start, step = stop, min(step * 2, LARGEST_STEP)
    return rows[forest.labels()]


def unite_lazily(judged: Judged, forest: Forest, rows: np.ndarray, pairs: np.ndarray) -> None:
    """Unite rows whose pair verifies, without looking at pairs of one tree."""
    taken, size = 0, 64
    while taken < len(pairs):
        chunk = pairs[taken : taken + size]
        places, labels = np.searchsorted(rows, chunk), forest.labels()
        apart = labels[places[:, 0]] != labels[places[:, 1]]
        chunk, places = chunk[apart], places[apart]
        if len(chunk):
            good = judged.joins(chunk)
            forest.unite(places[good, 0], places[good, 1])
        taken += size
        size = min(size * 2, VERIFIED_AT_ONCE)


def stars(judged: Judged, family: np.ndarray, *, wide: bool) -> dict[int, int]:
    """Give each row of a family its master: the best row left over claims every row that pairs with it, and so on.

    Args:
      family: rows by preference, the best first.
      wide: compare masters with every row left, candidate or not.
    """
    masters: dict[int, int] = {}
    while len(family):
        master, family = int(family[0]), family[1:]
        masters[master] = master
        if wide:
            pairs = np.sort(np.stack([np.full(len(family), master), family], axis=1), axis=1)
            good = pairs[judged.joins_widely(pairs)]
        else:
            pairs = judged.candidates(np.array([master]), family)
            good = pairs[judged.joins(pairs)]
        claimed = np.where(good[:, 0] == master, good[:, 1], good[:, 0])
        masters.update(dict.fromkeys(claimed.tolist(), master))
        family = family[~np.isin(family, claimed)]
    return masters
