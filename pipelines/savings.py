"""Savings of a run: the `savings` table and the figures of its summary."""

from __future__ import annotations

import os
from importlib.resources import files

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from mirrorfold.configs.prices import load_prices
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.previous import reuse
from mirrorfold.schemas.belongings import UNREAD
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable
from mirrorfold.transforms.estimate.capacity import Model, Workload
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.savings import DECISION_COLUMNS
from mirrorfold.transforms.estimate.summary import LIST_PAGE, summarise
from mirrorfold.transforms.estimate.wiring import Estimate
from mirrorfold.transforms.fingerprint.beside.facts import READ_COLUMNS, READ_SQL, was_read
from mirrorfold.transforms.publish.queue import count_work
from mirrorfold.transforms.stores.output import OutputStore, open_output

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
    known = {"regions": {**regions, **settings.prices.regions}, "workers_region": _workers_region(settings)}
    return {**plain, **known, "quarantine_days": quarantine}


def _workers_region(settings: Settings) -> str | None:
    """Give the settings' word on where the workers are, else AWS's own: a profile's region says nothing of a laptop."""
    by_aws = os.environ.get("AWS_REGION") if os.environ.get("AWS_EXECUTION_ENV") else None
    return settings.prices.workers_region or by_aws


def depends_on(run: RunContext) -> list:
    """Name what the table depends on beside the decisions: the settings, and what the price book says today."""
    # Where the workers are changes what a run costs, not what a plan saves.
    settings = money_settings(run.settings, run.policy)
    del settings["workers_region"]
    return [settings, book(run.settings)]


def book(settings: Settings) -> dict:
    """Load the price book that the settings name.

    Raises:
      UsageError: one line that names the file and the line.
    """
    try:
        return load_prices(settings.prices.book)
    except ValueError as error:
        raise UsageError(str(error)) from error


def check_money(settings: Settings) -> None:
    """Check before any work that the book can be read and that its prices can be said in the settings' currency.

    Raises:
      UsageError: one line that names the file and the line, or the currency.
    """
    prices, wanted = book(settings), settings.prices
    listed = PriceList.make(prices, wanted.model_dump(mode="json"))
    stated = {row["currency"] for row in prices["prices"]}
    if stated and not any(listed.rate(currency) for currency in stated):
        known = {row[end] for row in prices.get("exchange", ()) for end in ("from", "to")} | stated
        raise UsageError(
            f"no exchange rate to {wanted.currency}: the price book {prices['name']} knows {', '.join(sorted(known))}; "
            f"give --exchange-rate (units of {wanted.currency} per US dollar) or prices.exchange_rates"
        )


def summarise_run(run: RunContext, cpu_hours: float | None = None) -> dict:
    """Sum up a finished run from its tables: see `summary.summarise` for the keys.

    Args:
      cpu_hours: what the run took; by default what the capacity model says.
    """
    settings = money_settings(run.settings, run.policy)
    savings = parquet.read_table(run.store, SAVINGS)
    earlier = open_output(run.previous) if run.previous is not None and reuse(run) else None
    found = reads(run.store, settings["regions"], earlier)
    objects = sum(counts["list"] for counts in found["request_places"].values())
    work = Workload(objects, found["requests"]["get"], found["bytes_read"], found["contents"])
    totals = {
        **decisions_totals(run.store),
        **found,
        "cpu_hours": cpu_hours if cpu_hours is not None else Model(load_constants()).load(work).cpu_hours,
        "cpu_how": "measured" if cpu_hours is not None else "model",
    }
    return summarise(savings, totals, book(run.settings), settings)


def bytes_read(run: RunContext) -> int:
    """Count the bytes that this very run read: without what it took over from the run before it."""
    earlier = open_output(run.previous) if run.previous is not None and reuse(run) else None
    return reads(run.store, {}, earlier)["bytes_read"]


