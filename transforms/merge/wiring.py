"""The merge in Beam: tables of several runs -> objects, contents, failures of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteTable
from mirrorfold.transforms.merge import join, withhold
from mirrorfold.transforms.stores.same_bucket import Bucket, mark_doors, name_physical

WANTED = pa.schema([("content_id", pa.string())])
ROWS_PER_PARTITION = 250_000
CONTENTS_PER_PARTITION = 50_000


@dataclass(frozen=True)
class Side:
    """A run that is merged: its DIR, and how its names are told apart from the others'."""

    folder: str
    names: join.Names


@dataclass(eq=False)
class MergeTables(beam.PTransform):
    """Write objects, contents and failures of several runs; applied to a pipeline's root.

    Args:
      rows: by table, the rows of all runs together.
      buckets: the true bucket of those that have several names.
      doors: libraries that show another library's very files.
    """

    sides: tuple[Side, ...]
    output: str
    rows: dict[str, int]
    buckets: dict[Bucket, str]
    spill: str | None = None
    doors: frozenset[str] = frozenset()

    def expand(self, root):
        objects = self._all(root, OBJECTS)
        if self.doors:
            objects = objects | "MarkDoors" >> beam.Map(mark_doors, self.doors).with_output_types(pa.Table)
        if self.buckets:
            objects = objects | "NamePhysical" >> beam.Map(name_physical, self.buckets).with_output_types(pa.Table)
        joined = {"objects": objects, "failures": self._all(root, FAILURES)} | "JoinObjects" >> Shuffle(
            keys=dict.fromkeys(("objects", "failures"), ("uri", "version")),
            schemas={"objects": join.OBJECT_ROWS, "failures": join.FAILURE_ROWS},
            partitions=max(1, -(-self.rows["objects"] // ROWS_PER_PARTITION)),
            reduce=join.join_objects,
            spill=self.spill,
        )
        chosen = joined | "TakeObjects" >> beam.Filter(_is, "objects")
        failures = joined | "TakeFailures" >> beam.Filter(_is, "failures")
        contents = tuple(
            root | f"Read contents of run {number}" >> ReadAnyAge(side.folder, CONTENTS)
            for number, side in enumerate(self.sides)
        ) | "AllContents" >> FlattenBlocks(self.spill)
        wanted = chosen | "NameWanted" >> beam.Map(_content_ids).with_output_types(pa.Table)
        kept = {"contents": contents, "wanted": wanted} | "JoinContents" >> Shuffle(
            keys=dict.fromkeys(("contents", "wanted"), ("content_id",)),
            schemas={"contents": CONTENTS.schema, "wanted": WANTED},
            partitions=max(1, -(-self.rows["contents"] // CONTENTS_PER_PARTITION)),
            reduce=join.join_contents,
            spill=self.spill,
        )
        for name, blocks in (("objects", chosen), ("failures", failures), ("contents", kept)):
            table = {"objects": OBJECTS, "failures": FAILURES, "contents": CONTENTS}[name]
            # As many shards as a run over all the sources would write.
            blocks | f"Write {name}" >> WriteTable(self.output, table, self.rows["objects"], spill=self.spill)

    def _all(self, root, table):
        parts = [
            root
            | f"Read {table.name} of run {number}" >> ReadAnyAge(side.folder, table)
            | f"Name {table.name} of run {number}" >> beam.Map(side.names.rename, number).with_output_types(pa.Table)
            for number, side in enumerate(self.sides)
        ]
        return tuple(parts) | f"All {table.name}" >> FlattenBlocks(self.spill)


@dataclass(eq=False)
class Withhold(beam.PTransform):
    """Write a run's contents without what stays at home; applied to a pipeline's root."""

    folder: str
    output: str
    rows: int
    search: Callable[[pa.Table], pa.Array]
    spill: str | None = None

    def expand(self, root):
        return (
            root
            | "ReadContents" >> ReadAnyAge(self.folder, CONTENTS)
            | "Withhold" >> beam.Map(withhold.withhold, self.search).with_output_types(pa.Table)
            | "WriteContents" >> WriteTable(self.output, CONTENTS, self.rows, spill=self.spill)
        )


@dataclass(eq=False)
class ReadAnyAge(beam.PTransform):
    """Read a table that an older version may have written, with the columns added since as nulls."""

    folder: str
    table: Table

    def expand(self, root):
        return (
            root
            | "Read" >> ReadTable(self.folder, self.table)
            | "AddColumns" >> beam.Map(ipc.conform, self.table.schema).with_output_types(pa.Table)
        )


def _is(block: pa.Table, name: str) -> bool:
    return join.kind_of(block) == name


def _content_ids(objects: pa.Table) -> pa.Table:
    return pa.table([objects.column("content_id").drop_null().unique()], schema=WANTED)
