"""Audit: what changed since the previous run, into `changes` and `aliases`."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record.previous import state_of
from mirrorfold.schemas.aliases import ALIASES
from mirrorfold.schemas.changes import CHANGES
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.audit.wiring import FindAliases, FindChanges
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.wiring import WriteTable
from mirrorfold.transforms.stores.output import open_output

THUMBNAILS = "review/thumbs/"


def build(root: beam.Pipeline, run: RunContext) -> None:
    """Compose the comparison; without a previous run both tables are empty."""
    rows = run.rows("objects")
    if run.previous is None:
        nothing = root | "NamePrevious" >> beam.Create([]).with_output_types(pa.Table)
        changes, aliases = nothing, nothing
    else:
        changes = root | "FindChanges" >> FindChanges(run.previous, run.output, rows, run.spill)
        aliases = root | "FindAliases" >> FindAliases(run.previous, run.output, rows, run.spill)
    changes | "WriteChanges" >> WriteTable(run.output, CHANGES, rows, spill=run.spill)
    aliases | "WriteAliases" >> WriteTable(run.output, ALIASES, rows, spill=run.spill)


def depends_on(run: RunContext) -> list:
    """Name what the step depends on beside the tables: the previous run's decisions and objects."""
    return [state_of(run.previous, "retain"), state_of(run.previous, "fingerprint")]


def carry_thumbnails(run: RunContext) -> None:
    """Take over the previous run's thumbnails of contents that are still there: nothing is fetched for them again."""
    if run.previous is None:
        return
    earlier, there = open_output(run.previous), set(run.store.list(THUMBNAILS))
    wanted = {path: _content_of(path) for path in earlier.list(THUMBNAILS) if path not in there}
    known = _contents(run, set(wanted.values())) if wanted else set()
    for path, content_id in sorted(wanted.items()):
        if content_id in known:
            run.store.put(path, earlier.get(path))


def _content_of(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0].partition("-")[0]


def _contents(run: RunContext, wanted: set[str]) -> set[str]:
    found: set[str] = set()
    for block in parquet.table_blocks(run.store, CONTENTS.name, ["content_id"]):
        found.update(wanted.intersection(block.column("content_id").to_pylist()))
    return found
