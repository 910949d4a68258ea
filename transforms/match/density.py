"""Candidates by chance, measured on a corpus itself: how many there are, what verifying one costs, what others cost.

Chance candidates grow as the square of the pictures, and how dense they are is a property of the archive: whole
photographs of different subjects have less than one in a million pairs, pages of one form thousands.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.match.edges import edges_of, met_block, ways_of
from mirrorfold.transforms.match.join import search
from mirrorfold.transforms.match.kernels import KIND_MASK, KIND_SHIFT
from mirrorfold.transforms.match.plan import compared_like, make_plan
from mirrorfold.transforms.match.rows import searched_rows
from mirrorfold.transforms.match.signatures import KINDS, make_light, node_ids
from mirrorfold.transforms.match.verify import Verifier

SAMPLE_CONTENTS = 10_000
"""Contents among which chance is measured: 50 million pairs, so that a density of .1 per million shows as five."""
VERIFIED = 200
"""Candidates that are verified for it."""

Setting = tuple[int, bool]
"""A radius, and whether crops are searched."""


@dataclass(frozen=True)
class Density:
    """What a sample of a corpus shows.

    Attributes:
      contents: how many were compared, all with all.
      chance: candidates among them that aren't copies, by setting; their share is that of `verified` candidates.
      verify_ms: CPU milliseconds to verify one candidate, the features of both ends included.
    """

    contents: int
    chance: dict[Setting, float]
    verified: int
    verify_ms: float

    def million(self, setting: Setting) -> float:
        """Give chance candidates in a million pairs."""
        return 1e6 * self.chance[setting] / max(1.0, self.contents * (self.contents - 1) / 2)

    @property
    def resolution(self) -> float:
        """Give the smallest density that the sample can show: one candidate in its pairs."""
        return 2e6 / max(1, self.contents * (self.contents - 1))

    def cpu(self, setting: Setting, contents: int) -> float:
        """Expect microseconds of CPU a content for verifying what meets by chance among so many."""
        return self.million(setting) * 1e-6 * contents / 2 * self.verify_ms * 1e3


def measure_density(contents: pa.Table, verifier: Verifier, settings: Sequence[Setting]) -> Density:
    """Search a sample of contents, verify some of what meets, and say how dense chance is.

    Args:
      contents: rows with the verifier's columns; settings: no wider than the verifier's own.
    """
    light = make_light(contents, verifier.crops)
    rows = searched_rows(light)
    like = compared_like(max(2, len(contents)), KINDS if verifier.crops else 1)
    pairs, _ = search(
        rows, make_plan(verifier.rule.radius, like, np.unique(light.column("phash64").to_numpy())), verifier.rule
    )
    ends = np.sort(rows.ids[pairs] >> KIND_SHIFT, axis=1)
    gap = np.bitwise_count(rows.hashes[pairs[:, 0]] ^ rows.hashes[pairs[:, 1]])
    whole = (rows.ids[pairs] & KIND_MASK == 0).all(axis=1)
    edges = edges_of(met_block(rows, pairs))
    edges = edges.take(pa.array(np.linspace(0, len(edges) - 1, min(VERIFIED, len(edges))).astype(int)))
    joins, seconds = _verify(contents, edges, verifier)
    judged = dict(zip(zip(*(edges.column(end).to_pylist() for end in "ab"), strict=True), joins, strict=True))
    chance = {}
    for radius, crops in settings:
        near = [tuple(pair) for pair in np.unique(ends[(gap <= radius) & (whole | crops)], axis=0).tolist()]
        asked = [not judged[pair] for pair in near if pair in judged]
        chance[radius, crops] = len(near) * (sum(asked) / len(asked) if asked else 1.0)
    return Density(len(contents), chance, len(judged), seconds / max(1, len(judged)) * 1e3)


def _verify(contents: pa.Table, edges: pa.Table, verifier: Verifier) -> tuple[list[bool], float]:
    """Verify edges: which of them join, and the CPU seconds that it took, compiled loops loaded before."""
    if not len(edges):
        return [], 0.0
    contents = contents.sort_by("content_id")
    nodes = node_ids(contents.column("content_id"))  # ascending, as the ids are
    ends = np.stack([np.searchsorted(nodes, edges.column(end).to_numpy()) for end in "ab"], axis=1)
    needed, places = np.unique(ends, return_inverse=True)
    some, pairs = contents.take(pa.array(needed)), places.reshape(-1, 2)
    verifier.verify(verifier.features(some.slice(0, 2)), np.array([[0, 1]]))
    before = time.process_time()
    judged = verifier.verify(verifier.features(some), pairs, ways=ways_of(edges))
    return judged.column("joins").to_pylist(), time.process_time() - before
