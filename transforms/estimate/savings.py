"""Decisions to savings: sum what rows have in common, then price the sums.

`tally` runs on every block and gives a handful of rows; `price` sees all of them at once. Sums are integers and money
is `Decimal` until the last step, so neither order nor parallelism changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.estimate.price_list import ClassRules, PriceList, Quote

DECISION_COLUMNS = (
    "uri",
    "version",
    "library",
    "storage_class",
    "size",
    "action",
    "tier_to_kept",
    "bytes_freed",
    "bytes_below_cutoff",
    "copies_left",
)
"""The columns of `decisions` that a tally reads."""

KEY = ("library", "store", "bucket", "storage_class", "tier", "action")
SUMS = (
    "objects",
    "bytes",
    "bytes_freed",
    "bytes_below_cutoff",
    "bytes_extra_copies",
    "bytes_versioned",
    "bytes_billed",
    "bytes_billed_below",
    "objects_freed",
)
TALLY = pa.schema([*((name, pa.string()) for name in KEY), *((name, pa.int64()) for name in SUMS)])

DAYS = 365
MONTHS = 12


@dataclass(frozen=True)
class Terms:
    """What the money depends on besides prices.

    Attributes:
      regions: region by bucket or library.
      quarantine_days: days a quarantined object stays stored, and billed.
      soft_delete_days: days Google keeps, and bills, a deleted object.
      destination: (store, region, storage_class) of the migration, or None.
    """

    regions: Mapping[str, str]
    quarantine_days: int = 90
    soft_delete_days: int = 7
    destination: tuple[str, str, str] | None = None

    @classmethod
    def make(cls, settings: Mapping) -> Terms:
        """Read the terms from plain settings (see `summary.summarise`)."""
        to = settings.get("migrate_to")
        return cls(
            dict(settings.get("regions") or {}),
            int(settings.get("quarantine_days", 90)),
            int(settings.get("soft_delete_days", 7)),
            (to["store"], to["region"], to["storage_class"]) if to else None,
        )


def tally(block: pa.Table, rules: Mapping[tuple[str, str], ClassRules]) -> pa.Table:
    """Sum a block of decisions by library, store, bucket, class, tier and action.

    Args:
      block: decisions, at least DECISION_COLUMNS.
      rules: by (store, storage class); a class without rules bills its bytes.
    """
    place = pc.extract_regex(block["uri"], r"(?s)^(?P<store>[a-z0-9]+)://(?P<bucket>[^/]*)")
    store = pc.struct_field(place, "store")
    freed, below, size = block["bytes_freed"], block["bytes_below_cutoff"], block["size"]
    action = pc.if_else(
        pc.and_(pc.equal(block["action"], "keep"), pc.greater(below, 0)), "below-cutoff", block["action"]
    )
    tier = pc.if_else(pc.equal(action, "keep"), "none", pc.fill_null(block["tier_to_kept"], "none"))
    kept = pc.is_in(action, pa.array(["keep", "blocked", "below-cutoff"]))
    copies = pc.max_element_wise(block["copies_left"].cast(pa.int64()), 1)
    # Each of c kept copies carries its share of the c - 1 that are there only because more than one is.
    extra = pc.if_else(kept, pc.divide(pc.multiply(size, pc.subtract(copies, 1)), copies), 0)
    versioned = pc.and_(pc.equal(store, "s3"), pc.not_equal(block["version"], ""))
    rows = pa.table(
        {
            "library": block["library"],
            "store": store,
            "bucket": pc.struct_field(place, "bucket"),
            "storage_class": block["storage_class"],
            "tier": tier,
            "action": action,
            "objects": pa.repeat(pa.scalar(1, pa.int64()), block.num_rows),
            "bytes": size,
            "bytes_freed": freed,
            "bytes_below_cutoff": below,
            "bytes_extra_copies": extra,
            "bytes_versioned": pc.if_else(versioned, freed, 0),
            "bytes_billed": _billed(store, block["storage_class"], freed, rules),
            "bytes_billed_below": _billed(store, block["storage_class"], below, rules),
            "objects_freed": pc.greater(freed, 0).cast(pa.int64()),
        }
    )
    return total(rows)


def total(rows: pa.Table) -> pa.Table:
    """Sum tallies by their key; in a stated order."""
    sums = rows.group_by(list(KEY)).aggregate([(name, "sum") for name in SUMS])
    named = sums.select([*KEY, *(f"{name}_sum" for name in SUMS)]).rename_columns([*KEY, *SUMS]).cast(TALLY)
    return named.sort_by([(name, "ascending") for name in KEY])


def _billed(store, classes, sizes, rules: Mapping[tuple[str, str], ClassRules]):
    """Bytes as billed: a class's minimum size and overhead for each object that has any bytes to free."""
    billed = sizes
    for (of_store, of_class), rule in rules.items():
        if rule.minimum_bytes or rule.overhead_bytes:
            at_least = pc.add(pc.max_element_wise(sizes, rule.minimum_bytes), rule.overhead_bytes)
            of_rule = pc.and_(pc.equal(store, of_store), pc.equal(classes, of_class))
            billed = pc.if_else(pc.and_(of_rule, pc.greater(sizes, 0)), at_least, billed)
    return billed


