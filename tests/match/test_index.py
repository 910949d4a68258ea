"""A large component's look-ups find what comparing all of its pairs finds."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.cluster.resolve import resolve
from mirrorfold.transforms.match import verify
from mirrorfold.transforms.match.candidates import candidates_within
from mirrorfold.transforms.match.index import make_index
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

from .match_pictures import make_contents, photographs


@dataclass(frozen=True)
class Signed:
    """The columns of Features that candidates are made from."""

    hashes: np.ndarray
    checks: np.ndarray
    digests: np.ndarray
    low: np.ndarray


def signed(seed: int, rows: int, kinds: int, spread: int) -> Signed:
    random = np.random.default_rng(seed)
    centres = random.integers(0, 2**64, max(1, rows // 4), dtype=np.uint64)
    hashes = centres[random.integers(0, len(centres), (rows, kinds))]
    for _ in range(spread):
        hashes = hashes ^ (np.uint64(1) << random.integers(0, 64, hashes.shape).astype(np.uint64))
    return Signed(
        hashes=np.ascontiguousarray(hashes),
        checks=random.integers(0, 4, (rows, kinds, 2), dtype=np.uint64),
        digests=random.integers(0, 1 + rows // 2, rows, dtype=np.uint64),
        low=random.random(rows) < 0.1,
    )


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 120),
    kinds=st.sampled_from([1, 5]),
    spread=st.integers(0, 8),
    radius=st.integers(0, 8),
    limit=st.sampled_from([1, 128]),
    step=st.integers(1, 120),
)
@settings(max_examples=100, deadline=None)
def test_look_ups_find_every_candidate(seed, rows, kinds, spread, radius, limit, step):
    features, rule = signed(seed, rows, kinds, spread), Rule(radius, limit)
    index = make_index(features, np.arange(rows), rule)
    labels = np.arange(rows)
    found = [index.candidates(np.arange(start, min(rows, start + step)), labels) for start in range(0, rows, step)]
    whole = candidates_within(features, np.array([0, rows]), rule)
    assert {tuple(pair) for part in found for pair in part.tolist()} == {tuple(pair) for pair in whole.tolist()}


def test_rows_that_are_connected_already_are_not_looked_at():
    features = signed(1, 60, 3, 2)
    index = make_index(features, np.arange(60), Rule(8, 128))
    labels = np.zeros(60, np.int64)
    assert not len(index.candidates(np.arange(60), labels))


@pytest.mark.parametrize("rows", [2, 10**9], ids=["looked-up", "compared"])
def test_both_ways_give_the_same_clusters(rows, monkeypatch):
    monkeypatch.setattr(verify, "INDEX_ROWS", rows)
    pictures = [
        change(picture)
        for picture in photographs()
        for change in (lambda p: p, lambda p: p.rotate(90, expand=True), lambda p: p.crop((20, 20, p.width, p.height)))
    ]
    contents = make_contents(pictures)
    contents = contents.append_column("component", [np.full(len(pictures), 7, np.uint64)])
    contents = contents.append_column("priority", [[bytes([i]) for i in range(len(pictures))]])
    members = [row for _, part in resolve(contents, Verifier(Rule(8, CHECK_LIMIT))) for row in part.to_pylist()]
    ids = contents.column("content_id").to_pylist()
    found = {row["content_id"]: row["cluster_id"] for row in members}
    assert found == {ids[i]: ids[i - i % 3] for i in range(len(ids))}
