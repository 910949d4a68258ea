"""Put the tables of two runs together, made in different places; no image is listed, read or moved."""

from __future__ import annotations

import json

import apache_beam as beam

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.request import Request, load_settings, resolve_policy, saved_request
from mirrorfold.pipelines.steps import Step, count_rows
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable
from mirrorfold.transforms.stores.output import open_output

MERGED = ("objects", "contents", "failures")
"""The tables that the stages after fingerprinting start from."""


def merged_request(folders: tuple[str, ...], config: str | None = None, policy: str | None = None) -> Request:
    """Make the request of a merge from those of its runs; the first run's settings hold where none are given.

    Raises:
      UsageError: a folder without a finished run, or made by another version of the tables.
    """
    requests = [saved_request(folder) for folder in folders]
    for folder in folders:
        _check_finished(folder)
    sources = sorted({spec for request in requests for spec in request.sources}, key=repr)
    if config is None and policy is None:
        return Request(tuple(sources), requests[0].settings, requests[0].policy)
    settings = load_settings(config, {"policy": policy})
    return Request(tuple(sources), settings, resolve_policy(settings))


def merge_mission(folders: tuple[str, ...]) -> tuple[Step, ...]:
    """Give the mission's steps with the merge in place of listing and fingerprinting."""
    later = tuple(step for step in MISSION if step.stage not in ("list", "fingerprint"))
    return (merge_step(folders), *later)


def _check_finished(folder: str) -> None:
    try:
        record = json.loads(open_output(folder).get("run.json"))
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no finished run: run it to its end first") from None
    wanted = {name: TABLES[name].version for name in MERGED}
    found = {name: record["schemas"].get(name) for name in MERGED}
    if found != wanted:
        raise UsageError(
            f"{folder} was made by mirrorfold {record['mirrorfold']} with other tables: run it again there"
        )


def merge_step(folders: tuple[str, ...]) -> Step:
    """Give the step that stands in for listing and fingerprinting."""

    def build(root: beam.Pipeline, run: RunContext) -> None:
        for name in MERGED:
            rows = sum(count_rows(open_output(folder), name) for folder in folders)
            (
                [
                    root | f"Read {name} of run {n}" >> ReadTable(folder, TABLES[name])
                    for n, folder in enumerate(folders)
                ]
                | f"Join {name}" >> beam.Flatten()
                | f"Write {name}" >> WriteTable(run.output, TABLES[name], rows=rows, distinct=True, spill=run.spill)
            )

    def depends(run: RunContext) -> list:
        return [json.loads(open_output(folder).get("run.json"))["input_snapshot"] for folder in folders]

    return Step("merge", stage="fingerprint", builds=(build,), writes=MERGED, depends=depends)
