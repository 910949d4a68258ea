"""Looking up prices in one currency. A price that no book states is None, never a guess."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

UNIT_BYTES = {"GB": 10**9, "GiB": 2**30}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Quote:
    """A price in the list's currency, as a range; a point has all three equal.

    Attributes:
      low, mid, high: money per unit.
      unit: bytes per unit for bytes; requests per unit for requests; 1 for hours.
      source: who states it.
      date: when it was stated; None for a run's own settings.
    """

    low: Decimal
    mid: Decimal
    high: Decimal
    unit: int
    source: str
    date: datetime.date | None

    def of(self, amount: int | Decimal) -> Decimal:
        """Price an amount of bytes, requests or hours at the middle of the range."""
        return self.mid * amount / self.unit


@dataclass(frozen=True)
class ClassRules:
    """What a storage class bills beyond the bytes themselves."""

    minimum_days: int = 0
    minimum_bytes: int = 0
    overhead_bytes: int = 0


@dataclass(frozen=True)
class PriceList:
    """A price book in one currency.

    Attributes:
      book: mapping as `configs.prices.load_prices` gives it.
      currency: ISO 4217 code that every quote is in.
      exchange_rates: units of `currency` for one unit of another, over the book's own rates.
    """

    book: Mapping
    currency: str
    exchange_rates: Mapping[str, object]

    @classmethod
    def make(cls, book: Mapping, settings: Mapping) -> PriceList:
        """Make the list that settings ask for: their currency, their rates, their price of local folders."""
        local = settings.get("local_per_gb_month")
        currency = settings.get("currency", "USD")
        if local is not None:
            row = {
                "store": "file",
                "region": "*",
                "storage_class": "*",
                "item": "storage",
                "amount": str(local),
                "per": "GB-month",
                "currency": currency,
                "source": "settings: prices.local_per_gb_month",
                "date": None,
            }
            book = {**book, "prices": [*book["prices"], row]}
        rates = {**({"USD": dollar} if (dollar := settings.get("exchange_rate")) else {}),
                 **(settings.get("exchange_rates") or {})}  # fmt: skip
        return cls(book, currency, rates)

    def quote(
        self, item: str, store: str = "*", region: str | None = None, storage_class: str = "*", volume: int = 0
    ) -> Quote | None:
        """Look a price up; None where the book has none or its currency can't be converted.

        The most exact row wins: the class's own, then the region's, then one for every region. `volume` in bytes picks
        the middle of a price in steps; its ends are the first and the last step, because an account may hold more.
        """
        region = region or UNKNOWN
        for key in (
            (store, region, storage_class),
            (store, region, "*"),
            (store, "*", storage_class),
            (store, "*", "*"),
            ("*", "*", "*"),
        ):
            for row in self.book["prices"]:
                if row["item"] == item and (row["store"], row["region"], row["storage_class"]) == key:
                    return self._quote(row, volume)
        return None

    def rate(self, currency: str) -> Decimal | None:
        """Units of the list's currency for one unit of another, or None where nobody states a rate.

        Where no rate is stated directly, one through a third currency is used: HKD to USD by the book, USD to EUR by
        the settings.
        """
        direct = self._direct(currency)
        if direct is not None:
            return direct
        for origin, target, rate in self._stated():
            onward = self._direct(target) if origin == currency else None
            if onward is not None:
                return rate * onward
        return None

    def _direct(self, currency: str) -> Decimal | None:
        if currency == self.currency:
            return Decimal(1)
        if currency in self.exchange_rates:
            return Decimal(str(self.exchange_rates[currency]))
        stated = (rate for origin, target, rate in self._stated() if (origin, target) == (currency, self.currency))
        return next(stated, None)

    def _stated(self) -> Iterator[tuple[str, str, Decimal]]:
        for row in self.book.get("exchange", ()):
            yield row["from"], row["to"], Decimal(row["rate"])
            yield row["to"], row["from"], 1 / Decimal(row["rate"])

    def class_rules(self, store: str, storage_class: str) -> ClassRules:
        """Minimums and overhead of a storage class; none where the book states none."""
        for row in self.book.get("classes", ()):
            if (row["store"], row["storage_class"]) == (store, storage_class):
                return ClassRules(row["minimum_days"], row["minimum_bytes"], row["overhead_bytes"])
        return ClassRules()

    def _quote(self, row: Mapping, volume: int) -> Quote | None:
        rate = self.rate(row["currency"])
        if rate is None:
            return None
        unit = _unit(row["per"])
        low, mid, high = (amount * rate for amount in _range(row, Decimal(volume) / unit))
        return Quote(low, mid, high, unit, row["source"], row["date"] and datetime.date.fromisoformat(row["date"]))


def _unit(per: str) -> int:
    if per == "hour":
        return 1
    if per == "1000-requests":
        return 1000
    return UNIT_BYTES[per.removesuffix("-month")]


def _range(row: Mapping, volume: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    if row.get("tiers"):
        amounts = [Decimal(step["amount"]) for step in row["tiers"]]
        reached = [Decimal(step["amount"]) for step in row["tiers"] if Decimal(step["from"]) <= volume]
        return min(amounts), reached[-1], max(amounts)
    if row.get("amount") is not None:
        return (Decimal(row["amount"]),) * 3
    return Decimal(row["low"]), Decimal(row["mid"]), Decimal(row["high"])
