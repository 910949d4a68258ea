"""Not one pair within the radius is lost: the search against brute force, whatever the plan and the corpus."""

import uuid

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.blocks.ipc import from_bytes, to_bytes
from mirrorfold.transforms.cluster.components import label_components
from mirrorfold.transforms.match import compare_all
from mirrorfold.transforms.match.designs import choose, combinations_for, whole
from mirrorfold.transforms.match.join import Join, Rule, search
from mirrorfold.transforms.match.kernels import FULL_KEEPS, KIND_MASK, KIND_SHIFT, PROBE_KEEPS
from mirrorfold.transforms.match.packing import join_rows, pack, split, unpack
from mirrorfold.transforms.match.plan import Plan, make_masks, make_plan
from mirrorfold.transforms.match.rows import Rows
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
    darker = random.integers(0, 64, (rows, 2), dtype=np.uint64)
    checks = np.concatenate([darker, random.integers(0, 64, (rows, 2), dtype=np.uint64) & ~darker], axis=1)
    return Rows(hashes, nodes << KIND_SHIFT | kinds, checks)


def brute_force(rows: Rows, rule: Rule) -> set[tuple[int, int]]:
    i, j = np.triu_indices(len(rows.hashes), 1)
    full = rows.ids & KIND_MASK == 0
    near = np.bitwise_count(rows.hashes[i] ^ rows.hashes[j]) <= rule.radius
    near &= _agree(rows.checks[i], rows.checks[j], np.bitwise_count(rows.hashes[i] ^ rows.hashes[j]), rule)
    near &= (full[i] | full[j]) & (rows.ids[i] >> KIND_SHIFT != rows.ids[j] >> KIND_SHIFT)
    return set(zip(i[near].tolist(), j[near].tolist(), strict=True))


def _agree(one: np.ndarray, other: np.ndarray, distance: np.ndarray, rule: Rule) -> np.ndarray:
    """Say by the definition whether checks agree: the cosine of their signs, in percent."""
    if rule.check_limit <= 0:
        return np.ones(len(one), bool)
    a, b = _signs(one), _signs(other)
    sizes = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    percent = 100 * (a * b).sum(axis=1) / np.maximum(1, sizes)
    return (percent > 0) & (percent >= rule.check_limit + distance - 1e-9)


def _signs(checks: np.ndarray) -> np.ndarray:
    octets = np.ascontiguousarray(checks).view(np.uint8).reshape(len(checks), 8 * checks.shape[1])
    bits = np.unpackbits(octets, axis=1).astype(int)
    half = bits.shape[1] // 2
    return bits[:, :half] - bits[:, half:]


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
    check_limit=st.sampled_from([0, 30]),
)
@settings(max_examples=150, deadline=None)
def test_every_pair_within_the_radius_is_found_once(plan, seed, rows, spread, common, probes, hot, check_limit):
    found = corpus(seed, rows, spread, common, probes)
    rule = Rule(plan.radius, check_limit, hot_rows=hot, crowd_rows=10**6)
    pairs, counts = search(found, plan, rule)
    expected = brute_force(found, rule)
    assert as_set(pairs) <= expected
    assert counts.pairs == len(pairs)
    if not counts.crowded:
        assert as_set(pairs) == expected
        assert len(as_set(pairs)) == len(pairs)
    # A pair is let go only where either row has more candidates than it keeps.
    degrees = np.bincount(np.array(sorted(expected), int).ravel(), minlength=rows)
    limits = np.where(found.ids & KIND_MASK == 0, FULL_KEEPS, PROBE_KEEPS)
    assert all(degrees[i] > limits[i] and degrees[j] > limits[j] for i, j in expected - as_set(pairs))


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(0, 250),
    spread=st.integers(0, 9),
    radius=st.integers(0, 8),
    probes=st.booleans(),
    check_limit=st.sampled_from([0, 30]),
    cells=st.sampled_from([1, 500, 1 << 16]),
)
@settings(max_examples=150, deadline=None)
def test_comparing_all_finds_the_same_edges(seed, rows, spread, radius, probes, check_limit, cells):
    found = corpus(seed, rows, spread, 0, probes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_all, "CHUNK_CELLS", cells)
        patch.setattr(compare_all, "FULL_KEEPS", rows)
        patch.setattr(compare_all, "PROBE_KEEPS", rows)
        pairs = compare_all.candidates_among(found, radius, check_limit)
    assert as_set(pairs) == brute_force(found, Rule(radius, check_limit))
    assert len(as_set(pairs)) == len(pairs)


