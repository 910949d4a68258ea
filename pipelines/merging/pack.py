"""Pack what of a finished run travels to another institution, and leave the rest at home."""

from __future__ import annotations

import json
from functools import partial

import apache_beam as beam
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.engine.spill import spill_folder
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.at_home import AtHome
from mirrorfold.pipelines.merging.in_force import named_by
from mirrorfold.pipelines.merging.sides import MERGED
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.pipelines.record.previous import check_tables, read_record
from mirrorfold.pipelines.record.request import REQUEST_PATH, saved_request
from mirrorfold.pipelines.record.steps import remove_table
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.match.signatures import withheld_search
from mirrorfold.transforms.merge.wiring import Withhold
from mirrorfold.transforms.retain import handed, verdicts
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.output import OutputStore, open_output

SECRETIVE = ("endpoint", "profile", "project")
"""Settings of a source that say how home is reached, which nobody else needs."""


def _apply(root: beam.Pipeline, transform: Withhold) -> None:
    root | "Withhold" >> transform


def _pack_named(source: OutputStore, target: OutputStore, home: AtHome) -> None:
    """Let travel what lists of this run name, so that no merged plan keeps it."""
    rows = home.named(pa.concat_tables([EARLIER.empty_table(), *named_by(source)]), source)
    target.delete(handed.SIDES)
    if rows.num_rows:
        target.put(handed.SIDES, parquet.to_parquet(rows))


def pack(
    folder: str, output: str, hashes_only: bool, beam_args: tuple[str, ...] = (), home: AtHome | None = None
) -> dict[str, int]:
    """Write a folder that `merge` takes in place of a run's own; give the rows of its tables.

    Args:
      hashes_only: leave the luma thumbnails, the colours and everything that a file says about itself at home.
      home: what else stays at home.

    Raises:
      UsageError: no finished run in `folder`, or `output` holds something else.
    """
    home = home or AtHome(hashes_only=hashes_only)
    record = read_record(folder)
    check_tables(folder, record, MERGED)
    request, source, target = saved_request(folder), open_output(folder), open_output(output)
    if target.exists("run.json") and "travels" not in json.loads(target.get("run.json")):
        raise UsageError(f"{output} holds a run: pack into a folder of its own")
    run = RunContext(output, request.settings, request.policy, request.sources)
    with lock_output(target), spill_folder(beam_args) as spill:
        target.delete("_SUCCESS")
        for name in MERGED:
            remove_table(target, name)
            if name == "contents" and hashes_only:
                withhold = Withhold(folder, output, record["counts"]["objects"], withheld_search, spill)
                engine.run_pipeline(partial(_apply, transform=withhold), engine.pipeline_options(beam_args, work=None))
            else:
                home.write(source, target, name)
        for path in target.list(verdicts.FOLDER):
            target.delete(path)
        verdicts.store_verdicts(run.store, home.verdicts(verdicts.read_verdicts(source)))
        _pack_named(source, target, home)
        document = home.request(request, source) | {"previous": None}
        document["sources"] = [{k: v for k, v in spec.items() if k not in SECRETIVE} for spec in document["sources"]]
        document["settings"]["sources"] = {}
        target.put(REQUEST_PATH, json.dumps(document, indent=1, sort_keys=True).encode())
        kept = {k: v for k, v in record.items() if k not in ("sources", "settings", "engine", "previous")}
        kept |= {"travels": "hashes" if hashes_only else "all", "counts": {n: record["counts"][n] for n in MERGED}}
        kept = home.record(kept)
        target.put("run.json", json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False).encode())
        target.put("_SUCCESS", b"")
    return kept["counts"]
