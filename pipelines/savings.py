"""Savings of a run: the `savings` table and the figures of its summary."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.configs.prices import load_prices
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable
from mirrorfold.transforms.estimate.savings import DECISION_COLUMNS
from mirrorfold.transforms.estimate.summary import summarise
from mirrorfold.transforms.estimate.wiring import Estimate
from mirrorfold.transforms.stores.output import OutputStore

QUARANTINE_DAYS = 90
"""Where a policy states none."""


def build_savings(root: beam.Pipeline, run: RunContext) -> None:
    """Read `decisions`, write `savings`."""
    prices, settings = book(run.settings), money_settings(run.settings, run.policy)
    (
        root
        | "ReadDecisions" >> ReadTable(run.output, DECISIONS, DECISION_COLUMNS)
        | "Estimate" >> Estimate(prices, settings)
        | "WriteSavings" >> WriteTable(run.output, SAVINGS, rows=1, spill=run.spill)
    )


def money_settings(settings: Settings, policy: dict | None) -> dict:
    """Give what money depends on as plain values: the price settings, the policy's quarantine, known regions."""
    regions = {name: source.region for name, source in settings.sources.items() if source.region}
    quarantine = ((policy or {}).get("quarantine") or {}).get("days", QUARANTINE_DAYS)
    plain = settings.prices.model_dump(mode="json")
    return {**plain, "regions": {**regions, **settings.prices.regions}, "quarantine_days": quarantine}


def depends_on(run: RunContext) -> list:
    """Name what the table depends on beside the decisions: the settings, and what the price book says today."""
    return [money_settings(run.settings, run.policy), book(run.settings)]


def book(settings: Settings) -> dict:
    """Load the price book that the settings name.

    Raises:
      UsageError: one line that names the file and the line.
    """
    try:
        return load_prices(settings.prices.book)
    except ValueError as error:
        raise UsageError(str(error)) from error


def summarise_run(run: RunContext, cpu_hours: float | None = None) -> dict:
    """Sum up a finished run from its tables: see `summary.summarise` for the keys."""
    settings = money_settings(run.settings, run.policy)
    savings = parquet.read_table(run.store, SAVINGS)
    totals = {**decisions_totals(run.store), **reads(run.store, settings["regions"]), "cpu_hours": cpu_hours}
    return summarise(savings, totals, book(run.settings), settings)


def decisions_totals(output: OutputStore) -> dict:
    """Count the decisions that people have to make: one for each cluster and kind of doubt, not one for each object."""
    clusters: set[str] = set()
    for path in parquet.shards(output, f"{DECISIONS.name}/"):
        for block in parquet.read_blocks(output, path, ["action", "cluster_id"]):
            waiting = block.filter(pc.equal(block["action"], "review"))["cluster_id"]
            clusters.update(pc.unique(waiting).to_pylist())
    return {"review_actions": len(clusters)}


def reads(output: OutputStore, regions: dict[str, str]) -> dict:
    """Count what the run read from stores, by place: an object per content that was read."""
    columns = ["store", "bucket", "library", "storage_class", "size", "identity_evidence"]
    blocks = [
        block.filter(pc.equal(block["identity_evidence"], "read"))
        .group_by(columns[:4])
        .aggregate([("size", "sum"), ("size", "count")])
        for path in parquet.shards(output, f"{OBJECTS.name}/")
        for block in parquet.read_blocks(output, path, columns)
    ]
    places: dict[tuple, dict] = {}
    for row in pa.concat_tables(blocks).to_pylist() if blocks else []:
        region = regions.get(row["bucket"]) or regions.get(row["library"])
        counts = places.setdefault((row["store"], region, row["storage_class"]), {"get": 0, "bytes": 0})
        counts["get"] += row["size_count"]
        counts["bytes"] += row["size_sum"]
    return {
        "request_places": places,
        "requests": {"get": sum(counts["get"] for counts in places.values())},
        "bytes_read": sum(counts["bytes"] for counts in places.values()),
    }
