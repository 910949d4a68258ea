"""Families, stars and pairs are functions of the contents alone: no order, no chains."""

import uuid
from dataclasses import dataclass
from unittest import mock

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirrorfold.schemas.clusters import TOO_LARGE
from mirrorfold.schemas.pairs import DISTANCES
from mirrorfold.transforms.blocks.ipc import from_bytes, to_bytes
from mirrorfold.transforms.cluster import resolve as whole_resolve
from mirrorfold.transforms.cluster import stars as whole
from mirrorfold.transforms.cluster import wiring
from mirrorfold.transforms.cluster.components import (
    Forest,
    both_ways,
    label_components,
    large_star,
    open_stars,
    small_star,
)
from mirrorfold.transforms.cluster.resolve import LINKS, resolve
from mirrorfold.transforms.cluster.stars import WIDE_ROWS


@dataclass(frozen=True)
class Near:
    """A verifier over numbers on a line: a candidate within `loose`, a pair within `tight`."""

    loose: int = 6
    tight: int = 4

    def features(self, contents):
        return contents.column("place").to_numpy()

    def candidates(self, features, rows, others):
        found = [
            (min(i, j), max(i, j))
            for i in rows
            for j in others
            if i != j and abs(features[i] - features[j]) <= self.loose
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def verify(self, features, pairs, wide=False):
        gaps = [abs(int(features[a]) - int(features[b])) for a, b in pairs]
        return pa.Table.from_pylist(
            [
                {
                    "a": int(a), "b": int(b), "tier": "probable", "joins": gap <= self.tight,
                    "near_miss": gap > self.tight, "kind": "similar", "kind_text": "", "rule": "test",
                    "capture_conflict": False, "correlation": 1.0, "residual": 0.0, "highpass": 1.0 - gap / 100,
                    "crop_area": 1.0, "aspect": 0.0, "warp": None, **{column.name: gap for column in DISTANCES},
                }
                for (a, b), gap in zip(pairs.tolist(), gaps, strict=True)
            ]
        )  # fmt: skip


@dataclass(frozen=True)
class Turning(Near):
    """Rows that lie farther apart are pairs as well, but only for those who try every turn."""

    far: int = 9

    def verify(self, features, pairs, wide=False):
        judged = super().verify(features, pairs, wide).to_pylist()
        for row in judged:
            gap = abs(int(features[row["a"]]) - int(features[row["b"]]))
            row["joins"] = gap <= (self.far if wide else self.tight)
        return pa.Table.from_pylist(judged) if judged else super().verify(features, pairs, wide)


def table_of(places: list[int], priorities: list[int]) -> pa.Table:
    """Make contents, all in one component: content ids and priorities as given."""
    return pa.table(
        {
            "content_id": [f"{i:04d}" for i in range(len(places))],
            "component": pa.array([7] * len(places), pa.uint64()),
            "place": places,
            "priority": [bytes([p >> 8, p & 255]) for p in priorities],
        }
    )


def links_of(table: pa.Table, verifier: Near) -> pa.Table:
    """Give the edges that join, as a search and its verification would."""
    features, rows = verifier.features(table), np.arange(table.num_rows)
    pairs = np.unique(verifier.candidates(features, rows, rows), axis=0)
    ids = table.column("content_id")
    found = verifier.verify(features, pairs) if len(pairs) else None
    if found is None:
        return LINKS.empty_table()
    found = found.filter(found.column("joins"))
    given = {
        "content_a": ids.take(found.column("a")),
        "content_b": ids.take(found.column("b")),
        "component": pa.array([7] * len(found), pa.uint64()),
    }
    columns = [given[name] if name in given else found.column(name) for name in LINKS.names]
    return pa.table(columns, names=LINKS.names).cast(LINKS)


def resolved(table: pa.Table, verifier: Near = Near()) -> tuple[list[dict], list[dict]]:
    ordered = table.sort_by("content_id")
    found = list(resolve(table, links_of(ordered, verifier), verifier))
    return pa.concat_tables(p for p, _ in found).to_pylist(), pa.concat_tables(m for _, m in found).to_pylist()


corpora = st.lists(st.integers(0, 120), min_size=1, max_size=70).flatmap(
    lambda places: st.tuples(st.just(places), st.permutations(range(len(places))))
)


@given(corpora, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_changes_nothing(drawn, random):
    table = table_of(*drawn)
    order = list(range(table.num_rows))
    random.shuffle(order)
    assert resolved(table) == resolved(table.take(order))


@pytest.mark.parametrize("wide_rows", [WIDE_ROWS, 0], ids=["small-families", "large-families"])
@given(corpora)
@settings(max_examples=60, deadline=None)
def test_stars_have_no_chains_and_masters_lie_apart(wide_rows, drawn):
    places, priorities = drawn
    with mock.patch.object(whole, "WIDE_ROWS", wide_rows):
        pairs, members = resolved(table_of(places, priorities))
    listed = {(row["content_a"], row["content_b"]): row for row in pairs}
    masters = {row["cluster_id"] for row in members}
    for row in members:
        member, master = int(row["content_id"]), int(row["cluster_id"])
        assert abs(places[member] - places[master]) <= 4
        assert priorities[master] <= priorities[member]
        key = tuple(sorted((row["content_id"], row["cluster_id"])))
        assert member == master or listed[key]["reason"] == "master"
        assert sum(f"{master:04d}" == other["content_id"] for other in members) == 1
    for one in masters:
        for other in masters:
            assert one == other or abs(places[int(one)] - places[int(other)]) > 4


@pytest.mark.parametrize("rows", [3, WIDE_ROWS + 1], ids=["within", "above"])
def test_a_master_is_laid_over_its_whole_family_while_that_is_small(rows):
    places = [0, 4, 8] + [0] * (rows - 3)
    _, members = resolved(table_of(places, list(range(rows))), Turning())
    assert {row["family_id"] for row in members} == {"0000"}
    assert len({row["cluster_id"] for row in members}) == (1 if rows <= WIDE_ROWS else 2)


@given(corpora)
@settings(max_examples=60, deadline=None)
def test_families_are_the_components_of_verified_pairs(drawn):
    places, _ = drawn
    _, members = resolved(table_of(*drawn))
    found = {row["content_id"]: row["family_id"] for row in members}
    order = sorted(range(len(places)), key=lambda i: places[i])
    runs, run = [], []
    for i in order:
        if run and places[i] - places[run[-1]] > 4:
            runs.append(run)
            run = []
        run.append(i)
    runs.append(run)
    wanted = {f"{i:04d}": f"{min(run):04d}" for run in runs if len(run) > 1 for i in run}
    assert found == wanted


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_pairs_stay_linear(drawn):
    pairs, members = resolved(table_of(*drawn))
    assert len(pairs) <= 2 * len(members)


@given(corpora)
@settings(max_examples=60, deadline=None)
def test_each_content_is_listed_with_its_nearest(drawn):
    """By gap, then by id, whatever its star."""
    places, _ = drawn
    pairs, members = resolved(table_of(*drawn))
    masters = {int(row["content_id"]): int(row["cluster_id"]) for row in members}
    found = {(int(row["content_a"]), int(row["content_b"])): row for row in pairs}
    families = {int(row["content_id"]): row["family_id"] for row in members}
    expected = {tuple(sorted(star)) for star in masters.items() if star[0] != star[1]}
    for one, family in families.items():
        others = [other for other in families if other != one and families[other] == family]
        near = sorted((abs(places[one] - places[other]), other) for other in others)
        verified = [other for gap, other in near if gap <= 4]
        if verified and len(others) > 1:
            expected.add(tuple(sorted((one, verified[0]))))
    assert set(found) == expected
    for (a, b), row in found.items():
        assert row["in_cluster"] is (masters[a] == masters[b])


def test_what_a_family_too_large_leaves_goes_to_people(monkeypatch):
    """Masters are sought among the best three; those beyond join one that they pair with, or are left by themselves."""
    monkeypatch.setattr(whole_resolve, "MOST_MEMBERS", 3)
    pairs, members = resolved(table_of([0, 1, 2, 3, 6, 9], list(range(6))))
    found = {row["content_id"]: (row["cluster_id"], row["kind"]) for row in members}
    assert {name: found[name][0] for name in found} == {
        "0000": "0000", "0001": "0000", "0002": "0000", "0003": "0000", "0004": "0004", "0005": "0005"
    }  # fmt: skip
    assert [found[name][1] for name in ("0004", "0005")] == [TOO_LARGE] * 2
    assert {(row["content_a"], row["content_b"]) for row in pairs if row["reason"] == "nearest"} >= {("0003", "0004")}
    assert all(any(name in (row["content_a"], row["content_b"]) for row in pairs) for name in found)


def test_a_family_whose_master_is_linked_with_all_is_verified_no_further():
    @dataclass(frozen=True)
    class Linked(Near):
        def features(self, contents):
            raise AssertionError("nothing needs the pictures")

    table = table_of([5] * 300, list(range(300)))
    _, members = next(resolve(table, links_of(table, Near()), Linked()))
    assert set(members.column("cluster_id").to_pylist()) == {"0000"}


EDGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=120)


@example([(0, 3), (1, 4), (2, 3), (2, 4)], 1, 1)
@given(EDGES, st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_stars_by_parts_are_the_components_of_one_union_find(drawn, parts, rounds):
    edges = np.array(drawn, dtype=np.uint64).reshape(-1, 2)
    edges = edges[edges[:, 0] != edges[:, 1]]

    def by_parts(step, rows):
        return np.concatenate([step(rows[rows[:, 0] % parts == part]) for part in range(parts)])

    stars = np.sort(edges, axis=1)[:, ::-1]
    for _ in range(rounds):
        before = len(stars)
        stars = by_parts(large_star, both_ways(stars))
        stars = by_parts(small_star, stars)
        assert len(stars) <= max(before, len(edges))
    centres = dict(label_components(by_parts(open_stars, both_ways(stars))).tolist())
    found = {int(leaf): centres.get(centre, centre) for leaf, centre in stars.tolist()} if rounds else None
    if rounds:
        found |= {centre: centres.get(centre, centre) for centre in stars[:, 1].tolist()}
        assert found == dict(label_components(edges).tolist())


@pytest.mark.parametrize("length", [2, 9, 200], ids=["pair", "family", "chain"])
def test_a_chain_of_any_length_gets_one_label(length, tmp_path, monkeypatch):
    """Three rounds don't end a chain of 200: what they leave is united by one worker."""
    monkeypatch.setattr(wiring, "MOST_IN_ONE", 0)
    monkeypatch.setattr(wiring, "NODES_PER_PARTITION", 30)
    order = np.random.default_rng(length).permutation(length).astype(np.uint64)
    chain = pa.table({"a": order[:-1], "b": order[1:]}, schema=wiring.PAIRED)
    with beam.Pipeline("FnApiRunner") as root:
        labels = root | beam.Create([chain]) | wiring.Connect(length)
        labels | beam.Map(lambda block: (tmp_path / uuid.uuid4().hex).write_bytes(to_bytes(block)) and None)
    found = [row for path in tmp_path.iterdir() for row in from_bytes(path.read_bytes()).to_pylist()]
    assert {row["node"] for row in found} == set(range(length))
    assert {row["component"] for row in found} == {0}


def test_a_root_is_the_smallest_of_its_tree():
    forest = Forest(6)
    assert forest.unite(np.array([5, 4, 5]), np.array([4, 2, 2])).tolist() == [True, True, False]
    assert forest.labels().tolist() == [0, 1, 2, 3, 2, 2]
