"""Nothing is lost and nothing doubled, however a bucket's keys lie and whoever lists what part of it."""

from __future__ import annotations

import bisect
import threading
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.listing.pages import Page
from mirrorfold.transforms.listing.ranges import KeyRange, cut_at, find_cuts, plan_ranges, quantiles
from mirrorfold.transforms.listing.steal import list_range

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
KEYS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=6),
    st.text("a\U0010ffff\ud7ff\ue000中/", min_size=1, max_size=5),
    st.text("ab", min_size=1, max_size=8),
    st.builds("archive/2019/{:06d}.jpg".format, st.integers(0, 5000)),
    st.builds("档案/香港/{}".format, st.text("照片图像一二三", min_size=1, max_size=3)),
)
BUCKETS = st.lists(KEYS, max_size=120)


class Bucket:
    """A bucket in memory that serves pages; a key given twice has two versions."""

    def __init__(self, keys: list[str], size: int):
        self.keys, self.size = sorted(keys, key=str.encode), size
        self.probes = self.pages_served = 0
        self.lock = threading.Lock()

    def probe(self, after: str | None) -> str | None:
        with self.lock:
            self.probes += 1
        at = 0 if after is None else bisect.bisect_right(self.keys, after)
        return self.keys[at] if at < len(self.keys) else None

    def page(self, after: str | None, token: int | None) -> Page:
        with self.lock:
            self.pages_served += 1
        at = token if token is not None else 0 if after is None else bisect.bisect_right(self.keys, after)
        if at % 7 == 3 and token is not None:  # stores may answer an empty page and go on
            at, entries = at, self.keys[at : at + 1]
        else:
            entries = self.keys[at : at + self.size]
        stop = at + len(entries)
        return Page(entries, entries[-1] if entries else None, stop if stop < len(self.keys) else None)

    def key(self, entry: str) -> str:
        return entry

    def rows(self, entries: list[str]) -> pa.Table:
        return pa.table({"key": pa.array(entries, pa.string())})


def listed(bucket: Bucket, ranges: list[KeyRange], threads: int) -> Counter:
    return Counter(
        key for keys in ranges for block in list_range(bucket, keys, threads) for key in block["key"].to_pylist()
    )


@settings(max_examples=300, deadline=None)
@given(keys=BUCKETS, size=st.integers(1, 4), threads=st.integers(1, 4))
@example(keys=["a"] * 9 + ["b"], size=2, threads=3)
@example(keys=["\U0010ffff"] * 2 + ["\U0010ffff\U0010ffff"], size=1, threads=2)
def test_threads_that_take_each_others_work_give_every_entry_once(keys: list[str], size: int, threads: int):
    assert listed(Bucket(keys, size), [KeyRange()], threads) == Counter(keys)


@settings(max_examples=300, deadline=None)
@given(keys=BUCKETS, pieces=st.integers(1, 30), size=st.integers(1, 5), cuts=st.lists(KEYS, max_size=5))
def test_planned_ranges_cover_every_key_once(keys: list[str], pieces: int, size: int, cuts: list[str]):
    bucket = Bucket(keys, size)

    def small(piece: KeyRange) -> bool:
        return sum(piece.holds(key) for key in keys) <= size

    ranges = plan_ranges(bucket.probe, small, KeyRange(), pieces, cuts)
    assert all(sum(piece.holds(key) for piece in ranges) == 1 for key in keys)
    assert listed(bucket, ranges, 2) == Counter(keys)


@settings(max_examples=300, deadline=None)
@given(keys=st.sets(KEYS, min_size=3, max_size=100), bound=st.tuples(st.none() | KEYS, st.none() | KEYS))
def test_a_cut_leaves_keys_on_both_sides(keys: set[str], bound: tuple[str | None, str | None]):
    whole = KeyRange(*bound)
    inside = sorted(key for key in keys if whole.holds(key))
    for cut in find_cuts(Bucket(list(keys), 1).probe, whole):
        assert whole.holds(cut)
        cut.encode()  # never inside a character
        assert inside[0] <= cut
        assert cut <= inside[-1]


@pytest.mark.parametrize(
    "keys",
    [
        [f"archive/hk/2019/{number:06d}.jpg" for number in range(20_000)],
        [f"档案/{chr(0x4E00 + number % 5000)}/{number}" for number in range(20_000)],
        [f"{number * 2654435761 % 2**32:08x}" for number in range(20_000)],
        ["one/deep/folder/" + f"{number:05d}" for number in range(19_000)] + [f"{c}/x" for c in "abcdefgh" * 100],
    ],
    ids=["numbered", "chinese", "hashed", "skewed"],
)
def test_large_buckets_are_cut_in_pieces_worth_having(keys: list[str]):
    bucket = Bucket(keys, 1000)
    ranges = plan_ranges(bucket.probe, lambda piece: sum(piece.holds(key) for key in keys) <= 1000, KeyRange(), 16)
    counts = [sum(piece.holds(key) for key in bucket.keys) for piece in ranges]
    assert sum(counts) == len(keys)
    assert max(counts) <= len(keys) / 4
    assert bucket.probes < 300


def test_an_idle_thread_takes_work_from_a_skewed_range():
    keys = [f"deep/folder/{number:05d}" for number in range(3000)]
    busy: Counter = Counter()

    class Slow(Bucket):
        def page(self, after, token):
            busy[threading.get_ident()] += 1
            threading.Event().wait(0.002)
            return super().page(after, token)

    assert listed(Slow(keys, 10), [KeyRange()], 4) == Counter(keys)
    assert len(busy) == 4
    assert min(busy.values()) > 20


def test_an_error_of_one_thread_ends_the_listing():
    class Broken(Bucket):
        def page(self, after, token):
            if self.pages_served > 20:
                raise OSError("the store broke")
            return super().page(after, token)

    with pytest.raises(OSError, match="the store broke"):
        listed(Broken([f"{number:04d}" for number in range(500)], 3), [KeyRange()], 4)


def test_cuts_and_quantiles_of_an_earlier_listing():
    sample = [f"{number:03d}" for number in range(100)]
    assert quantiles(sample, 4) == ["025", "050", "075"]
    assert quantiles(["a"], 4) == []
    assert cut_at(KeyRange("a", "m"), ["z", "c", "m", "a"]) == [KeyRange("a", "c"), KeyRange("c", "m")]
