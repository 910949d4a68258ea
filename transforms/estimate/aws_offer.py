"""Prices of Amazon S3 out of AWS's own offer file, as streamed events; the file of all regions has 60 MB.

The layout is the vendor's (Price List Bulk API, "Reading the service price list file"): `products` by SKU with free
attributes, then `terms.OnDemand` by SKU with price dimensions whose amounts are strings. What makes a naive reading
wrong: a usage type starts with an abbreviation of the region that is published nowhere, other products end in the same
words (S3 Tables, Vectors), one usage type carries several prices told apart by `operation`, and storage is priced in
steps in no order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO

import ijson

STANDARD = "TimedStorage-ByteHrs"

USAGE: dict[str, tuple[str, str]] = {
    STANDARD: ("STANDARD", "storage"),
    "TimedStorage-RRS-ByteHrs": ("REDUCED_REDUNDANCY", "storage"),
    "TimedStorage-SIA-ByteHrs": ("STANDARD_IA", "storage"),
    "TimedStorage-ZIA-ByteHrs": ("ONEZONE_IA", "storage"),
    "TimedStorage-GIR-ByteHrs": ("GLACIER_IR", "storage"),
    "TimedStorage-GlacierByteHrs": ("GLACIER", "storage"),
    "TimedStorage-GDA-ByteHrs": ("DEEP_ARCHIVE", "storage"),
    "Requests-Tier1": ("STANDARD", "put"),
    "Requests-Tier2": ("STANDARD", "get"),
    **{f"Requests-{short}-Tier1": (name, "put") for short, name in (
        ("SIA", "STANDARD_IA"), ("ZIA", "ONEZONE_IA"), ("GIR", "GLACIER_IR"), ("INT", "INTELLIGENT_TIERING"))},
    **{f"Requests-{short}-Tier2": (name, "get") for short, name in (
        ("SIA", "STANDARD_IA"), ("ZIA", "ONEZONE_IA"), ("GIR", "GLACIER_IR"), ("INT", "INTELLIGENT_TIERING"))},
    "Retrieval-SIA": ("STANDARD_IA", "retrieval"),
    "Retrieval-ZIA": ("ONEZONE_IA", "retrieval"),
    "Retrieval-GIR": ("GLACIER_IR", "retrieval"),
}  # fmt: skip
"""Usage type without its region's prefix: storage class and what is priced. The rest of the file isn't ours."""

TIERING = {
    "TimedStorage-INT-AIA-ByteHrs": "low",
    "TimedStorage-INT-IA-ByteHrs": "mid",
    "TimedStorage-INT-FA-ByteHrs": "high",
}
"""Intelligent-Tiering bills the access tier an object has sunk to, which no listing states: a range."""

UNITS = {"storage": "GiB-month", "retrieval": "GiB", "put": "1000-requests", "get": "1000-requests"}


class OfferFileError(ValueError):
    """The file isn't an AmazonS3 offer file; one line, saying what to mend."""


@dataclass(frozen=True)
class Offer:
    """What an offer file states.

    Attributes:
      version: the file's version.
      date: its publication date, YYYY-MM-DD.
      regions: region codes with storage prices.
      rows: rows of a price book, without `source`, each with its `sku`.
    """

    version: str
    date: str
    regions: tuple[str, ...]
    rows: tuple[dict, ...]


def read_offer(file: BinaryIO) -> Offer:
    """Read an AmazonS3 offer file (index.json of one region, or of all).

    Raises:
      OfferFileError: not JSON, another service's file, a savings plan's, or one without S3 storage.
    """
    try:
        head = _head(file)
        products = _products(file)
        steps = _terms(file, products)
    except ijson.JSONError as error:
        raise OfferFileError(f"not an offer file: {' '.join(str(error).split())}") from None
    rows = sorted((row for row in _rows(products, steps)), key=lambda row: tuple(row[name] for name in _ORDER))
    regions = tuple(sorted({row["region"] for row in rows if row["item"] == "storage"}))
    if not regions:
        raise OfferFileError("the file states no price of S3 storage: download AmazonS3/current/REGION/index.json")
    return Offer(head["version"], head["publicationDate"][:10], regions, tuple(rows))


_ORDER = ("store", "region", "storage_class", "item")


