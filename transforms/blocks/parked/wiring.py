"""What the local runner holds whole in memory, through files: collections that are joined, spread, or read twice.

It passes a block on at once only to steps that it fuses with the one before. Where it can't (in front of a Flatten or
Reshuffle, or of a second reader that waits for what the first one finds) it keeps the collection's bytes until the
pipeline ends. Engines spill by themselves: without a folder these are Beam's own transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from mirrorfold.transforms.blocks import ipc, parcels

LEAST_BYTES = 8 << 10
"""A smaller block travels as itself: a file of its own would cost more."""


@dataclass(eq=False)
class FlattenBlocks(beam.PTransform):
    """Join a tuple of collections of blocks into one."""

    spill: str | None

    def expand(self, collections):
        if self.spill is None or len(collections) == 1:
            return collections | "Join" >> beam.Flatten()
        parked = [blocks | f"Park {number}" >> Park(self.spill) for number, blocks in enumerate(collections)]
        return parked | "Join" >> beam.Flatten() | "Unpark" >> _unpark()


@dataclass(eq=False)
class SpreadBlocks(beam.PTransform):
    """Spread blocks over all workers, whichever worker made them."""

    spill: str | None

    def expand(self, blocks):
        if self.spill is None:
            return blocks | "Spread" >> beam.Reshuffle()
        return blocks | "Park" >> Park(self.spill) | "Spread" >> beam.Reshuffle() | "Unpark" >> _unpark()


@dataclass(eq=False)
class Park(beam.PTransform):
    """Put blocks aside for readers of which one waits for another: each applies `MapParked`. Gives parcels."""

    spill: str | None

    def expand(self, blocks):
        spill = self.spill
        return blocks | "WriteBlock" >> beam.Map(
            lambda block: parcels.pack(ipc.to_bytes(block), spill, LEAST_BYTES)
        ).with_output_types(bytes)


class MapParked(beam.PTransform):
    """Call a function with each parked block and side inputs; files stay until the pipeline has ended.

    Reading is one step with the call: the runner would fuse a step of its own with the one that parks, and hold what it
    read.
    """

    def __init__(self, function: Callable, *sides):
        super().__init__()
        self.function, self.sides = function, sides

    def expand(self, parked):
        function = self.function
        return parked | "ReadBlock" >> beam.Map(
            lambda parcel, *sides: function(read_block(parcel), *sides), *self.sides
        ).with_output_types(pa.Table)


def _unpark() -> beam.ParDo:
    return beam.Map(lambda parcel: read_block(parcel, once=True)).with_output_types(pa.Table)


def read_block(parcel: bytes, once: bool = False) -> pa.Table:
    """Read one block, and remove its file where nobody else reads it."""
    block = ipc.from_bytes(parcels.unpack(parcel))
    if once:
        parcels.discard(parcel)
    return block
