"""What leaves a cloud's region because the workers that read it are elsewhere, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from mirrorfold.transforms.estimate.price_list import PriceList


class Leaving(NamedTuple):
    """Bytes that leave a region; `cost` is None where no book prices them."""

    store: str
    region: str
    bytes: int
    cost: Decimal | None


def leaving(places: Mapping[tuple, Mapping], workers: str | None, prices: PriceList) -> list[Leaving]:
    """Give what workers in a region read out of others; nothing where theirs isn't known, or a bucket's isn't.

    Args:
      places: {(store, region, storage_class): {"bytes": n}}, of what a run reads.
    """
    volumes: dict[tuple[str, str], int] = {}
    for (store, region, _), counts in places.items():
        if workers and region and store != "file" and region != workers and counts.get("bytes"):
            volumes[store, region] = volumes.get((store, region), 0) + counts["bytes"]
    found = []
    for (store, region), volume in sorted(volumes.items()):
        quote = prices.quote("egress", store, region, "*", volume=volume)
        found.append(Leaving(store, region, volume, quote.of(volume) if quote else None))
    return found


def egress_notes(found: list[Leaving], workers: str | None, currency: str) -> list[str]:
    """Warn of each region that is read from another."""
    said = []
    for out in found:
        size = f"{out.bytes / 1e9:,.1f} GB"
        money = "which has no price" if out.cost is None else f"{currency} {out.cost:,.2f}"
        said.append(f"{size} are read out of {out.store} {out.region} by workers in {workers}: egress, {money}")
    return said
