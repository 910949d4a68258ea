"""The savings table as the figures that a summary or a report shows. Pure: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import pyarrow as pa

from mirrorfold.transforms.estimate.bill import as_decimal, bill, bills, move, span
from mirrorfold.transforms.estimate.egress import egress_notes, leaving
from mirrorfold.transforms.estimate.price_list import PriceList, Quote
from mirrorfold.transforms.estimate.savings import MONEY, add, to_float

MONTHS = 12
HOUR = 3600
LIST_PAGE = 1000
"""Objects of one LIST request."""


def summarise(savings: pa.Table, decisions_totals: Mapping, prices: Mapping, settings: Mapping) -> dict:
    """Sum up what a clean saves and what it costs.

    Args:
      savings: the savings table, whole.
      decisions_totals: counts that the table doesn't hold; each may be missing:
        review_actions: decisions that people have to make (one accepts a whole cluster); default: objects to review.
        requests: {"list", "get"} the run sent to stores. bytes_read: bytes it fetched.
        request_places: {(store, region, storage_class): {"list": objects listed, "get": n, "bytes": n}} to price them.
        cpu_hours: of the run; cpu_how: "measured" or "model".
      prices: a price book as `configs.prices.load_prices` gives it.
      settings: `PriceSettings` as plain values, with `quarantine_days` of the policy.

    Returns:
      A plain dict. MONEY is {"low", "mid", "high"} in `currency`, or None where a price isn't known.
      PART is {"objects", "bytes", "bytes_freed", "bytes_below_cutoff", "bytes_unpriced": int,
      "monthly": MONEY, "yearly": MONEY,
      "first_year", "one_off", "early_deletion", "migration_avoided": float | None}.

        currency, book: str
        objects, bytes: int, everything listed
        now, review, below_cutoff, kept, blocked: PART, by action (now is what is quarantined; below_cutoff's bytes and
          money are what a review would free)
        by_tier, by_library, by_storage_class: lists of PART with their key beside it ("tier"; "library"; "store" and
          "storage_class"), largest saving first; of what is freed now or after review
        by_action: the same with "action", of everything
        matrix: list of PART with library, store, storage_class, tier and action: every row
        bill: BILL, of everything; see `bill.bill`. bill_by: {"library", "region", "bucket", "storage_class": lists of
          BILL with their key beside it, the dearest first}
        move: {"to": {"store", "region", "storage_class"}, "cost", "avoided_now", "avoided_review", "monthly_there":
          float | None} or None without a destination
        required_copies: {"bytes", "monthly": float | None}, copies kept because the policy wants more than one
        unknown_holds: the same, of what stays because nobody could look its hold up
        review_work: {"actions", "seconds_each", "hours", "cost": float | None, "hourly": float | None, "saves_monthly":
          MONEY, "break_even_months": float | None, "break_even_bytes": int | None}
        scan: {"requests": {...}, "bytes_read", "cpu_hours", "cpu_how", "cost_requests", "cost_cpu", "cost_egress",
          "cost": or None, "egress": [str] of regions that are read from another, for people}
        pays_back_months: float | None, months until what is freed now has paid for the scan
        quarantine_days, soft_delete_days, horizon_months: int
        prices: [{"store", "region", "storage_class", "item", "source", "date", "low", "mid", "high", "unit"}] used
        exchange_rates: {currency: {"rate", "source", "date"}}
        unpriced: [{"library", "store", "storage_class", "bytes", "bytes_freed"}]
        notes: [str], what the figures leave out or assume, for people to read
    """
    rows = savings.to_pylist()
    listed = PriceList.make(prices, settings)
    freeing = [row for row in rows if row["action"] in ("quarantine", "review")]
    by_action = {
        name: part(row for row in rows if row["action"] == name)
        for name in ("quarantine", "review", "below-cutoff", "keep", "blocked")
    }
    work = review_work(by_action["review"], decisions_totals, listed, settings)
    scan = scan_cost(decisions_totals, listed, settings)
    return {
        "currency": listed.currency,
        "book": prices["name"],
        "objects": sum(row["objects"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
        "now": by_action["quarantine"],
        "review": by_action["review"],
        "below_cutoff": _below(rows),
        "kept": by_action["keep"],
        "blocked": by_action["blocked"],
        "by_action": [{"action": name, **value} for name, value in by_action.items() if value["objects"]],
        "by_tier": group(freeing, ("tier",)),
        "by_library": group(freeing, ("library",)),
        "by_storage_class": group(freeing, ("store", "storage_class")),
        "matrix": group(rows, ("library", "store", "storage_class", "tier", "action")),
        "bill": bill(rows),
        "bill_by": bills(rows),
        "move": move(rows, settings.get("migrate_to")),
        "required_copies": _kept_for(rows, "bytes_extra_copies", "extra_copies_monthly"),
        "unknown_holds": _kept_for(rows, "bytes_hold_unknown", "hold_unknown_monthly"),
        "review_work": work,
        "scan": scan,
        "pays_back_months": _pays_back(scan["cost"], by_action["quarantine"]["monthly"]),
        "quarantine_days": int(settings.get("quarantine_days", 90)),
        "soft_delete_days": int(settings.get("soft_delete_days", 7)),
        "horizon_months": int(settings.get("horizon_months", 36)),
        "prices": _prices_used(rows, listed),
        "exchange_rates": _exchange(listed),
        "unpriced": [
            {name: row[name] for name in ("library", "store", "storage_class", "action", "bytes", "bytes_freed")}
            for row in rows
            if row["monthly"] is None and row["bytes"]
        ],
        "notes": [*scan["egress"], *notes(rows, listed, settings)],
    }


def part(rows: Iterable[Mapping]) -> dict:
    """Sum rows into a PART (see `summarise`); money that isn't known for a row with bytes to free is None."""
    rows = list(rows)
    counted = [row for row in rows if row["bytes_freed"]]
    names = (*MONEY, "one_off")
    money = {name: add(as_decimal(row[name]) for row in counted) for name in names}
    low, mid, high = money["monthly_low"], money["monthly"], money["monthly_high"]
    return {
        "objects": sum(row["objects"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
        "bytes_freed": sum(row["bytes_freed"] for row in rows),
        "bytes_below_cutoff": sum(row["bytes_below_cutoff"] for row in rows),
        "bytes_unpriced": sum(row["bytes_freed"] for row in rows if row["monthly"] is None),
        "monthly": span(low, mid, high),
        "yearly": span(low, mid, high, MONTHS),
        **{name: to_float(money[name]) for name in ("first_year", "one_off", "early_deletion", "migration_avoided")},
    }


def group(rows: Iterable[Mapping], key: tuple[str, ...]) -> list[dict]:
    """Sum rows by a key, the largest saving first."""
    groups: dict[tuple, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in key), []).append(row)
    parts = [{**dict(zip(key, values, strict=True)), **part(found)} for values, found in sorted(groups.items())]
    return sorted(parts, key=lambda entry: -entry["bytes_freed"])


def review_work(review: Mapping, totals: Mapping, prices: PriceList, settings: Mapping) -> dict:
    """Hours and money of the review, and the bytes one decision has to free to be worth its time."""
    actions = int(totals.get("review_actions", review["objects"]))
    seconds = Decimal(str(settings.get("review_seconds", 5)))
    hours = seconds * actions / HOUR
    hourly = hour_price("reviewer-hour", settings.get("reviewer_hour"), prices)
    cost = None if hourly is None else hourly * hours
    monthly = review["monthly"]
    even_bytes = None
    if hourly is not None and monthly and monthly["mid"] > 0 and review["bytes_freed"]:
        per_byte = Decimal(str(monthly["mid"])) / review["bytes_freed"] * int(settings.get("horizon_months", 36))
        even_bytes = int(hourly * seconds / HOUR / per_byte)
    return {
        "actions": actions,
        "seconds_each": float(seconds),
        "hours": to_float(hours),
        "hourly": to_float(hourly),
        "cost": to_float(cost),
        "saves_monthly": monthly,
        "break_even_months": _pays_back(to_float(cost), monthly),
        "break_even_bytes": even_bytes,
    }


def scan_cost(totals: Mapping, prices: PriceList, settings: Mapping) -> dict:
    """Price the run itself: its requests, its CPU, and what its workers read out of other regions."""
    requests = dict(totals.get("requests") or {})
    costs: list[Decimal | None] = []
    for (store, region, storage_class), counts in (totals.get("request_places") or {}).items():
        if store != "file":
            amounts = {"list": -(-counts.get("list", 0) // LIST_PAGE), "get": counts.get("get", 0)}
            for item, amount in {**amounts, "retrieval": counts.get("bytes", 0)}.items():
                quote = prices.quote(item, store, region, storage_class)
                costs.append(quote.of(amount) if quote else None if amount else Decimal(0))
    cost_requests = add(costs) if "request_places" in totals else None
    hours = totals.get("cpu_hours")
    hourly = hour_price("vcpu-hour", settings.get("vcpu_hour"), prices)
    cost_cpu = None if hours is None or hourly is None else hourly * Decimal(str(hours))
    workers = settings.get("workers_region")
    out = leaving(totals.get("request_places") or {}, workers, prices)
    cost_egress = add(part.cost for part in out) if out else None
    known = [cost for cost in (cost_requests, cost_cpu, cost_egress) if cost is not None]
    return {
        "requests": requests,
        "bytes_read": totals.get("bytes_read"),
        "cpu_hours": hours,
        "cpu_how": totals.get("cpu_how"),
        "cost_requests": to_float(cost_requests),
        "cost_cpu": to_float(cost_cpu),
        "cost_egress": to_float(cost_egress),
        "egress": egress_notes(out, workers, prices.currency),
        "cost": to_float(sum(known, Decimal(0))) if known else None,
    }


def hour_price(item: str, stated: float | None, prices: PriceList) -> Decimal | None:
    """Give the price of an hour: the settings' own, else the book's, else None."""
    if stated is not None:
        return Decimal(str(stated))
    quote = prices.quote(item)
    return quote.mid if quote else None


def _kept_for(rows: Iterable[Mapping], size: str, monthly: str) -> dict:
    """Sum bytes and money of what stays for one reason."""
    extra = [row for row in rows if row[size]]
    return {
        "bytes": sum(row[size] for row in extra),
        "monthly": to_float(add(as_decimal(row[monthly]) for row in extra)),
    }


def notes(rows: Iterable[Mapping], prices: PriceList, settings: Mapping) -> list[str]:
    """Say what the figures leave out or assume."""
    rows = list(rows)
    said = sorted({text for row in rows if row["note"] and row["bytes"] for text in row["note"].split("; ")})
    days = int(settings.get("quarantine_days", 90))
    said.append(f"quarantined objects are billed for {days} more days: first-year figures leave those out")
    if any(row["store"] == "gs" for row in rows):
        soft = int(settings.get("soft_delete_days", 7))
        said.append(f"Google keeps and bills a deleted object for {soft} days of soft delete")
    if any(row["bytes_versioned"] for row in rows):
        said.append("noncurrent versions and delete markers are left to the buckets' lifecycle rules")
    if any(row["store"] == "file" for row in rows) and settings.get("local_per_gb_month") is None:
        said.append("local folders have no price: set prices.local_per_gb_month")
    if any(row["store"] != "file" and row["region"] is None for row in rows):
        said.append("some buckets' regions aren't known: set prices.regions by library or bucket")
    if settings.get("migrate_to") is None:
        said.append("no destination is set (prices.migrate_to): what a migration would cost isn't counted")
    said.append("sizes are bytes; prices are per GB (10^9) or GiB (2^30) as their source states: 7 % apart")
    return said


def _below(rows: Iterable[Mapping]) -> dict:
    found = [row for row in rows if row["action"] == "below-cutoff"]
    low, mid, high = (
        add(as_decimal(row[f"below_cutoff_{name}"]) for row in found) for name in ("low", "monthly", "high")
    )
    return {**part(found), "monthly": span(low, mid, high), "yearly": span(low, mid, high, MONTHS)}


def _pays_back(cost: float | None, monthly: Mapping | None) -> float | None:
    if cost is None or not monthly or monthly["mid"] <= 0:
        return None
    return round(cost / monthly["mid"], 2)


def _prices_used(rows: Iterable[Mapping], prices: PriceList) -> list[dict]:
    places = sorted({(row["store"], row["region"] or "", row["storage_class"]) for row in rows})
    used = []
    for store, regions, storage_class in places:
        for region in regions.split("; "):
            quote = prices.quote("storage", store, region or None, storage_class)
            if quote is not None:
                used.append({"item": "storage", "store": store, "region": region or None,
                             "storage_class": storage_class, **_described(quote)})  # fmt: skip
    return used


def _described(quote: Quote) -> dict:
    return {
        "low": to_float(quote.low),
        "mid": to_float(quote.mid),
        "high": to_float(quote.high),
        "unit": quote.unit,
        "source": quote.source,
        "date": quote.date.isoformat() if quote.date else None,
    }


def _exchange(prices: PriceList) -> dict:
    currencies = sorted({row["currency"] for row in prices.book["prices"]} - {prices.currency})
    stated = {row["from"]: row for row in prices.book.get("exchange", ())}
    stated |= {row["to"]: row for row in prices.book.get("exchange", ())}
    found = {}
    for currency in currencies:
        rate = prices.rate(currency)
        if currency in prices.exchange_rates:
            told = {"source": "settings: prices.exchange_rates", "date": None}
        else:
            told = {name: stated[currency][name] if rate else None for name in ("source", "date")}
        found[currency] = {"rate": to_float(rate), **told}
    return found
