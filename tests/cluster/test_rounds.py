"""A family that is settled in rounds comes out as if one worker had held it whole."""

from dataclasses import dataclass
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster import resolve as whole
from mirrorfold.transforms.cluster.large import grid
from mirrorfold.transforms.cluster.rounds import settle
from mirrorfold.transforms.cluster.rounds.nearest import cells as nearest
from tests.cluster.test_grid import large_of, node_ids, rows_of
from tests.cluster.test_stars import Near, table_of


@dataclass(frozen=True)
class Indexed(Near):
    """Finds a pair from the side of its even row alone, or twice, as a look-up of windows does."""

    def index(self, features, rows):
        return self.Index(self, features, rows)

    @dataclass(frozen=True)
    class Index:
        verifier: Near
        features: np.ndarray
        rows: np.ndarray

        def candidates(self, rows, labels):
            found = self.verifier.candidates(self.features, rows, self.rows, labels)
            queried = set(np.asarray(rows).tolist())
            return np.array(
                [(a, b) for a, b in found.tolist() if (a if a % 2 == 0 else b) in queried or (a + b) % 3 == 0],
                dtype=np.int64,
            ).reshape(-1, 2)


@dataclass(frozen=True)
class Uneven(Near):
    """The nearest aren't pairs: several are tried, and more than are allowed where many lie close."""

    def verify(self, features, pairs, wide=False):
        rows = super().verify(features, pairs, wide).to_pylist()
        joins = [2 < row["d_phash64"] <= self.tight for row in rows]
        return pa.Table.from_pylist([row | {"joins": good} for row, good in zip(rows, joins, strict=True)])


def by_one_worker(table: pa.Table, verifier: Near) -> tuple[list, list]:
    # Families that go in rounds are larger than those whose masters are laid over every row.
    with mock.patch.object(whole, "WIDE_ROWS", 0):
        found = list(whole.resolve(table, verifier))
    pairs = pa.concat_tables(pairs for pairs, _ in found)
    within = pairs.filter(pc.not_equal(pairs.column("reason"), "near-miss"))
    return rows_of([within]), rows_of(members for _, members in found)


def by_rounds(table: pa.Table, verifier: Near, rows: int, groups: int) -> tuple[list, list, int]:
    """Settle every family of the table in rounds of so many rows, and count them."""
    labels = dict(_labels(table, verifier))
    inside = table.filter(pa.array([name in labels for name in table.column("content_id").to_pylist()], pa.bool_()))
    component = pa.array([labels[name] for name in inside.column("content_id").to_pylist()], pa.uint64())
    held = inside.set_column(inside.schema.get_field_index("component"), "component", component)
    ids = {f"{number:04d}" for number in labels.values()}
    families = pa.table({"component": pa.array(map(int, ids), pa.uint64()), "family_id": list(ids)})
    left, found, count = held, [settle.STARS.empty_table()], 0
    while len(left):
        batch = settle.taken(left, settle.bounds_of_round(left, rows))
        rest = left.filter(pc.invert(batch))
        kept = [left.schema.empty_table()]
        for stars, masters in settle.lead(left.filter(batch), verifier):
            found.append(stars)
            of_family = rest.filter(pc.equal(rest.column("component"), masters.column("component")[0]))
            group = node_ids(of_family.column("content_id")) % groups
            for number in range(groups):
                part = of_family.filter(pa.array(group == number))
                if len(part):
                    stars, others = settle.settle(masters, part, verifier)
                    found.append(stars)
                    kept.append(others)
        left, count = pa.concat_tables(kept), count + 1
    settled = pa.concat_tables(found)
    masters = dict(zip(settled.column("member_id").to_pylist(), settled.column("cluster_id").to_pylist(), strict=True))
    marked = held.append_column("cluster_id", pa.array([masters[n] for n in held.column("content_id").to_pylist()]))
    large = large_of(marked.column("component").to_numpy())
    cells = list(grid.to_cells(marked, node_ids(marked.column("content_id")), large, rows)) if len(marked) else []
    tries = nearest.try_cells(pa.concat_tables(cells), verifier) if cells else []
    near = nearest.chosen(pa.concat_tables([nearest.TRIES.empty_table(), *tries])).to_pylist()
    distinct = {(row["content_a"], row["content_b"]): row for row in near}
    pairs = [settle.pairs_of(settled), pa.Table.from_pylist(list(distinct.values()), schema=PAIRS.schema)]
    return rows_of(pairs), rows_of([settle.members_of(settled, families)]), count


def _labels(table: pa.Table, verifier: Near):
    for _, members in whole.resolve(table, verifier):
        for row in members.to_pylist():
            yield row["content_id"], int(row["family_id"])


@pytest.mark.parametrize(
    ("verifier", "plain"),
    [(Near(), Near()), (Indexed(), Near()), (Uneven(), Uneven())],
    ids=["compared", "looked-up", "uneven"],
)
@given(
    places=st.integers(6, 60).flatmap(lambda most: st.lists(st.integers(0, most), min_size=2, max_size=60)),
    levels=st.integers(1, 60),
    rows=st.integers(1, 20),
    groups=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_rounds_give_what_one_worker_gives(verifier, plain, places, levels, rows, groups, seed):
    random = np.random.default_rng(seed)
    table = table_of(places, random.integers(0, levels, len(places)).tolist())
    shuffled = table.take(random.permutation(len(places)))
    pairs, members, _ = by_rounds(shuffled, verifier, rows, groups)
    assert (pairs, members) == by_one_worker(table, plain)
