"""Resolve whole candidate components: verified families, stars, and the pairs worth a row."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.pairs import DISTANCES, PAIRS
from mirrorfold.transforms.cluster.nearest import NEAREST_TRIES, first_verified, nearest_candidates
from mirrorfold.transforms.cluster.stars import WIDE_ROWS, Judged, Verifier, families, stars

BATCH_ROWS = 4_096
EAGER_ROWS = 48
"""Components up to this size have all their candidate pairs verified in one call for the whole batch."""
MISSES = 2
"""Near misses kept for each content, the best first."""

MEMBERS = pa.schema(
    [
        ("content_id", pa.string()),
        ("cluster_id", pa.string()),
        ("family_id", pa.string()),
        ("tier", pa.string()),
        ("kind", pa.string()),
        ("kind_text", pa.string()),
        *[(column.name, column.type) for column in DISTANCES],
    ]
)
"""A content of a family: its cluster, and how it compares with the cluster's master."""

ITSELF = {"tier": "identical", "kind": "copy", "kind_text": "the same bytes"} | {column.name: 0 for column in DISTANCES}


def resolve(contents: pa.Table, verifier: Verifier) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Resolve the components of some contents, a batch at a time.

    Args:
      contents: columns of `contents`, and component (uint64) and priority (binary, the smallest is preferred); all
        rows of a component are here.

    Yields:
      (pairs, members): rows of PAIRS and of MEMBERS.
    """
    contents = contents.sort_by([("component", "ascending"), ("content_id", "ascending")])
    for start, stop in batches(contents.column("component").to_numpy()):
        yield _resolve_batch(contents.slice(start, stop - start), verifier)


def batches(components: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut sorted components into runs of about BATCH_ROWS rows, (start, stop), none of them cut apart."""
    bounds = bounds_of(components)
    start = 0
    for i, stop in enumerate(bounds[1:], 1):
        if stop - start >= BATCH_ROWS or i == len(bounds) - 1:
            yield start, int(stop)
            start = int(stop)


def bounds_of(components: np.ndarray) -> np.ndarray:
    """Give where each run of equal sorted components starts, and the end."""
    if not len(components):
        return np.array([0])
    return np.concatenate(([0], np.flatnonzero(components[1:] != components[:-1]) + 1, [len(components)]))


def _resolve_batch(contents: pa.Table, verifier: Verifier) -> tuple[pa.Table, pa.Table]:
    contents = contents.combine_chunks()
    judged = Judged(verifier, verifier.features(contents))
    ids = contents.column("content_id").to_pylist()
    priorities = contents.column("priority").to_pylist()
    bounds = bounds_of(contents.column("component").to_numpy())
    small = [(start, stop) for start, stop in itertools.pairwise(bounds) if stop - start <= EAGER_ROWS]
    for start, stop in _runs(small):
        judged.verify(verifier.candidates_within(judged.features, bounds[(bounds >= start) & (bounds <= stop)]))
    pairs: list[dict] = []
    members: list[dict] = []
    for start, stop in itertools.pairwise(bounds):
        rows = np.arange(start, stop)
        labels = families(judged, rows)
        listed: dict[tuple[int, int], tuple[str, bool]] = {}
        for family in _families_of(rows, labels):
            if len(family) > 1:
                order = sorted(family.tolist(), key=lambda row: (priorities[row], ids[row]))
                masters = stars(judged, np.array(order), wide=len(order) <= WIDE_ROWS)
                members += _members(judged, ids, masters)
                _list_masters(listed, masters)
                _list_nearest(judged, listed, family, masters)
        _list_misses(judged, listed, rows, labels)
        pairs += _pair_rows(judged, ids, listed)
    return _table(pairs, PAIRS.schema), _table(members, MEMBERS)


def _families_of(rows: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Group rows by label, in the order of labels, each group's rows ascending."""
    order = np.argsort(labels, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(labels[order])) + 1)


def _runs(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join neighbouring spans."""
    run: tuple[int, int] | None = None
    for start, stop in spans:
        if run is not None and run[1] == start:
            run = (run[0], stop)
            continue
        if run is not None:
            yield run
        run = (start, stop)
    if run is not None:
        yield run


def _members(judged: Judged, ids: list[str], masters: dict[int, int]) -> Iterator[dict]:
    family_id = ids[min(masters)]  # rows are in the order of ids
    for row, master in sorted(masters.items()):
        found = ITSELF if row == master else judged.known[min(row, master), max(row, master)]
        yield {
            **{name: found[name] for name in MEMBERS.names[3:]},
            "content_id": ids[row],
            "cluster_id": ids[master],
            "family_id": family_id,
        }


def _list_masters(listed: dict, masters: dict[int, int]) -> None:
    for row, master in masters.items():
        if row != master:
            listed[min(row, master), max(row, master)] = ("master", True)


def _list_nearest(judged: Judged, listed: dict, family: np.ndarray, masters: dict[int, int]) -> None:
    """List for each content the nearest of its family that verifies: by distance, then by content id."""
    if len(family) == 2:
        return  # each is the other's master or member
    others, _ = nearest_candidates(judged, family, np.arange(len(judged.features)))
    turns = first_verified(judged, family, others)
    for place in np.flatnonzero(turns < NEAREST_TRIES):
        row, other = int(family[place]), int(others[place, turns[place]])
        listed.setdefault((min(row, other), max(row, other)), ("nearest", masters[row] == masters[other]))


def _list_misses(judged: Judged, listed: dict, rows: np.ndarray, labels: np.ndarray) -> None:
    """List pairs between families that nearly passed, the best few of each content."""
    first, last = int(rows[0]), int(rows[-1])
    between = [
        key for key in judged.misses if first <= key[0] <= last and labels[key[0] - first] != labels[key[1] - first]
    ]
    judged.misses = [key for key in judged.misses if key[0] > last]
    listed.update(dict.fromkeys(choose_misses(between, judged.known), ("near-miss", False)))


def choose_misses(keys: Iterable[tuple], known: Mapping[tuple, Mapping]) -> list[tuple]:
    """Choose the best near misses of each content among those of a component; keys name two contents, in order."""
    taken: Counter = Counter()
    chosen = []
    for key in sorted(keys, key=lambda key: (-(known[key]["highpass"] or 0.0), known[key]["d_phash256"], key)):
        # A pair that can't be measured is no miss by merit: it is listed while either side has room.
        room = [taken[content] < MISSES for content in key]
        if all(room) or (any(room) and known[key]["highpass"] is None):
            taken.update(key)
            chosen.append(key)
    return chosen


def _pair_rows(judged: Judged, ids: list[str], listed: dict) -> Iterable[dict]:
    for (a, b), (reason, in_cluster) in listed.items():
        yield pair_row(judged.known[a, b], ids[a], ids[b], reason, in_cluster)


def pair_row(found: Mapping, content_a: str, content_b: str, reason: str, in_cluster: bool) -> dict:
    """Make a row of `pairs` of what is known of a pair."""
    row = {name: found.get(name) for name in PAIRS.schema.names}
    return row | {"content_a": content_a, "content_b": content_b, "reason": reason, "in_cluster": in_cluster}


def _table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)
