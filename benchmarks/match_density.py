"""What the search proposes among rows whose truth is known: chance candidates, found copies, and what a pair costs."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.real_tiles import contents_of
from mirrorfold.transforms.match.agreement import agreeing
from mirrorfold.transforms.match.in_process import candidate_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.signatures import KINDS, low_rows, make_light, node_ids
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

RADIUS = 8
NO_COPIES = ("original", "mixture")
VERIFIED = 1_000
"""Pairs of which the cost is measured."""


@dataclass
class Density:
    """What a search over rows found.

    Attributes:
      million: chance candidates in a million pairs; verify_ms: mean CPU milliseconds to verify one, and a true one.
      component: contents in the largest component of candidates.
      found, planted: copies that are candidates with their original, and all of them, by kind.
      low: rows that aren't searched, as they show too little.
    """

    rows: int
    chance: int
    million: float
    verify_ms: float
    verify_true_ms: float
    component: int
    low: int
    found: Counter = field(default_factory=Counter)
    planted: Counter = field(default_factory=Counter)


def candidate_pairs(rows: pa.Table) -> tuple[np.ndarray, int]:
    """Search as a run with default settings does, in this process: pairs of row numbers, and rows left out."""
    contents = contents_of(rows)
    edges = candidate_edges(contents, Verifier(Rule(RADIUS, CHECK_LIMIT)))
    nodes = node_ids(contents.column("content_id"))
    order = np.argsort(nodes)
    ends = np.stack([edges.column(side).to_numpy() for side in "ab"], axis=1)
    found = order[np.searchsorted(nodes[order], ends)]
    return np.unique(np.sort(found, axis=1), axis=0), int(low_rows(contents).sum())


def measure_density(rows: pa.Table) -> Density:
    """Search rows with TRUTH and compare what is found with it."""
    pairs, low = candidate_pairs(rows)
    picture = rows.column("picture").to_numpy()
    chance = pairs[picture[pairs[:, 0]] != picture[pairs[:, 1]]]
    true = pairs[picture[pairs[:, 0]] == picture[pairs[:, 1]]]
    all_pairs = len(rows) * (len(rows) - 1) / 2
    found, planted = proposed_copies(rows)
    return Density(
        rows=len(rows),
        chance=len(chance),
        million=1e6 * len(chance) / all_pairs,
        verify_ms=verify_ms(rows, chance),
        verify_true_ms=verify_ms(rows, true),
        component=largest_component(len(rows), pairs),
        low=low,
        found=found,
        planted=planted,
    )


def originals(rows: pa.Table) -> dict[int, int]:
    """Give the row of each picture's original."""
    kinds, pictures = rows.column("kind").to_pylist(), rows.column("picture").to_pylist()
    return {picture: row for row, (kind, picture) in enumerate(zip(kinds, pictures, strict=True)) if kind == "original"}


def recall_of(rows: pa.Table, pairs: set[tuple[int, int]]) -> tuple[Counter, Counter]:
    """Count by kind the copies that pairs (smaller row first) link with their original, and all copies."""
    first, found, planted = originals(rows), Counter(), Counter()
    truth = zip(rows.column("kind").to_pylist(), rows.column("picture").to_pylist(), strict=True)
    for row, (kind, picture) in enumerate(truth):
        if kind not in NO_COPIES and picture in first:
            planted[kind] += 1
            found[kind] += (min(row, first[picture]), max(row, first[picture])) in pairs
    return found, planted


def proposed_copies(rows: pa.Table) -> tuple[Counter, Counter]:
    """Count by kind the copies that are candidates of their original, whatever else is searched, and all copies."""
    light = make_light(contents_of(rows), True)
    hashes, checks = (light.column(name).combine_chunks().flatten().to_numpy() for name in ("hashes", "checks"))
    hashes, checks = hashes.reshape(len(rows), KINDS), checks.reshape(len(rows), KINDS, -1)
    first, low = originals(rows), light.column("low").to_numpy()
    copies = [
        (row, first[picture])
        for row, (kind, picture) in enumerate(
            zip(rows.column("kind").to_pylist(), rows.column("picture").to_pylist(), strict=True)
        )
        if kind not in NO_COPIES and picture in first and not (low[row] or low[first[picture]])
    ]
    near = set()
    for pair in copies:
        for a, b in (pair, pair[::-1]):
            distance = np.bitwise_count(hashes[a, 0] ^ hashes[b])
            agree = agreeing(np.repeat(checks[a, :1], KINDS, axis=0), checks[b], distance, CHECK_LIMIT)
            if np.any((distance <= RADIUS) & agree):
                near.add((min(pair), max(pair)))
    return recall_of(rows, near)


def verify_ms(rows: pa.Table, pairs: np.ndarray) -> float:
    """Give the CPU milliseconds to verify one of the pairs: over some of them, compiled before."""
    chosen = pairs[np.random.default_rng(1).permutation(len(pairs))[:VERIFIED]]
    if not len(chosen):
        return float("nan")
    needed, places = np.unique(chosen, return_inverse=True)
    verifier = Verifier(Rule(RADIUS, CHECK_LIMIT))
    features = verifier.features(contents_of(rows.take(pa.array(needed))))
    asked = np.sort(places.reshape(-1, 2), axis=1)
    verifier.verify(features, asked[:1])
    before = time.process_time()
    verifier.verify(features, asked)
    return (time.process_time() - before) / len(chosen) * 1e3


def largest_component(rows: int, pairs: np.ndarray) -> int:
    """Give the contents in the largest component."""
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(rows, rows))
    return int(np.bincount(connected_components(graph, directed=False)[1]).max())
