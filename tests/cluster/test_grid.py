"""A component that is split by a grid comes out as if one worker had held it whole."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster.components import label_components
from mirrorfold.transforms.cluster.large import grid, sizes
from mirrorfold.transforms.cluster.resolve import resolve
from tests.cluster.test_stars import Near, table_of


def node_ids(content_ids) -> np.ndarray:
    """Scatter the rows over groups as digests are."""
    return np.array([(int(name) * 2654435761) % 2**32 for name in content_ids.to_pylist()], np.uint64)


def whole(table: pa.Table, verifier: Near) -> tuple[list, list]:
    found = list(resolve(table, verifier))
    return rows_of(pairs for pairs, _ in found), rows_of(members for _, members in found)


def named_large(labels: list[pa.Table], largest: int, partitions: int = 1) -> list[pa.Table]:
    counts = pa.concat_tables([sizes.SIZES.empty_table(), *map(sizes.count_nodes, labels)])
    where = counts.column("component").to_numpy() % partitions
    parts = [counts.filter(pa.array(where == partition)) for partition in range(partitions)]
    return [sizes.sum_large(part, largest) for part in parts]


def large_of(components: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return sizes.joined_sizes(named_large([pa.table({"component": components})], 0))


def rows_of(blocks) -> list:
    return sorted((tuple(row.values()) for block in blocks for row in block.to_pylist()), key=repr)


def by_grid(table: pa.Table, verifier: Near, group_rows: int, partitions: int) -> tuple[list, list]:
    large = large_of(table.column("component").to_numpy())
    cells = pa.concat_tables(grid.to_cells(table, node_ids(table.column("content_id")), large, group_rows))
    blocks = []
    for partition in range(partitions):
        part = cells.filter(pa.array(cells.column("cell").to_numpy() % partitions == partition))
        if part.num_rows:
            blocks += grid.compare_cells(part, verifier, node_ids)
    edges = [np.stack([b.column("a"), b.column("b")], axis=1) for b in blocks if b.schema == grid.EDGES]
    labels = dict(label_components(np.concatenate([np.empty((0, 2), np.uint64), *edges])).tolist())

    def families(nodes):
        return np.array([labels.get(node, node) for node in nodes.tolist()], np.uint64)

    misses = [b for b in blocks if b.schema == grid.MISSES]
    apart = grid.misses_between_families(pa.concat_tables([grid.MISSES.empty_table(), *misses]), families, node_ids)
    nodes = node_ids(table.column("content_id"))
    linked = table.filter(pa.array([node in labels for node in nodes.tolist()]))
    component = pa.array(families(node_ids(linked.column("content_id"))), pa.uint64())
    linked = linked.set_column(linked.schema.get_field_index("component"), "component", component)
    found = list(resolve(linked, verifier)) if linked.num_rows else []
    pairs = [pairs for pairs, _ in found] + list(grid.chosen_misses(apart))
    return rows_of(pairs), rows_of(members for _, members in found)


@given(
    places=st.lists(st.integers(0, 120), min_size=2, max_size=40),
    group_rows=st.integers(1, 12),
    partitions=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_a_grid_gives_what_one_worker_gives(places, group_rows, partitions, seed):
    order = np.random.default_rng(seed).permutation(len(places))
    table = table_of(places, order.tolist())
    assert by_grid(table.take(order), Near(), group_rows, partitions) == whole(table, Near())


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4), group_rows=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_every_pair_of_a_component_meets_in_exactly_one_cell(sizes, group_rows):
    component = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint64)
    names = [f"{i:04d}" for i in range(len(component))]
    table = pa.table({"content_id": names, "component": component})
    cells = pa.concat_tables(
        grid.to_cells(table, node_ids(table.column("content_id")), large_of(component), group_rows)
    ).to_pylist()
    met: dict[tuple[str, str], int] = {}
    for cell in {row["cell"] for row in cells}:
        rows = [row for row in cells if row["cell"] == cell]
        assert len({(row["component"], row["first"], row["second"]) for row in rows}) == 1
        for one in rows:
            for other in rows:
                across = one["group"] != other["group"] or one["first"] == one["second"]
                if one["content_id"] < other["content_id"] and across:
                    key = one["content_id"], other["content_id"]
                    met[key] = met.get(key, 0) + 1
    owner = dict(zip(names, component.tolist(), strict=True))
    assert met == {(a, b): 1 for a in names for b in names if a < b and owner[a] == owner[b]}


@given(
    components=st.lists(st.integers(0, 6), max_size=40),
    largest=st.integers(0, 8),
    blocks=st.integers(1, 4),
    partitions=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_only_components_above_the_limit_are_large(components, largest, blocks, partitions):
    """Whatever the blocks of labels and the partitions that count them."""
    labels = pa.table({"node": range(len(components)), "component": pa.array(components, pa.uint64())})
    parts = [labels.take(np.arange(block, len(components), blocks)) for block in range(blocks)]
    named = named_large(parts, largest, partitions)
    found = sizes.joined_sizes(named)
    expected = {name: components.count(name) for name in set(components) if components.count(name) > largest}
    assert dict(zip(*(column.tolist() for column in found), strict=True)) == expected
    assert found[0].tolist() == sorted(expected)
    for wanted in (True, False):
        kept = [block for part in parts for block in sizes.by_size(part, named, wanted)]
        nodes = sorted(node for block in kept for node in block.column("node").to_pylist())
        assert nodes == [node for node, name in enumerate(components) if (name in expected) is wanted]


@pytest.mark.parametrize(("contents", "rows", "cells"), [(1, 5, 1), (10, 5, 3), (11, 5, 6)])
def test_a_component_has_as_many_cells_as_pairs_of_groups(contents, rows, cells):
    assert grid.cells_of(contents, rows) == cells


def test_misses_are_rows_of_pairs():
    assert [*PAIRS.schema.names, "component"] == grid.MISSES.names
