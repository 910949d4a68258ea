"""Not one pair within the radius is lost: the search against brute force, whatever the plan and the corpus."""

import uuid

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.blocks.ipc import from_bytes, to_bytes
from mirrorfold.transforms.match import compare_all
from mirrorfold.transforms.match.block_pairs import block_pairs, compare_blocks
from mirrorfold.transforms.match.collapse import Rows
from mirrorfold.transforms.match.designs import choose, combinations_for, whole
from mirrorfold.transforms.match.join import Join, Rule, search
from mirrorfold.transforms.match.kernels import KIND_MASK, KIND_SHIFT
from mirrorfold.transforms.match.packing import join_rows, pack, pack_blocks, split, unpack, unpack_blocks
from mirrorfold.transforms.match.plan import Plan, make_masks, make_plan
from mirrorfold.transforms.match.signatures import light_schema
from mirrorfold.transforms.match.wiring import Search


def corpus(seed: int, rows: int, spread: int, common: int, probes: bool) -> Rows:
    """Make clustered signatures: centres, copies a few bits away, and `common` bits that all share (hot buckets)."""
    random = np.random.default_rng(seed)
    shared = int(random.integers(0, 2**63)) & ((1 << common) - 1)
    centres = random.integers(0, 2**64, max(1, rows // 3), dtype=np.uint64)
    centres = (centres & ~np.uint64((1 << common) - 1)) | np.uint64(shared)
    hashes = centres[random.integers(0, len(centres), rows)]
    for _ in range(spread):
        hashes = hashes ^ (np.uint64(1) << random.integers(0, 64, rows).astype(np.uint64))
    kinds = random.integers(0, 3, rows).astype(np.uint64) if probes else np.zeros(rows, np.uint64)
    nodes = random.permutation(rows).astype(np.uint64) // np.uint64(2 if probes else 1)
    checks = random.integers(0, 4, (rows, 2), dtype=np.uint64)
    return Rows(hashes, nodes << KIND_SHIFT | kinds, checks)


def brute_force(rows: Rows, rule: Rule) -> set[tuple[int, int]]:
    i, j = np.triu_indices(len(rows.hashes), 1)
    full = rows.ids & KIND_MASK == 0
    near = np.bitwise_count(rows.hashes[i] ^ rows.hashes[j]) <= rule.radius
    near &= np.bitwise_count(rows.checks[i] ^ rows.checks[j]).sum(axis=1) <= rule.check_limit
    near &= (full[i] | full[j]) & (rows.ids[i] >> KIND_SHIFT != rows.ids[j] >> KIND_SHIFT)
    return set(zip(i[near].tolist(), j[near].tolist(), strict=True))


def as_set(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(min(a, b), max(a, b)) for a, b in pairs.tolist()}


@st.composite
def plans(draw) -> Plan:
    radius = draw(st.integers(0, 8))
    groups = draw(st.sampled_from([g for g in combinations_for(radius) if sum(d.blocks for d in g) <= 63]))
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(64)[:63].tolist()
    return Plan(radius, tuple(make_masks(groups, order)), "drawn", 0.0)


@given(
    plan=plans(),
    seed=st.integers(0, 10_000),
    rows=st.integers(2, 250),
    spread=st.integers(0, 9),
    common=st.sampled_from([0, 20, 44]),
    probes=st.booleans(),
    hot=st.sampled_from([2, 8, 256]),
    check_limit=st.sampled_from([1, 128]),
)
@settings(max_examples=150, deadline=None)
def test_every_pair_within_the_radius_is_found_once(plan, seed, rows, spread, common, probes, hot, check_limit):
    found = corpus(seed, rows, spread, common, probes)
    rule = Rule(plan.radius, check_limit, hot_rows=hot, split_rows=2 * hot, forest=False)
    pairs, counts = search(found, plan, rule)
    assert as_set(pairs) == brute_force(found, rule)
    assert len(as_set(pairs)) == len(pairs)
    assert counts.pairs == len(pairs)


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(0, 250),
    spread=st.integers(0, 9),
    radius=st.integers(0, 8),
    probes=st.booleans(),
    check_limit=st.sampled_from([1, 128]),
    cells=st.sampled_from([1, 500, 1 << 16]),
)
@settings(max_examples=150, deadline=None)
def test_comparing_all_finds_the_same_edges(seed, rows, spread, radius, probes, check_limit, cells):
    found = corpus(seed, rows, spread, 0, probes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_all, "CHUNK_CELLS", cells)
        edges = compare_all.candidates_among(found, radius, check_limit)
    nodes = (found.ids >> KIND_SHIFT).tolist()
    expected = sorted(tuple(sorted((nodes[i], nodes[j]))) for i, j in brute_force(found, Rule(radius, check_limit)))
    assert sorted(tuple(sorted(edge)) for edge in edges.tolist()) == expected


@given(plan=plans(), seed=st.integers(0, 10_000), partitions=st.integers(1, 7), blocks=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_partitions_and_blocks_lose_nothing(plan, seed, partitions, blocks):
    whole = corpus(seed, 160, 3, 30, True)
    rule = Rule(plan.radius, 128, forest=False)
    sent: dict[int, list[bytes]] = {}
    for part in np.array_split(np.random.default_rng(seed).permutation(160), blocks):
        for key, chosen in split(whole.take(part), plan.masks, partitions):
            sent.setdefault(key, []).append(pack(chosen))
    found = []
    for key, parts in sent.items():
        rows = join_rows((unpack(part, 2) for part in parts), 2)
        pairs = Join(plan, rule).table(rows, key // partitions)
        found += [tuple(sorted(pair)) for pair in rows.ids[pairs].tolist()]
    wanted = [tuple(sorted(whole.ids[list(pair)].tolist())) for pair in brute_force(whole, rule)]
    assert sorted(found) == sorted(wanted)


@given(seed=st.integers(0, 10_000), radius=st.integers(0, 8), common=st.sampled_from([0, 44]))
@settings(max_examples=60, deadline=None)
def test_a_forest_spans_the_same_components(seed, radius, common):
    rows = corpus(seed, 200, 3, common, False)
    plan = make_plan(radius, 200, rows.hashes)
    pairs, _ = search(rows, plan, Rule(radius, 128, hot_rows=16))
    everything = brute_force(rows, Rule(radius, 128))
    assert as_set(pairs) <= everything
    assert components(200, as_set(pairs)) == components(200, everything)
    assert len(pairs) <= plan.tables * 199 * 8


def components(rows: int, pairs: set[tuple[int, int]]) -> list[int]:
    labels = list(range(rows))
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(labels[a], labels[b])
            changed |= labels[a] != low or labels[b] != low
            labels[a] = labels[b] = low
    return labels


def test_hot_and_split_buckets_are_counted():
    random = np.random.default_rng(3)
    hashes = random.integers(0, 2**20, 3_000, dtype=np.uint64)
    rows = Rows(hashes, np.arange(3_000, dtype=np.uint64) << KIND_SHIFT, np.zeros((3_000, 2), np.uint64))
    plan = Plan(2, tuple(make_masks((choose(1, 2), whole()), list(range(63)))), "drawn", 0.0)
    rule = Rule(2, 128, hot_rows=100, split_rows=20, forest=False)
    pairs, counts = search(rows, plan, rule)
    assert as_set(pairs) == brute_force(rows, rule)
    assert counts.hot_buckets > 0
    assert counts.hot_rows > 100
    assert counts.split_buckets > 0
    assert counts.split_blocks > counts.split_buckets
    assert counts.split_pairs >= counts.split_buckets


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 90), block=st.integers(1, 40), probes=st.booleans())
@settings(max_examples=60, deadline=None)
def test_pairs_of_blocks_lose_nothing_on_their_way(seed, rows, block, probes):
    bucket, rule = corpus(seed, rows, 4, 50, probes), Rule(8, 128, forest=False)
    masks = np.array([1 << 60, 3], np.uint64)
    found = []
    for pair in block_pairs(bucket, masks, block):
        sent = unpack_blocks(pack_blocks(pair), 2)
        assert np.array_equal(sent.rows.ids, pair.rows.ids)
        assert sent.pairs == pair.pairs
        found += map(tuple, np.sort(pair.places[compare_blocks(sent, 8, 128, False)], axis=1).tolist())
    wanted = set()
    for i, j in brute_force(bucket, rule):
        difference = bucket.hashes[i] ^ bucket.hashes[j]
        if not difference & masks[1] and difference & masks[0]:
            wanted.add((i, j))
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("split_rows", [10, 10**6], ids=["spread", "in-one-place"])
def test_hot_buckets_are_compared_by_other_workers(split_rows, tmp_path):
    random = np.random.default_rng(5)
    hashes = random.choice(2**12, 400, replace=False).astype(np.uint64)
    light = pa.table(
        {
            "node": np.arange(400, dtype=np.uint64), "phash64": hashes, "low": np.arange(400) < 7,
            "digest": np.zeros(400, np.uint64), "hashes": list(hashes[:, None]),
            "checks": list(np.zeros((400, 2), np.uint64)),
        },
        schema=light_schema(1, 2),
    )  # fmt: skip
    plan = Plan(2, tuple(make_masks((choose(1, 2), whole()), list(range(63)))), "drawn", 0.0)
    rule = Rule(2, 128, hot_rows=20, split_rows=split_rows, forest=False)
    root = beam.Pipeline("FnApiRunner")
    edges = (
        root
        | beam.Create([light.slice(start, 100) for start in range(0, 400, 100)])
        | Search(plan, rule, 400, 1, 2, str(tmp_path))
    )
    edges | beam.Map(lambda block: (tmp_path / f"{uuid.uuid4().hex}.edges").write_bytes(to_bytes(block)) and None)
    result = root.run()
    result.wait_until_finish()
    blocks = [from_bytes(path.read_bytes()) for path in tmp_path.glob("*.edges")]
    found = [tuple(sorted(edge)) for block in blocks for edge in zip(*block.to_pydict().values(), strict=True)]
    i, j = np.nonzero(np.triu(np.bitwise_count(hashes[:, None] ^ hashes) <= 2, 1))
    i, j = i[i >= 7], j[i >= 7]  # the first seven show next to nothing: they are not searched, and counted
    assert sorted(found) == sorted(zip(i.tolist(), j.tolist(), strict=True))
    counters = {c.key.metric.name: c.result for c in result.metrics().query()["counters"]}
    assert counters["low_information"] == 7
    assert (
        (counters["split_blocks"] > 10 * counters["split_buckets"])
        if split_rows == 10
        else not counters["split_blocks"]
    )


@pytest.mark.parametrize("radius", [4, 6, 8])
def test_the_planner_wastes_no_bits_that_never_change(radius):
    sample = np.random.default_rng(0).integers(0, 2**64, 5_000, dtype=np.uint64) | np.uint64(1 << 63)
    plan = make_plan(radius, 10**6, sample)
    assert not any(mask >> 63 & 1 for mask in plan.masks)
