"""Decisions to savings: sum what rows have in common, then price the sums.

`tally` runs on every block and gives a handful of rows; `price` sees all of them at once. Sums are integers and money
is `Decimal` until the last step, so neither order nor parallelism changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.estimate.moving import Place, moving
from mirrorfold.transforms.estimate.price_list import ClassRules, PriceList, Quote

DECISION_COLUMNS = (
    "uri",
    "version",
    "library",
    "storage_class",
    "size",
    "action",
    "rule",
    "tier_to_kept",
    "bytes_freed",
    "bytes_below_cutoff",
    "copies_left",
)
"""The columns of `decisions` that a tally reads."""

KEY = SAVINGS.order
SUMS = (
    "objects",
    "bytes",
    "bytes_freed",
    "bytes_below_cutoff",
    "bytes_extra_copies",
    "bytes_hold_unknown",
    "bytes_versioned",
    "bytes_billed",
    "bytes_billed_below",
    "bytes_billed_today",
    "bytes_billed_moved",
    "bytes_moved",
    "objects_moved",
    "objects_freed",
)
TALLY = pa.schema([*((name, pa.string()) for name in KEY), *((name, pa.int64()) for name in SUMS)])

DAYS = 365
MONTHS = 12

HOLD_RIGHTS = {
    "s3": "s3:GetBucketObjectLockConfiguration, s3:GetObjectLegalHold and s3:GetObjectRetention",
    "gs": "storage.objects.get",
    "az": "the role Storage Blob Data Reader",
}
"""What a look-up of holds takes, by store."""


@dataclass(frozen=True)
class Terms:
    """What the money depends on besides prices.

    Attributes:
      regions: region by bucket or library.
      quarantine_days: days a quarantined object stays stored, and billed.
      soft_delete_days: days Google keeps, and bills, a deleted object.
      destination: where the archive migrates to, or None.
    """

    regions: Mapping[str, str]
    quarantine_days: int = 90
    soft_delete_days: int = 7
    destination: Place | None = None

    @classmethod
    def make(cls, settings: Mapping) -> Terms:
        """Read the terms from plain settings (see `summary.summarise`)."""
        to = settings.get("migrate_to")
        return cls(
            dict(settings.get("regions") or {}),
            int(settings.get("quarantine_days", 90)),
            int(settings.get("soft_delete_days", 7)),
            Place(to["store"], to["region"], to["storage_class"]) if to else None,
        )


def tally(block: pa.Table, rules: Mapping[tuple[str, str], ClassRules], there: ClassRules | None = None) -> pa.Table:
    """Sum a block of decisions by library, store, bucket, class, tier and action.

    Args:
      block: decisions, at least DECISION_COLUMNS.
      rules: by (store, storage class); a class without rules bills its bytes.
      there: rules of the class that the archive migrates to.
    """
    place = pc.extract_regex(block["uri"], r"(?s)^(?P<store>[a-z0-9]+)://(?P<bucket>[^/]*)")
    store = pc.struct_field(place, "store")
    freed, below, size = block["bytes_freed"], block["bytes_below_cutoff"], block["size"]
    action = pc.if_else(
        pc.and_(pc.equal(block["action"], "keep"), pc.greater(below, 0)), "below-cutoff", block["action"]
    )
    tier = pc.if_else(pc.equal(action, "keep"), "none", pc.fill_null(block["tier_to_kept"], "none"))
    # What holds a copy back is named by its rule: the policy's minimum, or a hold that nobody could look up.
    more = pc.and_(pc.equal(block["rule"], "min-copies"), pc.greater(block["copies_left"], 1))
    classes = block["storage_class"]
    # Older versions are left to the buckets' own lifecycle rules; what waits for people moves until they agree.
    stays = pc.or_(pc.equal(action, "quarantine"), pc.is_in(block["rule"], pa.array(["noncurrent", "delete-marker"])))
    moved = pc.if_else(stays, 0, size)
    elsewhere = pc.is_in(block["rule"], pa.array(["door", "link"]))
    versioned = pc.and_(pc.equal(store, "s3"), pc.not_equal(block["version"], ""))
    rows = pa.table(
        {
            "library": block["library"],
            "store": store,
            "bucket": pc.struct_field(place, "bucket"),
            "storage_class": classes,
            "tier": tier,
            "action": action,
            "objects": pa.repeat(pa.scalar(1, pa.int64()), block.num_rows),
            "bytes": size,
            "bytes_freed": freed,
            "bytes_below_cutoff": below,
            "bytes_extra_copies": pc.if_else(more, size, 0),
            "bytes_hold_unknown": pc.if_else(pc.equal(block["rule"], "hold-unknown"), size, 0),
            "bytes_versioned": pc.if_else(versioned, freed, 0),
            "bytes_billed": billed(store, classes, freed, rules),
            "bytes_billed_below": billed(store, classes, below, rules),
            "bytes_billed_today": billed(store, classes, pc.if_else(elsewhere, 0, size), rules),
            "bytes_billed_moved": at_least(moved, there),
            "bytes_moved": moved,
            "objects_moved": pc.invert(stays).cast(pa.int64()),
            "objects_freed": pc.greater(freed, 0).cast(pa.int64()),
        }
    )
    return total(rows)


def total(rows: pa.Table) -> pa.Table:
    """Sum tallies by their key; in a stated order."""
    sums = rows.group_by(list(KEY)).aggregate([(name, "sum") for name in SUMS])
    named = sums.select([*KEY, *(f"{name}_sum" for name in SUMS)]).rename_columns([*KEY, *SUMS]).cast(TALLY)
    return named.sort_by([(name, "ascending") for name in KEY])


def billed(store, classes, sizes, rules: Mapping[tuple[str, str], ClassRules]):
    """Bytes as billed: a class's minimum size and overhead for each object that has any bytes to free."""
    found = sizes
    for (of_store, of_class), rule in rules.items():
        if rule.minimum_bytes or rule.overhead_bytes:
            of_rule = pc.and_(pc.equal(store, of_store), pc.equal(classes, of_class))
            found = pc.if_else(of_rule, at_least(sizes, rule), found)
    return found