@dataclass(frozen=True)
class Tally:
    """`tally` with its rules, for a pipeline."""

    rules: Mapping[tuple[str, str], ClassRules]

    def __call__(self, block: pa.Table) -> pa.Table:
        return tally(block, self.rules)


@dataclass(frozen=True)
class Price:
    """`price` over all tallies of a run, as the one reduction of a shuffle."""

    prices: PriceList
    terms: Terms

    def __call__(self, _partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        yield price(blocks["rows"], self.prices, self.terms)


def price(tallies: pa.Table, prices: PriceList, terms: Terms) -> pa.Table:
    """Price tallies: one row by library, store, storage class, tier and action, in the SAVINGS schema."""
    parts = total(tallies).to_pylist()
    for part in parts:
        part["region"] = terms.regions.get(part["bucket"]) or terms.regions.get(part["library"])
    volumes: dict[tuple, int] = {}
    for part in parts:
        place = (part["store"], part["region"], part["storage_class"])
        volumes[place] = volumes.get(place, 0) + part["bytes"]
    groups: dict[tuple, list[dict]] = {}
    for part in parts:
        volume = volumes[part["store"], part["region"], part["storage_class"]]
        groups.setdefault(tuple(part[name] for name in SAVINGS.order), []).append(
            {**part, **_money(part, volume, prices, terms)}
        )
    rows = [_row(key, groups[key], prices.currency) for key in sorted(groups)]
    return pa.Table.from_pylist(rows, schema=SAVINGS.schema)


def _money(part: Mapping, volume: int, prices: PriceList, terms: Terms) -> dict:
    """Money of one part (one bucket's share of a row); None where a price isn't known."""
    place = (part["store"], part["region"], part["storage_class"])
    quote = prices.quote("storage", *place, volume=volume)
    rule = prices.class_rules(part["store"], part["storage_class"])
    notes = []
    if quote is None:
        notes.append(f"no price for {part['store']} {part['storage_class']} in {part['region'] or 'an unknown region'}")
    if rule.minimum_bytes or rule.overhead_bytes:
        notes.append(f"{part['storage_class']} bills small objects above their size")
    if part["bytes_versioned"]:
        notes.append("versioned bucket: a plain delete frees nothing, delete the named version")
    wait = terms.quarantine_days + (terms.soft_delete_days if part["store"] == "gs" else 0)
    monthly = early = None
    if quote is not None:
        monthly = quote.of(part["bytes_billed"])
        unmet = max(0, rule.minimum_days - terms.quarantine_days)
        early = monthly * MONTHS * unmet / DAYS
        if unmet and part["bytes_freed"]:
            notes.append(f"{part['storage_class']} bills at least {rule.minimum_days} days: charged if not yet reached")
    return {
        "quote": quote,
        "monthly": monthly,
        "monthly_low": quote and quote.low * part["bytes_billed"] / quote.unit,
        "monthly_high": quote and quote.high * part["bytes_billed"] / quote.unit,
        "below_cutoff_monthly": quote and quote.of(part["bytes_billed_below"]),
        "below_cutoff_low": quote and quote.low * part["bytes_billed_below"] / quote.unit,
        "below_cutoff_high": quote and quote.high * part["bytes_billed_below"] / quote.unit,
        "extra_copies_monthly": quote and quote.of(part["bytes_extra_copies"]),
        "yearly": None if monthly is None else monthly * MONTHS,
        "first_year": None if monthly is None else monthly * MONTHS * max(0, DAYS - wait) / DAYS,
        "early_deletion": early,
        "migration_avoided": migration(part["objects_freed"], part["bytes_freed"], *place, prices, terms.destination),
        "notes": notes,
    }


def migration(
    objects: int,
    volume: int,
    store: str,
    region: str | None,
    storage_class: str,
    prices: PriceList,
    destination: tuple[str, str, str] | None,
) -> Decimal | None:
    """Price moving objects of `volume` bytes: GET, retrieval and egress at the source, PUT at the destination.

    None without a destination, or where one of its prices isn't known. A local folder is read for nothing; nothing
    leaves a region that the destination shares.
    """
    if destination is None:
        return None
    quotes = [(prices.quote("put", *destination), objects)]
    if store != "file":
        quotes.append((prices.quote("get", store, region, storage_class), objects))
        quotes.append((prices.quote("retrieval", store, region, storage_class), volume))
        if (store, region) != destination[:2]:
            quotes.append((prices.quote("egress", store, region, storage_class, volume), volume))
    known = [quote.of(amount) for quote, amount in quotes if quote is not None]
    return sum(known, Decimal(0)) if len(known) == len(quotes) else None


MONEY = (
    "monthly",
    "monthly_low",
    "monthly_high",
    "below_cutoff_monthly",
    "below_cutoff_low",
    "below_cutoff_high",
    "extra_copies_monthly",
    "yearly",
    "first_year",
    "early_deletion",
    "migration_avoided",
)


def _row(key: tuple, parts: list[dict], currency: str) -> dict:
    quotes: list[Quote] = [part["quote"] for part in parts if part["quote"] is not None]
    money = {name: add(part[name] for part in parts) for name in MONEY}
    return {
        **dict(zip(SAVINGS.order, key, strict=True)),
        **{name: sum(part[name] for part in parts) for name in SUMS},
        **{name: to_float(value) for name, value in money.items()},
        "one_off": to_float(_one_off(money)),
        "region": _join(part["region"] for part in parts),
        "currency": currency,
        "price_source": _join(quote.source for quote in quotes),
        "price_date": min((quote.date for quote in quotes if quote.date), default=None),
        "note": _join(note for part in parts for note in part["notes"]),
    }


def _one_off(money: Mapping[str, Decimal | None]) -> Decimal | None:
    avoided, early = money["migration_avoided"], money["early_deletion"]
    if avoided is None:
        return -early if early else None
    return avoided - (early or 0)


def add(values: Iterable[Decimal | None]) -> Decimal | None:
    """Sum money; a part that isn't known makes the sum unknown, so that nothing is understated in silence."""
    result = Decimal(0)
    for value in values:
        if value is None:
            return None
        result += value
    return result


def to_float(value: Decimal | None) -> float | None:
    """Give money as a float, rounded to a millionth first."""
    return None if value is None else float(round(value, 6))


def _join(texts: Iterable[str | None]) -> str | None:
    return "; ".join(sorted({text for text in texts if text})) or None
