"""What an earlier plan names in a place that isn't listed now, and may be by another way: a renamed mount, a gateway.

A plan names URIs. Where the same disk is listed under other URIs in the next audit, nothing in them says that a file
was named before, and the list that names it may still be carried out.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.merging.same_bucket import as_listed
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn
from mirrorfold.transforms.retain import outside
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.same_bucket import ALIKE, DOOR_COLUMNS, door_rows, share_seen

SAMPLE = 2_000
"""Objects that an earlier plan names which are looked for under other names."""


def check_moved_places(run: RunContext) -> None:
    """Stop where a source lists by name, size and time what an earlier plan names in a place that isn't listed now.

    Raises:
      SafetyStop: which source, and what can be done.
    """
    before = open_output(run.previous) if run.previous else None
    if before is None or is_withdrawn(before):
        return
    sample = _named(before, run)
    for spec in run.sources if sample.num_rows else ():
        if spec.replica or spec.same_as:
            continue
        found = [sample.slice(0, 0)]
        for block in as_listed(run, [spec], DOOR_COLUMNS):
            named = pc.is_in(door_rows(block).column("name"), value_set=door_rows(sample).column("name"))
            found.append(block.filter(named))
        if share_seen(door_rows(sample), door_rows(pa.concat_tables(found))) >= ALIKE:
            place = make_uri(spec.store, spec.bucket, spec.prefix)
            raise SafetyStop(
                f"{place} lists, by name, size and time, what the plan of {run.previous} names in a place that isn't "
                "listed now: if it is the same disk by another way (a renamed mount, a gateway), the new plan could "
                f"keep what the old one sends away. Take that one back (mirrorfold export {run.previous} --what "
                f"restore --to csv), or list the old place too, or say in --config: sources: {{{spec.library}: "
                "{replica: true}} where the bytes were truly copied"
            )


def _named(before: OutputStore, run: RunContext) -> pa.Table:
    """Take a sample of what the previous run's plan names where this run doesn't look: columns DOOR_COLUMNS."""
    empty = pa.schema([OBJECTS.schema.field(name) for name in DOOR_COLUMNS]).empty_table()
    decided = parquet.table_blocks(before, "decisions", EARLIER.names)
    rows = outside.remember(decided, run.sources, lambda: as_listed(run, run.sources, ["uri"]), withdrawn=False)
    named = rows.filter(pc.equal(rows.column("action"), outside.OUTSIDE)).slice(0, SAMPLE).column("uri")
    if not named.num_chunks or not len(named):
        return empty
    found = [empty]
    for block in parquet.table_blocks(before, OBJECTS.name, ["uri", *DOOR_COLUMNS]):
        found.append(block.filter(pc.is_in(block.column("uri"), value_set=named.combine_chunks())).select(DOOR_COLUMNS))
    rows = pa.concat_tables(found)
    return rows.filter(pc.greater(rows.column("size"), 0))
