"""What only copies that go state, into `merged_record`."""

from __future__ import annotations

from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.merged_record import MERGED_RECORD
from mirrorfold.transforms.blocks.parquet import replace_table
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.retain.merged_record import INPUTS, merged_record


def drive(run: RunContext) -> None:
    """Write the table from the decisions in DIR; only differences from the kept copies are held in memory."""
    with connect(run.store, *INPUTS) as connection:
        replace_table(run.store, MERGED_RECORD, merged_record(connection))
