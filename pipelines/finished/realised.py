"""The saving as it came true: price what a reconciliation found, and keep it month by month."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.savings import book, money_settings
from mirrorfold.schemas.realised import PARTS, REALISED
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.estimate.price_list import PriceList, Quote
from mirrorfold.transforms.estimate.savings import DAYS, MONTHS, to_float
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.reconcile.realised import PLACE, RULES
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import OutputStore
from mirrorfold.transforms.stores.sources import OpenStores

CSV = "realised.csv"
Unfinished = Mapping[tuple[str, str, str], int | None]
"""Bytes in unfinished uploads by store, bucket and storage class; None for a bucket (class '') that can't be asked."""


class Priced(NamedTuple):
    """Prices, and what else the money depends on: `regions` and `owners` by bucket or library, `tags` by bucket."""

    listed: PriceList
    settings: dict


def prices_of(settings: Settings, policy: dict) -> Priced:
    """Give the prices that the settings ask for.

    Raises:
      UsageError: the price book can't be read.
    """
    plain = money_settings(settings, policy)
    return Priced(PriceList.make(book(settings), plain), plain)


def rules_of(prices: PriceList) -> pa.Table:
    """Give what each class of the price book bills beyond the bytes: RULES."""
    rows = []
    for place in sorted({(row["store"], row["storage_class"]) for row in prices.book.get("classes", ())}):
        rule = prices.class_rules(*place)
        rows.append((*place, rule.minimum_bytes, rule.overhead_bytes, rule.minimum_days))
    return pa.Table.from_pylist([dict(zip(RULES.names, row, strict=True)) for row in rows], schema=RULES)


def unfinished(stores: OpenStores, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str, str], int | None]:
    """Ask S3 buckets for what lies there in multipart uploads that nobody ended."""
    found: dict[tuple[str, str, str], int | None] = {}
    for store, bucket in sorted(set(places)):
        if store != "s3":
            continue
        try:
            found |= {(store, bucket, name): size for name, size in stores.source(store, bucket).unfinished().items()}
        except StoreError:
            found[store, bucket, ""] = None
    return found


def with_tags(prices: Priced, stores: OpenStores, places: Iterable[tuple[str, str]]) -> Priced:
    """Add the tag of each S3 bucket that the setting `prices.owner_tag` names; what can't be asked is left out."""
    key, tags = prices.settings["owner_tag"], dict[str, str]()
    for store, bucket in sorted(set(places)) if key else ():
        with contextlib.suppress(StoreError):
            found = stores.source(store, bucket).bucket_tag(key) if store == "s3" else None
            tags |= {bucket: found} if found else {}
    return prices._replace(settings=prices.settings | {"tags": tags})


def price(sums: pa.Table, left: Unfinished, prices: Priced, month: str) -> pa.Table:
    """Price sums of a month: the table `realised`."""
    groups = {tuple(row[name] for name in PLACE): row for row in sums.to_pylist()}
    libraries = {(store, bucket): library for library, store, bucket, _ in reversed(groups)}
    for store, bucket, name in left:  # an upload of a class that nothing else there has
        place = (libraries.get((store, bucket), bucket), store, bucket, name)
        if name and place not in groups:
            groups[place] = (
                dict.fromkeys(sums.column_names, 0) | dict(zip(PLACE, place, strict=True)) | {"looked": True}
            )
    rows = [_row(group, left, *prices, month) for _, group in sorted(groups.items())]
    return pa.Table.from_pylist(rows, schema=REALISED.schema)


def _row(group: Mapping, left: Unfinished, prices: PriceList, settings: dict, month: str) -> dict:
    store, bucket, name = (group[key] for key in PLACE[1:])
    region = settings["regions"].get(bucket) or settings["regions"].get(group["library"])
    quote = prices.quote("storage", store, region, name, volume=group["before_bytes"])
    row = {key: group[key] for key in (*PLACE, "planned_objects")} | {"month": month, "currency": prices.currency}
    owners, tags = settings["owners"], settings.get("tags", {})
    row["owner"] = owners.get(bucket) or owners.get(group["library"]) or tags.get(bucket)
    for part in ("before", "planned", *PARTS, "now"):
        seen = part != "now" or group["looked"]
        row[f"{part}_bytes"] = group[f"{part}_bytes"] if seen else None
        row[f"{part}_monthly"] = _monthly(quote, group[f"{part}_billed"]) if seen else None
    asked = store == "s3" and (store, bucket, "") not in left and group["looked"]
    row["unfinished_bytes"] = left.get((store, bucket, name), 0) if asked else None
    row["unfinished_monthly"] = _monthly(quote, row["unfinished_bytes"]) if asked else None
    early = None if quote is None else quote.of(Decimal(group["early_billed_days"])) * MONTHS / DAYS
    return row | {
        "early_deletion": to_float(early),
        "price_source": quote and quote.source,
        "price_date": quote and quote.date,
    }


def _monthly(quote: Quote | None, size: int) -> float | None:
    return None if quote is None else to_float(quote.of(size))


def keep(store: OutputStore, rows: pa.Table, day: dt.date) -> pa.Table:
    """Write a month's rows beside those of other months, as the table and as realised.csv; give them all."""
    month = f"{day:%Y-%m}"
    earlier = [row for row in parquet.read_table(store, REALISED).to_pylist() if row["month"] != month]
    whole = pa.Table.from_pylist([*earlier, *rows.to_pylist()], schema=REALISED.schema)
    parquet.replace_table(store, REALISED, whole)
    names = REALISED.schema.names
    ordered = whole.sort_by([(name, "ascending") for name in REALISED.order]).to_pylist()
    store.put(CSV, b"".join([csv_line(names), *(csv_line([guard(row[name]) for name in names]) for row in ordered)]))
    return whole
