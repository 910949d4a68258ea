"""What a sample may claim: intervals that cover the truth on heavy-tailed archives, and counts that are exact."""

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.estimate import census, exact, near
from mirrorfold.transforms.estimate.interval import Interval, add, mean_of_shares, poisson, weighted_count, wilson
from tests.estimate.corpora import listing

NO_LIMIT = 10**18


def truth(listed: census.Listed, identity: np.ndarray, keep: int = 1) -> tuple[int, int]:
    """Bytes and objects freed, counted."""
    found = census.count_copies(listed, identity, np.unique(listed.size, return_inverse=True)[1], listed.objects, keep)
    return int(found.bytes.sum()), int(found.copies.sum())


def sampled(
    listed: census.Listed, identity: np.ndarray, read_bytes: int, keep: int = 1, unread: int = 0
) -> exact.Exact:
    """Estimate with what a sample would have read; `unread` stands where it read nothing."""
    plan = exact.plan(listed, read_bytes, NO_LIMIT)
    read = np.isin(listed.size, plan.drawn_sizes)
    return exact.estimate(listed, plan, np.where(read | ~open_rows(listed, plan), identity, unread), keep)


def open_rows(listed: census.Listed, plan: exact.Plan) -> np.ndarray:
    return plan.sizes.open[np.searchsorted(plan.sizes.size, listed.size)]