def at_least(sizes, rule: ClassRules | None):
    """Bytes as one class bills them."""
    rule = rule or ClassRules()
    least = pc.add(pc.max_element_wise(sizes, rule.minimum_bytes), rule.overhead_bytes)
    return pc.if_else(pc.greater(sizes, 0), least, sizes)


@dataclass(frozen=True)
class Tally:
    """`tally` with its rules, for a pipeline."""

    rules: Mapping[tuple[str, str], ClassRules]
    there: ClassRules | None = None

    @classmethod
    def make(cls, prices: PriceList, terms: Terms) -> Tally:
        """Take the rules of every class that the price book knows, and of the class that the archive moves to."""
        rules = {(row["store"], row["storage_class"]): None for row in prices.book.get("classes", ())}
        to = terms.destination
        there = prices.class_rules(to.store, to.storage_class) if to else None
        return cls({place: prices.class_rules(*place) for place in rules}, there)

    def __call__(self, block: pa.Table) -> pa.Table:
        return tally(block, self.rules, self.there)


@dataclass(frozen=True)
class Price:
    """`price` over all tallies of a run, as the one reduction of a shuffle."""

    prices: PriceList
    terms: Terms

    def __call__(self, _partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        yield price(blocks["rows"], self.prices, self.terms)


def price(tallies: pa.Table, prices: PriceList, terms: Terms) -> pa.Table:
    """Price tallies: one row by library, store, bucket, storage class, tier and action, in the SAVINGS schema."""
    parts = total(tallies).to_pylist()
    for part in parts:
        part["region"] = terms.regions.get(part["bucket"]) or terms.regions.get(part["library"])
    volumes: dict[Place, int] = {}
    for part in parts:
        volumes[_place(part)] = volumes.get(_place(part), 0) + part["bytes"]
    rows = [_row(part, volumes[_place(part)], prices, terms) for part in parts]
    return pa.Table.from_pylist(rows, schema=SAVINGS.schema)


def _place(part: Mapping) -> Place:
    return Place(part["store"], part["region"], part["storage_class"])


MONEY = (
    "monthly",
    "monthly_low",
    "monthly_high",
    "below_cutoff_monthly",
    "below_cutoff_low",
    "below_cutoff_high",
    "today_monthly",
    "today_low",
    "today_high",
    "after_monthly",
    "extra_copies_monthly",
    "hold_unknown_monthly",
    "yearly",
    "first_year",
    "early_deletion",
    "migration_avoided",
    "migration_cost",
    "moved_monthly",
)


def _row(part: Mapping, volume: int, prices: PriceList, terms: Terms) -> dict:
    """Price one row; money is None where a price isn't known."""
    place = _place(part)
    quote = prices.quote("storage", *place, volume=volume)
    rule = prices.class_rules(part["store"], part["storage_class"])
    moved, said = moving(part, place, volume, prices, terms.destination)
    money = dict.fromkeys(MONEY) | (_stored(part, quote, rule, terms) if quote else {}) | moved
    avoided, early = money["migration_avoided"], money["early_deletion"]
    one_off = (-early if early else None) if avoided is None else avoided - (early or 0)
    notes = {*said, *_notes(part, rule, terms), *([] if quote else [f"no price for {place}"])}
    return {
        **{name: part[name] for name in (*KEY, *SUMS, "region")},
        **{name: to_float(value) for name, value in money.items()},
        "one_off": to_float(one_off),
        "currency": prices.currency,
        "price_source": quote and quote.source,
        "price_date": quote and quote.date,
        "note": "; ".join(sorted(notes)) or None,
    }


def _stored(part: Mapping, quote: Quote, rule: ClassRules, terms: Terms) -> dict[str, Decimal]:
    """Price storing a row's bytes: what is freed, what stays, and for how long it is billed all the same."""
    monthly = quote.of(part["bytes_billed"])
    wait = terms.quarantine_days + (terms.soft_delete_days if part["store"] == "gs" else 0)
    return {
        **_range("monthly", "monthly", quote, part["bytes_billed"]),
        **_range("below_cutoff", "below_cutoff_monthly", quote, part["bytes_billed_below"]),
        **_range("today", "today_monthly", quote, part["bytes_billed_today"]),
        "after_monthly": quote.of(part["bytes_billed_today"]) - monthly,
        "extra_copies_monthly": quote.of(part["bytes_extra_copies"]),
        "hold_unknown_monthly": quote.of(part["bytes_hold_unknown"]),
        "yearly": monthly * MONTHS,
        "first_year": monthly * MONTHS * max(0, DAYS - wait) / DAYS,
        "early_deletion": monthly * MONTHS * _unmet(rule, terms) / DAYS,
    }


def _unmet(rule: ClassRules, terms: Terms) -> int:
    return max(0, rule.minimum_days - terms.quarantine_days)


def _notes(part: Mapping, rule: ClassRules, terms: Terms) -> Iterator[str]:
    if rule.minimum_bytes or rule.overhead_bytes:
        yield f"{part['storage_class']} bills small objects above their size"
    if part["bytes_versioned"]:
        yield "versioned bucket: a plain delete frees nothing, delete the named version"
    if part["bytes_hold_unknown"]:
        rights = HOLD_RIGHTS.get(part["store"], "access")
        yield f"holds that nobody could look up keep some objects (hold_checks says why): that takes {rights}"
    if part["bytes_freed"] and _unmet(rule, terms):
        yield f"{part['storage_class']} bills at least {rule.minimum_days} days: charged if not yet reached"


def _range(name: str, middle: str, quote: Quote, size: int) -> dict:
    low, high = (end * size / quote.unit for end in (quote.low, quote.high))
    return {f"{name}_low": low, middle: quote.of(size), f"{name}_high": high}


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
