"""Fingerprint what was listed: `objects` -> `contents`, `failures`, and `objects` with its contents' ids."""

from __future__ import annotations

import apache_beam as beam

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record import previous
from mirrorfold.pipelines.record.reread import window
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable
from mirrorfold.transforms.fingerprint import commit
from mirrorfold.transforms.fingerprint.beside.wiring import ReadBeside
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.wiring import FillContentIds, Fingerprint, ReadKnown, WriteContents


def build(root: beam.Pipeline, run: RunContext) -> None:
    """Compose the step; with an earlier run, what hasn't changed since is taken over and not read."""
    rows, earlier = run.rows("objects"), previous.reuse(run)
    objects = root | "ReadObjects" >> ReadTable(run.output, OBJECTS)
    inputs = {"objects": objects}
    if run.previous and earlier:
        inputs["known"] = root | "ReadKnown" >> ReadKnown(
            run.previous, earlier.rows, earlier.failures, run.spill, window(run).again
        )
    found = inputs | "Fingerprint" >> Fingerprint(tuple(run.sources), options_of(run), run.output, rows, run.spill)
    known_from = {"objects": objects, "assignments": found.assignments}
    if parquet.has_values(run.store, OBJECTS, "beside"):
        known_from["stated"] = objects | "ReadBeside" >> ReadBeside(
            tuple(run.sources),
            rows,
            run.settings.fingerprint.threads,
            run.previous if earlier else None,
            window(run).again if run.previous and earlier else None,
            run.spill,
        )
    filled = known_from | "FillContentIds" >> FillContentIds(rows, run.spill)
    if run.previous and earlier:
        made = {"contents": found.contents, "assignments": found.assignments}
        made | "WriteContents" >> WriteContents(
            run.output, run.previous, rows, run.settings.fingerprint.imagehash, run.spill
        )
    else:
        found.contents | "WriteContents" >> WriteTable(run.output, CONTENTS, rows, distinct=True, spill=run.spill)
    found.failures | "WriteFailures" >> WriteTable(run.output, FAILURES, rows, spill=run.spill)
    filled | "WriteObjects" >> WriteTable(run.output, OBJECTS, rows, spill=run.spill)


def committed(run: RunContext) -> Done:
    """Count what is fingerprinted so far, whichever process or host did it."""
    return commit.committed(run.store)


def options_of(run: RunContext) -> FingerprintOptions:
    """Turn settings and policy into the stage's plain options."""
    chosen = run.settings.fingerprint
    return FingerprintOptions(
        threads=chosen.threads,
        shard_objects=chosen.shard_objects,
        shard_bytes=chosen.shard_bytes,
        max_bytes=chosen.max_bytes,
        max_pixels=chosen.max_pixels,
        max_pages=chosen.max_pages,
        max_seconds=chosen.max_seconds,
        accept_md5=(run.policy or {}).get("identity", {}).get("md5") == "accept",
        imagehash=chosen.imagehash,
        read_noncurrent=run.settings.listing.noncurrent == "read",
    )