@given(plan=plans(), seed=st.integers(0, 10_000), partitions=st.integers(1, 7), blocks=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_partitions_and_blocks_lose_nothing(plan, seed, partitions, blocks):
    whole = corpus(seed, 160, 3, 30, True)
    rule = Rule(plan.radius, 30)
    sent: dict[int, list[bytes]] = {}
    for part in np.array_split(np.random.default_rng(seed).permutation(160), blocks):
        for key, chosen in split(whole.take(part), plan.masks, partitions):
            sent.setdefault(key, []).append(pack(chosen))
    found = set()
    for key, parts in sent.items():
        rows = join_rows((unpack(part, 4) for part in parts), 4)
        pairs = Join(plan, rule).table(rows, key // partitions)
        found |= {tuple(sorted(pair)) for pair in rows.ids[pairs].tolist()}
    pairs, _ = search(whole, plan, rule)
    assert found == {tuple(sorted(pair)) for pair in whole.ids[pairs].tolist()}


def test_hot_buckets_are_banded_again_and_counted():
    random = np.random.default_rng(3)
    hashes = random.integers(0, 2**20, 3_000, dtype=np.uint64)
    rows = Rows(hashes, np.arange(3_000, dtype=np.uint64) << KIND_SHIFT, np.zeros((3_000, 2), np.uint64))
    plan = Plan(2, tuple(make_masks((choose(1, 2), whole()), list(range(63)))), "drawn", 0.0)
    rule = Rule(2, 0, hot_rows=100)
    pairs, counts = search(rows, plan, rule)
    assert as_set(pairs) == brute_force(rows, rule)
    assert counts.hot_buckets > 0
    assert counts.hot_rows > 100
    assert counts.crowded == counts.crowd_buckets == 0


def family(rows: int, spread: int, seed: int) -> Rows:
    """Rows of one picture's variants: any two are within reach, and nearly all of them in every bucket."""
    random = np.random.default_rng(seed)
    hashes = np.full(rows, 0x5A5A5A5A5A5A5A5A, np.uint64) ^ (
        np.uint64(1) << random.integers(0, 64, rows).astype(np.uint64)
    )
    ids = random.permutation(rows).astype(np.uint64) << KIND_SHIFT
    return Rows(hashes, ids, random.integers(0, 1 << spread, (rows, 2)).astype(np.uint64))


@pytest.mark.parametrize("crowd", [40, 10**6], ids=["runs of alike rows", "whole buckets"])
def test_a_crowd_costs_linear_pairs_and_stays_connected(crowd):
    counted = {}
    for rows in (400, 800):
        found = family(rows, 6, rows)
        plan = make_plan(4, rows, found.hashes)
        pairs, counts = search(found, plan, Rule(4, 0, hot_rows=16, crowd_rows=crowd))
        assert len(np.unique(label_components(pairs.astype(np.uint64))[:, 1])) == 1
        assert len(label_components(pairs.astype(np.uint64))) == rows
        assert counts.crowded > 0
        counted[rows] = len(as_set(pairs))
    assert counted[800] < 2.6 * counted[400]
    assert counted[800] < 800 * 799 / 8


def test_a_copy_among_look_alikes_is_among_the_nearest():
    """A form filled in many times: each has one true copy, a bit away; a crowd must not push it out."""
    random = np.random.default_rng(8)
    checks = random.integers(0, 2**63, (200, 2)).astype(np.uint64) & np.uint64(0x0F0F0F0F0F0F0F0F)
    checks = np.concatenate([checks, checks ^ np.uint64(1)])
    ids = np.random.default_rng(9).permutation(400).astype(np.uint64) << KIND_SHIFT
    rows = Rows(np.zeros(400, np.uint64), ids, checks)
    pairs, counts = search(rows, make_plan(4, 400, rows.hashes), Rule(4, 0, hot_rows=16))
    assert counts.crowded > 0
    assert {(i, i + 200) for i in range(200)} <= as_set(pairs)
    together = compare_all.candidates_among(rows, 4, 0)
    assert {(i, i + 200) for i in range(200)} <= as_set(together)
    assert len(together) < 400 * 32


def test_rows_that_show_too_little_are_not_searched_and_counted(tmp_path):
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
    rule = Rule(2, 0, hot_rows=20)
    root = beam.Pipeline("FnApiRunner")
    met = (
        root
        | beam.Create([light.slice(start, 100) for start in range(0, 400, 100)])
        | Search(plan, rule, 400, 1, 2, str(tmp_path))
    )
    met | beam.Map(lambda block: (tmp_path / f"{uuid.uuid4().hex}.met").write_bytes(to_bytes(block)) and None)
    result = root.run()
    result.wait_until_finish()
    blocks = [from_bytes(path.read_bytes()) for path in tmp_path.glob("*.met")]
    found = [(a >> 6, b >> 6) for block in blocks for a, b in zip(*(block[s].to_pylist() for s in "ab"), strict=True)]
    i, j = np.nonzero(np.triu(np.bitwise_count(hashes[:, None] ^ hashes) <= 2, 1))
    i, j = i[i >= 7], j[i >= 7]
    assert sorted(found) == sorted(zip(i.tolist(), j.tolist(), strict=True))
    counters = {c.key.metric.name: c.result for c in result.metrics().query()["counters"]}
    assert counters["low_information"] == 7


@pytest.mark.parametrize("radius", [4, 6, 8])
def test_the_planner_wastes_no_bits_that_never_change(radius):
    sample = np.random.default_rng(0).integers(0, 2**64, 5_000, dtype=np.uint64) | np.uint64(1 << 63)
    plan = make_plan(radius, 10**6, sample)
    assert not any(mask >> 63 & 1 for mask in plan.masks)