@pytest.mark.parametrize("kind", ["photos", "viral", "scans", "crowded"])
def test_the_interval_covers_the_truth_in_93_of_100_heavy_tailed_archives(kind):
    rounds, covered, halves, read = 120, 0, [], []
    for seed in range(rounds):
        listed, identity = listing(kind, np.random.default_rng(seed), objects=8_000)
        found = sampled(listed, identity, listed.bytes * 3 // 100)
        covered += found.bytes.low <= truth(listed, identity)[0] <= found.bytes.high
        halves.append((found.bytes.high - found.bytes.low) / 2 / listed.bytes)
        read.append(exact.plan(listed, listed.bytes * 3 // 100, NO_LIMIT).bytes / listed.bytes)
    assert covered / rounds >= 0.93
    assert np.mean(read) < 0.035
    # An interval from nothing to everything would cover, too: it has to say something.
    assert np.mean(halves) < {"photos": 0.02, "viral": 0.10, "scans": 0.01, "crowded": 0.25}[kind]


@pytest.mark.parametrize("kind", ["photos", "viral", "crowded"])
def test_what_was_not_read_changes_nothing(kind):
    listed, identity = listing(kind, np.random.default_rng(2), objects=8_000)
    results = [sampled(listed, identity, listed.bytes * 3 // 100, unread=value) for value in (0, 7)]
    assert (results[0].bytes, results[0].copies) == (results[1].bytes, results[1].copies)
    assert results[0].bytes.low < results[0].bytes.high


def test_a_uniform_sample_sees_next_to_nothing_where_this_one_sees_it_all():
    rng = np.random.default_rng(1)
    pictures, pairs = 16_000, 4_000
    owner = np.r_[np.arange(pictures), np.arange(pairs)]
    size = np.exp(rng.normal(12.2, 0.8, pictures)).astype(np.int64)[owner] + 1
    zeros = np.zeros(len(owner), np.uint64)
    places = (("hk", "s3", "hk", "STANDARD"),)
    listed = census.Listed(size, zeros, zeros, zeros.astype(np.int32), zeros.astype(bool), places, {})
    identity = (owner + 1).astype(np.uint64)
    share = truth(listed, identity)[1] / listed.objects
    assert share == 0.2
    naive = []
    for _ in range(50):
        seen = rng.random(len(owner)) < 0.01
        naive.append(truth(listed, np.where(seen, identity, 0))[1] / seen.sum())
    assert np.mean(naive) < 0.003
    found = sampled(listed, identity, listed.bytes // 100)
    assert found.copies.low / listed.objects > 0.15
    assert found.bytes.low <= truth(listed, identity)[0] <= found.bytes.high


OBJECTS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.booleans(), st.booleans()), max_size=40
)


def made(rows: list[tuple]) -> tuple[census.Listed, np.ndarray]:
    """A listing from (size, content, place, held, whether the MD5 is stated)."""
    size, content, place, held, stated = (np.array(column) for column in zip(*rows, strict=True))
    identity = (size * 100 + content).astype(np.uint64)
    md5 = np.where(stated, identity, 0).astype(np.uint64)
    places = (("a", "s3", "a", "STANDARD"), ("b", "gs", "b", "NEARLINE"))
    return census.Listed(
        size.astype(np.int64), md5, np.zeros(len(size), np.uint64), place.astype(np.int32), held, places, {}
    ), identity


@given(rows=OBJECTS.filter(bool), keep=st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_reading_every_open_size_counts_exactly(rows, keep):
    listed, identity = made(rows)
    found = sampled(listed, identity, NO_LIMIT, keep)
    groups: dict[tuple, list[tuple]] = {}
    for size, content, place, held, _ in rows:
        groups.setdefault((size, content), []).append((size, place, held))
    freed = sum(
        size * (len(group) - min(len(group), max(keep, sum(held for *_, held in group))))
        for (size, _), group in groups.items()
    )
    assert found.bytes == Interval(freed, freed, freed)
    assert found.by_place.sum() == pytest.approx(freed)


@given(rows=OBJECTS.filter(bool))
@settings(max_examples=100, deadline=None)
def test_what_the_listing_settles_is_never_read(rows):
    listed, _ = made(rows)
    plan = exact.plan(listed, NO_LIMIT, NO_LIMIT)
    for size in np.unique(listed.size):
        here = listed.size == size
        settled = here.sum() == 1 or (listed.md5[here] != 0).all()
        assert (size in plan.drawn_sizes) == (not settled)


@given(rows=OBJECTS.filter(bool), order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_listing_changes_nothing(rows, order):
    results = []
    for shuffled in (rows, order.sample(rows, len(rows))):
        listed, identity = made(shuffled)
        found = sampled(listed, identity, listed.bytes // 3)
        results.append((found.bytes, found.copies, found.settled, [round(x, 6) for x in found.by_place]))
    assert results[0] == results[1]


@pytest.mark.parametrize(("accept_md5", "requests"), [(False, 5), (True, 4)])
def test_a_full_run_reads_proven_copies_once(accept_md5, requests):
    size = np.array([5, 5, 5, 5, 7, 7], np.int64)
    md5 = np.array([1, 1, 0, 2, 0, 0], np.uint64)
    sha256 = np.array([0, 0, 0, 0, 9, 9], np.uint64)
    listed = census.Listed(size, md5, sha256, size.astype(np.int32) * 0, size < 0, (("a", "s3", "a", "STANDARD"),), {})
    assert census.full_reads(listed, accept_md5).requests == requests


def test_the_budget_is_kept():
    listed, _ = listing("photos", np.random.default_rng(3))
    for share in (0.001, 0.01, 0.05):
        assert exact.plan(listed, int(listed.bytes * share), NO_LIMIT).bytes < 1.5 * listed.bytes * share
    assert exact.plan(listed, NO_LIMIT, 500).requests < 1000


def rows(**columns) -> pa.Table:
    base = {
        "library": "hk", "store": "file", "bucket": "/a", "storage_class": "FILE", "size": 5, "md5": None,
        "sha256": None, "hold": "no", "physical_id": None,
    }  # fmt: skip
    count = len(next(iter(columns.values())))
    filled = {name: columns.get(name, [value] * count) for name, value in base.items()}
    strings = ("md5", "sha256", "physical_id")
    return pa.table({n: pa.array(v, pa.string()) if n in strings else pa.array(v) for n, v in filled.items()})


def test_a_hard_link_is_one_copy_and_left_out_objects_are_counted():
    skip = {1: None, 2: "archived"}
    blocks = [rows(physical_id=["1:1", "1:1", None, None], size=[1, 1, 2, 1]), rows(physical_id=["1:1"], size=[1])]
    listed = census.collect(blocks, lambda block: [skip[size] for size in block["size"].to_pylist()])
    assert (listed.objects, listed.left_out) == (2, {"archived": 1, "same-place": 2})


def test_an_empty_listing_is_an_empty_estimate():
    listed = census.collect([], lambda block: [])
    assert sampled(listed, np.zeros(0, np.uint64), 10**9).bytes == Interval(0, 0, 0)


class TestIntervals:
    """The statistics by themselves."""

    @pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.97])
    @pytest.mark.parametrize("drawn", [20, 200])
    def test_wilson_covers(self, share, drawn):
        rng = np.random.default_rng(5)
        seen = rng.binomial(drawn, share, 4000) / drawn
        found = [wilson(s, drawn) for s in seen]
        assert np.mean([i.low <= share <= i.high for i in found]) >= 0.945

    @pytest.mark.parametrize("drawn", [5, 40, 400])
    def test_shares_that_hardly_differ_say_more(self, drawn):
        rng = np.random.default_rng(6)
        alike = mean_of_shares(np.clip(rng.normal(0.3, 0.02, drawn), 0, 1), np.ones(drawn))
        coins = mean_of_shares((rng.random(drawn) < 0.3).astype(float), np.ones(drawn))
        assert alike.low <= 0.3 <= alike.high
        assert alike.high - alike.low < coins.high - coins.low

    def test_nothing_drawn_says_nothing(self):
        assert mean_of_shares(np.zeros(0), np.zeros(0)) == Interval(0, 0.5, 1)

    @pytest.mark.parametrize("mean", [0.5, 3, 30])
    def test_poisson_covers(self, mean):
        rng = np.random.default_rng(7)
        found = [poisson(count) for count in rng.poisson(mean, 3000)]
        assert np.mean([i.low <= mean <= i.high for i in found]) >= 0.945

    def test_a_whole_sample_is_a_count(self):
        assert weighted_count(np.array([1.0, 2.0]), 1.0) == Interval(3, 3, 3)
        assert weighted_count(np.zeros(0), 0.1).low == 0
        assert weighted_count(np.zeros(0), 0.1).high > 10

    def test_independent_estimates_add_in_squares(self):
        found = add(Interval(7, 10, 14), Interval(16, 20, 23))
        assert (found.low, found.mid, found.high) == (25, 30, 35)


class TestNear:
    """Near duplicates from a sample by stem."""

    @pytest.mark.parametrize(
        ("key", "stem"),
        [
            ("a/b/0042.tif", "0042"),
            ("z/0042_web.jpg", "0042"),
            ("0042-1024x768.JPG", "0042"),
            ("0042 (1).jpg", "0042"),
            ("web.jpg", "web"),
            ("影像/照片.jpg", "照片"),
            ("no-extension", "no-extension"),
            ("", ""),
        ],
    )
    def test_stems(self, key, stem):
        assert near.stem(key) == stem

    def test_files_of_one_stem_are_drawn_together(self):
        keys = [
            f"{folder}/{number:05d}{end}"
            for number in range(2000)
            for folder, end in (("a", ".tif"), ("b", "_web.jpg"))
        ]
        chosen = near.drawn(keys, 0.1)
        assert (chosen[0::2] == chosen[1::2]).all()
        assert 0.07 < chosen.mean() < 0.13

    @pytest.mark.parametrize("same_name", [True, False], ids=["same names", "other names"])
    def test_the_interval_covers_the_truth(self, same_name):
        pictures, pairs, rounds, covered, weighed, chance = 20_000, 4_000, 150, 0, 0, 0.05
        rng = np.random.default_rng(8)
        whole = near.Whole(pictures + pairs, 10 * pictures + 4 * pairs)
        for _ in range(rounds):
            stems = rng.random(pictures) < chance
            other = stems[:pairs] if same_name else rng.random(pairs) < chance
            seen = np.flatnonzero(stems[:pairs] & other)
            clusters = [[(f"a{n}", f"s{n}", 10), (f"b{n}", f"s{n}" if same_name else f"t{n}", 4)] for n in seen]
            found = near.estimate(
                clusters, int(stems.sum() + other.sum()), chance, whole, Counter(), defaultdict(float)
            )
            covered += found.contents.low <= pairs <= found.contents.high
            weighed += found.bytes.low <= 4 * pairs <= found.bytes.high
        assert covered / rounds >= 0.93
        assert weighed / rounds >= 0.93

    def test_it_never_exceeds_the_archive(self):
        found = near.estimate(
            [[("a", "x", 1), ("b", "y", 1)]], 2, 0.001, near.Whole(500, 900), Counter(), {"a": 1, "b": 4}
        )
        assert (found.contents.high, found.bytes.high) == (500, 900)
