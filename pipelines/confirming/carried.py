"""What was compared at full detail before: in the run before this one, and in this DIR under an earlier policy."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable
from mirrorfold.transforms.confirm.compare import ALGORITHM, WHOLE_KINDS
from mirrorfold.transforms.retain import blocks

FOLDER = "_work/confirmed"


def keep(run: RunContext) -> None:
    """Keep a copy of the table, for decisions that are made again in this DIR: no pair is read twice."""
    for path in parquet.shards(run.store, f"{FOLDER}/{CONFIRMATIONS.name}/"):
        run.store.delete(path)
    for path in parquet.shards(run.store, f"{CONFIRMATIONS.name}/"):
        run.store.put(f"{FOLDER}/{path}", run.store.get(path))


def folders(run: RunContext) -> list[str]:
    """Name the folders whose table confirmations holds for this run."""
    return [*([run.previous] if run.previous else []), f"{run.output.rstrip('/')}/{FOLDER}"]


@dataclass(eq=False)
class ReadCarried(beam.PTransform):
    """Read what still holds, as blocks of `blocks.CONFIRMED_ROWS`; applied to a pipeline's root."""

    folders: list[str]
    spill: str | None = None

    def expand(self, root):
        read = tuple(
            root | f"ReadConfirmations{n}" >> ReadTable(folder, CONFIRMATIONS, blocks.CONFIRMED_ROWS.names)
            for n, folder in enumerate(self.folders)
        )
        return (
            read
            | "JoinConfirmations" >> FlattenBlocks(self.spill)
            | "TakeLasting" >> beam.Map(lasting).with_output_types(pa.Table)
        )


def lasting(rows: pa.Table) -> pa.Table:
    """Take the rows that reading again wouldn't change: compared by this version; a failed read may succeed now."""
    told = pc.or_(pc.greater(rows.column("width"), 0), pc.is_in(rows.column("kind"), value_set=pa.array(WHOLE_KINDS)))
    return rows.filter(pc.and_(told, pc.equal(rows.column("algorithm"), ALGORITHM)))