def decisions_totals(output: OutputStore) -> dict:
    """Count the decisions that people have to make: one for each pair, not one for each object."""
    with connect(output, DECISIONS.name) as tables:
        return {"review_actions": count_work(tables).pairs}


def reads(output: OutputStore, regions: dict[str, str], earlier: OutputStore | None = None) -> dict:
    """Count what the run listed, and read from stores, by place: a GET for each content and each sidecar that was read.

    Args:
      earlier: DIR of the run whose readings were taken over; what it had read of unchanged objects wasn't read again.
    """
    if earlier is not None:
        return reads_since(output, regions, earlier)
    place = ["store", "bucket", "library", "storage_class"]
    places: dict[tuple, dict] = {}
    for block in parquet.table_blocks(output, OBJECTS.name, [*place, "identity_evidence", *READ_COLUMNS]):
        beside = was_read(block)
        read = pc.or_(pc.fill_null(pc.equal(block["identity_evidence"], "read"), False), beside)
        block = block.append_column("beside_read", beside)
        block = block.append_column("read", pc.if_else(read, block["size"], pa.scalar(None, pa.int64())))
        sums = block.group_by(place).aggregate(
            [("size", "count"), ("read", "count"), ("read", "sum"), ("beside_read", "sum")]
        )
        for row in sums.to_pylist():
            region = regions.get(row["bucket"]) or regions.get(row["library"])
            key = (row["store"], region, row["storage_class"])
            counts = places.setdefault(key, dict.fromkeys(_COUNTS, 0))
            counts["list"] += row["size_count"]
            counts["get"] += row["read_count"]
            counts["bytes"] += row["read_sum"] or 0
            counts["beside"] += row["beside_read_sum"] or 0
    return _requests(places)


def reads_since(output: OutputStore, regions: dict[str, str], earlier: OutputStore) -> dict:
    """Count as `reads` does what an audit read."""
    state = "hash(uri, version, etag, size)"
    # What an earlier run couldn't read of a sidecar is read again.
    known = f"identity_evidence = 'read' OR ({READ_SQL} AND NOT list_contains(map_keys(stated), '{UNREAD}'))"
    read = connect(earlier, OBJECTS.name).execute(f"SELECT {state} AS s FROM objects WHERE {known}")
    tables = connect(output, OBJECTS.name)
    tables.register("known", pa.table({"state": pa.array(read.fetchnumpy()["s"])}))
    tables.execute(
        f"""
        SELECT store, bucket, library, storage_class, count(*), count(*) FILTER (fresh), sum(size) FILTER (fresh),
            count(*) FILTER (fresh AND identity_evidence IS NULL)
        FROM (
            SELECT *, {state} NOT IN (FROM known)
                AND (coalesce(identity_evidence = 'read', false) OR {READ_SQL}) AS fresh FROM objects
        )
        GROUP BY ALL
        """
    )
    places: dict[tuple, dict] = {}
    for store, bucket, library, storage_class, listed, fresh, size, beside in tables.fetchall():
        key = (store, regions.get(bucket) or regions.get(library), storage_class)
        counts = places.setdefault(key, dict.fromkeys(_COUNTS, 0))
        counts["list"] += listed
        counts["get"] += fresh
        counts["bytes"] += int(size or 0)
        counts["beside"] += beside
    return _requests(places)


_COUNTS = ("list", "get", "bytes", "beside")
"""What is counted of each place: objects listed, GETs, their bytes, and GETs of sidecars among them."""


def _requests(places: dict[tuple, dict]) -> dict:
    listed, gets, size, beside = (sum(counts[name] for counts in places.values()) for name in _COUNTS)
    return {
        "request_places": places,
        "requests": {"list": -(-listed // LIST_PAGE), "get": gets},
        "bytes_read": size,
        "contents": gets - beside,
    }


def load_constants() -> dict:
    """Load the capacity model's constants, configs/capacity.yaml."""
    return yaml.safe_load((files("mirrorfold.configs") / "capacity.yaml").read_text(encoding="utf-8"))