def _head(file: BinaryIO) -> dict[str, str]:
    file.seek(0)
    head: dict[str, str] = {}
    for prefix, event, value in ijson.parse(file):
        if prefix == "products":
            break
        if event == "string":
            head[prefix] = value
    if head.get("offerCode") != "AmazonS3":
        found = head.get("offerCode")
        what = f"it is {found}'s" if found else "it has no offerCode"
        raise OfferFileError(f"not AmazonS3's offer file ({what}): download AmazonS3/current/REGION/index.json")
    missing = [name for name in ("version", "publicationDate") if not head.get(name)]
    if missing:
        raise OfferFileError(f"the offer file states no {missing[0]}: download it again")
    return head


def _products(file: BinaryIO) -> dict[str, dict[str, str]]:
    """The attributes of the products we price, by SKU."""
    file.seek(0)
    found: dict[str, dict[str, str]] = {}
    for sku, product in ijson.kvitems(file, "products"):
        attributes = product.get("attributes") or {}
        usage = str(attributes.get("usagetype", ""))
        if any(usage.endswith(known) for known in (*USAGE, *TIERING)) and not attributes.get("operation"):
            found[sku] = attributes
    prefixes = {
        attributes["regionCode"]: attributes["usagetype"].removesuffix(STANDARD)
        for attributes in found.values()
        if attributes.get("volumeType") == "Standard"
        and attributes.get("storageClass") == "General Purpose"
        and attributes["usagetype"].endswith(STANDARD)
        and attributes.get("regionCode")
    }
    kept = {}
    for sku, attributes in found.items():
        region = attributes.get("regionCode")
        if region not in prefixes or not attributes["usagetype"].startswith(prefixes[region]):
            continue
        usage = attributes["usagetype"][len(prefixes[region]) :]
        if usage == STANDARD and attributes.get("volumeType") != "Standard":
            continue
        if usage in USAGE or usage in TIERING:
            kept[sku] = {"region": region, "usage": usage}
    return kept


def _terms(file: BinaryIO, products: dict) -> dict[str, list[dict]]:
    """The price steps of those products, by SKU, in order of volume."""
    file.seek(0)
    steps: dict[str, list[dict]] = {}
    for sku, terms in ijson.kvitems(file, "terms.OnDemand"):
        if sku not in products:
            continue
        for term in terms.values():
            for dimension in term["priceDimensions"].values():
                amount = dimension["pricePerUnit"].get("USD")
                if amount is not None:
                    start = str(dimension.get("beginRange") or "0")
                    steps.setdefault(sku, []).append({"from": start, "amount": amount})
        steps.get(sku, []).sort(key=lambda step: float(step["from"]))
    return steps


def _rows(products: dict, steps: dict[str, list[dict]]) -> Iterator[dict]:
    ranges: dict[str, dict[str, tuple[str, str]]] = {}
    for sku, product in products.items():
        found = steps.get(sku)
        if not found:
            continue
        if product["usage"] in TIERING:
            ranges.setdefault(product["region"], {})[TIERING[product["usage"]]] = (_plain(found[0]["amount"]), sku)
            continue
        storage_class, item = USAGE[product["usage"]]
        yield {**_place(product["region"], storage_class, item), **_amount(found, item), "sku": sku}
        if (storage_class, item) == ("STANDARD", "put"):
            yield {**_place(product["region"], "*", "list"), **_amount(found, item), "sku": sku}
    for region, bounds in ranges.items():
        if len(bounds) == len(TIERING):
            amounts = {name: bounds[name][0] for name in ("low", "mid", "high")}
            if float(amounts["low"]) <= float(amounts["mid"]) <= float(amounts["high"]):
                sku = " ".join(bounds[name][1] for name in ("low", "mid", "high"))
                yield {**_place(region, "INTELLIGENT_TIERING", "storage"), **amounts, "sku": sku}


def _place(region: str, storage_class: str, item: str) -> dict:
    per = UNITS["put" if item == "list" else item]
    return {"store": "s3", "region": region, "storage_class": storage_class, "item": item, "per": per}


def _amount(steps: list[dict], item: str) -> dict:
    # Requests are priced one by one in the file and per thousand in a book.
    times = 1000 if item in ("put", "get") else 1
    if len(steps) == 1:
        return {"amount": _plain(steps[0]["amount"], times)}
    return {"tiers": [{"from": _plain(step["from"]), "amount": _plain(step["amount"], times)} for step in steps]}


def _plain(text: str, times: int = 1) -> str:
    """Write a decimal without trailing zeros or an exponent."""
    value = f"{Decimal(text) * times:f}"
    return value.rstrip("0").rstrip(".") if "." in value else value
