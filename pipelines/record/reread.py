"""Which share of an unchanged archive an audit reads again: a window over all objects that moves on each time."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.stores.output import open_output

PLACES = 1_000_000
"""Objects are laid out by a hash of their names; a window is a run of these places, and goes on from 0."""


class Window(NamedTuple):
    """Places that are read again: `places` of them from `start` on; what was read longest ago comes first."""

    start: int
    places: int

    @property
    def end(self) -> int:
        """Give the place that the next audit starts from."""
        return (self.start + self.places) % PLACES

    def again(self, objects: pa.Table) -> pa.Array:
        """Say which rows are read again."""
        inside = np.zeros(objects.num_rows, bool)
        if self.places:
            inside = (partition_of(objects, ("uri", "version"), PLACES) - self.start) % PLACES < self.places
        return pa.array(inside)


def window_of(share: float, previous: str | None) -> Window:
    """Give an audit's window: it starts where the run before stopped."""
    record = json.loads(open_output(previous).get("run.json")) if previous else {}
    return Window(record.get("reread", {}).get("end", 0), round(share * PLACES) if previous else 0)


def window(run: RunContext) -> Window:
    """Give the window of a run."""
    return window_of(run.settings.fingerprint.reread_share, run.previous)
