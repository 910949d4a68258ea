"""Which share of an unchanged archive an audit reads again: a window over all objects that moves on each time."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.rereadings import REREADINGS
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.stores.output import open_output

KEY = ("uri", "version")
PLACES = 1_000_000
"""Objects are laid out by a hash of their names; a window is a run of these places, and goes on from 0."""


class Window(NamedTuple):
    """Places that are read again: `places` of them from `start` on; what was read longest ago comes first.

    `doubtful` names objects, by URI and version, that are read again wherever they lie.
    """

    start: int
    places: int
    doubtful: tuple[tuple[str, str], ...] = ()

    @property
    def end(self) -> int:
        """Give the place that the next audit starts from."""
        return (self.start + self.places) % PLACES

    def again(self, objects: pa.Table) -> pa.Array:
        """Say which rows are read again."""
        inside = np.zeros(objects.num_rows, bool)
        if self.places:
            inside = (partition_of(objects, KEY, PLACES) - self.start) % PLACES < self.places
        if self.doubtful:
            names, doubtful = zip(*(objects.column(n).to_pylist() for n in KEY), strict=True), set(self.doubtful)
            inside |= np.fromiter((name in doubtful for name in names), bool, objects.num_rows)
        return pa.array(inside)


def window_of(share: float, previous: str | None) -> Window:
    """Give an audit's window: it starts where the run before stopped; what an export of it found rotten comes along."""
    if previous is None:
        return Window(0, 0)
    before = open_output(previous)
    start = json.loads(before.get("run.json")).get("reread", {}).get("end", 0)
    rows = read_table(before, REREADINGS, [*KEY, "outcome"])
    rotten = rows.filter(pc.equal(rows.column("outcome"), "rotted")).select(KEY)
    return Window(start, round(share * PLACES), tuple(zip(*(c.to_pylist() for c in rotten.columns), strict=True)))


def window(run: RunContext) -> Window:
    """Give the window of a run."""
    return window_of(run.settings.fingerprint.reread_share, run.previous)
