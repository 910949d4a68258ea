"""Sidecars in Beam: read once each, and handed to the pictures beside which they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parked.wiring import SpreadBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle
from mirrorfold.transforms.fingerprint.beside import facts
from mirrorfold.transforms.stores.api import SourceSpec, Stores
from mirrorfold.transforms.stores.sources import open_stores

ROWS_PER_PARTITION = 200_000


@dataclass(eq=False)
class ReadBeside(beam.PTransform):
    """Read the XMP sidecars among blocks of `objects`; give blocks of facts.FACTS, of sidecars and of pictures.

    Args:
      specs: the run's sources.
      objects: listed rows, which set the partitions.
      threads: sidecars that one worker fetches at once.
      previous: DIR of an earlier run, whose unchanged sidecars aren't read again.
      again: says of a block of its objects which are read again though nothing changed; picklable.
      spill, stores: as in `Fingerprint`.
    """

    specs: tuple[SourceSpec, ...]
    objects: int
    threads: int
    previous: str | None = None
    again: Callable[[pa.Table], pa.Array] | None = None
    spill: str | None = None
    stores: Callable[[tuple[SourceSpec, ...]], Stores] = open_stores

    def expand(self, objects):
        parts = {"sidecars": objects | "FindSidecars" >> beam.Map(facts.sidecars_of).with_output_types(pa.Table)}
        if self.previous:
            earlier = objects.pipeline | "ReadEarlierSidecars" >> ReadTable(self.previous, OBJECTS, facts.EARLIER.names)
            found = beam.Map(facts.earlier_of, self.again).with_output_types(pa.Table)
            parts["earlier"] = earlier | "FindEarlier" >> found
        read = (
            parts
            | "AttachEarlier" >> self._shuffle(parts, {"sidecars": facts.SIDECARS, "earlier": facts.EARLIER},
                                               facts.attach_earlier)
            | "SpreadSidecars" >> SpreadBlocks(self.spill)
            | "ReadSidecars" >> beam.ParDo(Read(self.specs, self.threads, self.stores)).with_output_types(pa.Table)
        )  # fmt: skip
        both = {
            "facts": read,
            "pictures": objects | "FindPictures" >> beam.Map(facts.pictures_of).with_output_types(pa.Table),
        }
        return both | "SpreadFacts" >> self._shuffle(
            both, {"facts": facts.FACTS, "pictures": facts.BESIDE}, facts.spread_facts
        )

    def _shuffle(self, parts: dict, schemas: dict[str, pa.Schema], reduce) -> Shuffle:
        return Shuffle(
            keys=dict.fromkeys(parts, ("uri",)),
            schemas={name: schemas[name] for name in parts},
            partitions=max(1, -(-self.objects // ROWS_PER_PARTITION)),
            reduce=reduce,
            spill=self.spill,
        )


class Read(beam.DoFn):
    """Read the sidecars of one block."""

    def __init__(self, specs: tuple[SourceSpec, ...], threads: int, opener: Callable):
        self.specs, self.threads, self.opener = specs, threads, opener

    def setup(self):
        self.stores = self.opener(self.specs)

    def teardown(self):
        self.stores.close()

    def process(self, rows: pa.Table):
        yield facts.read_sidecars(rows, self.stores, self.threads)
