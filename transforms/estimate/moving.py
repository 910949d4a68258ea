"""What moving objects to another class, region or provider costs once, and what they cost there."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from mirrorfold.transforms.estimate.price_list import PriceList, Quote


class Place(NamedTuple):
    """What a price depends on."""

    store: str
    region: str | None
    storage_class: str

    def __str__(self) -> str:
        return f"{self.store} {self.storage_class} in {self.region or 'an unknown region'}"


class Move(NamedTuple):
    """The price of a move; None where one of its prices isn't known, and which those are."""

    cost: Decimal | None
    unpriced: tuple[str, ...] = ()


def migration(
    objects: int, volume: int, place: Place, prices: PriceList, destination: Place, whole: int | None = None
) -> Move:
    """Price moving objects of `volume` bytes: GET, retrieval and egress at the source, PUT at the destination.

    A local folder is read for nothing; nothing leaves a region that the destination shares; what lies at the
    destination already isn't moved.

    Args:
      whole: bytes that leave the place in all, which choose the step of its price of egress; default: `volume`.
    """
    if place == destination or not objects:
        return Move(Decimal(0))
    found: list[tuple[str, Place, Quote | None, int]] = [
        ("put", destination, prices.quote("put", *destination), objects)
    ]
    if place.store != "file":
        found.append(("get", place, prices.quote("get", *place), objects))
        found.append(("retrieval", place, prices.quote("retrieval", *place), volume))
        if place[:2] != destination[:2]:
            leaving = volume if whole is None else whole
            found.append(("egress", place, prices.quote("egress", *place, volume=leaving), volume))
    unpriced = tuple(f"no price of {item} for {where}" for item, where, quote, _ in found if quote is None)
    known = [quote.of(amount) for _, _, quote, amount in found if quote is not None]
    return Move(None if unpriced else sum(known, Decimal(0)), unpriced)


def moving(
    part: Mapping, place: Place, whole: int, prices: PriceList, destination: Place | None
) -> tuple[dict[str, Decimal | None], list[str]]:
    """Price a row's move: what isn't paid for what is freed, what moving the rest costs, and what it costs there.

    Args:
      part: `objects_freed`, `bytes_freed`, `objects_moved`, `bytes_moved` and `bytes_billed_moved` of the row.
      whole: bytes that the place holds in all.

    Returns:
      `migration_avoided`, `migration_cost` and `moved_monthly`; and what these leave out, for people to read.
    """
    if destination is None:
        return {}, []
    gone, size = part["objects_freed"], part["bytes_freed"]
    avoided = migration(gone, size, place, prices, destination, whole)
    paid = migration(part["objects_moved"], part["bytes_moved"], place, prices, destination, whole)
    there = prices.quote("storage", *destination, volume=whole)
    notes = [f"{unpriced}: moving isn't priced" for unpriced in sorted({*avoided.unpriced, *paid.unpriced})]
    if there is None:
        notes.append(f"no price for {destination}: what the archive costs there isn't known")
    if place != destination and place[:2] == destination[:2]:
        notes.append("moving within a region is priced as a copy: a lifecycle transition has a price of its own")
    days = prices.class_rules(place.store, place.storage_class).minimum_days
    if place != destination and days:
        notes.append(f"leaving {place.storage_class} before its {days} days is charged: not counted for what moves")
    return {
        "migration_avoided": avoided.cost,
        "migration_cost": paid.cost,
        "moved_monthly": None if there is None else there.of(part["bytes_billed_moved"]),
    }, notes
