"""The bill of an archive: what it costs a month today, after the plan, if people agree; and what moving it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from mirrorfold.transforms.estimate.savings import add, to_float

KEYS = {
    "library": ("library",),
    "region": ("store", "region"),
    "bucket": ("store", "bucket"),
    "storage_class": ("store", "storage_class"),
}
"""What a bill is split by, and the columns that tell its parts apart."""


def bill(rows: Iterable[Mapping]) -> dict:
    """Add rows of savings up to a BILL.

    Returns:
      `objects`, `bytes`; `bytes_now`, freed by the plan; `bytes_review`, more if people agree; `bytes_unpriced`, of
      bytes, without a price; `today`, `after` (the plan), `after_review` (and people agree to all): {"low", "mid",
      "high"} a month, of what has a price, or None where nothing has one.
    """
    rows = list(rows)
    priced = [row for row in rows if row["today_monthly"] is not None]
    freed = {name: [row for row in priced if row["action"] == name] for name in ("quarantine", "review")}
    today, now, review = (
        _sums(priced, "today_low", "today_monthly", "today_high"),
        *(_sums(freed[name], "monthly_low", "monthly", "monthly_high") for name in ("quarantine", "review")),
    )
    after = [was - gone for was, gone in zip(today, now, strict=True)]
    agreed = [was - gone for was, gone in zip(after, review, strict=True)]
    return {
        "objects": sum(row["objects"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
        "bytes_now": sum(row["bytes_freed"] for row in rows if row["action"] == "quarantine"),
        "bytes_review": sum(row["bytes_freed"] for row in rows if row["action"] == "review"),
        "bytes_unpriced": sum(row["bytes"] for row in rows if row["today_monthly"] is None),
        **{
            name: span(low, mid, high) if priced else None
            for name, (low, mid, high) in (("today", today), ("after", after), ("after_review", agreed))
        },
    }


def _sums(rows: list[Mapping], *names: str) -> list[Decimal]:
    return [sum((as_decimal(row[name]) or Decimal(0) for row in rows), Decimal(0)) for name in names]


def bills(rows: Iterable[Mapping]) -> dict[str, list[dict]]:
    """Split the bill by library, region, bucket and storage class; the dearest part first, then the largest."""
    rows = list(rows)
    return {name: _split(rows, key) for name, key in KEYS.items()}


def _split(rows: list[Mapping], key: tuple[str, ...]) -> list[dict]:
    groups: dict[tuple, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in key), []).append(row)
    ordered = sorted(groups.items(), key=lambda group: [(text is None, text or "") for text in group[0]])
    found = [{**dict(zip(key, values, strict=True)), **bill(part)} for values, part in ordered]
    return sorted(found, key=lambda part: (-(part["today"] or {"mid": 0})["mid"], -part["bytes"]))


def move(rows: Iterable[Mapping], destination: Mapping | None) -> dict | None:
    """Sum what a migration costs once, what it needn't, and what the archive costs a month there; None without one."""
    if destination is None:
        return None
    rows = list(rows)
    moved = [row for row in rows if row["action"] != "quarantine"]
    avoided = {name: [row for row in rows if row["action"] == name] for name in ("quarantine", "review")}
    return {
        "to": dict(destination),
        "cost": _sum(moved, "migration_cost"),
        "avoided_now": _sum(avoided["quarantine"], "migration_avoided"),
        "avoided_review": _sum(avoided["review"], "migration_avoided"),
        "monthly_there": _sum(moved, "moved_monthly"),
    }


def _sum(rows: Iterable[Mapping], name: str) -> float | None:
    return to_float(add(as_decimal(row[name]) for row in rows))


def as_decimal(value: float | None) -> Decimal | None:
    """Take money out of a table."""
    return None if value is None else Decimal(str(value))


def span(low: Decimal | None, mid: Decimal | None, high: Decimal | None, times: int = 1) -> dict | None:
    """Write a range of money as plain values; None where an end isn't known."""
    if low is None or mid is None or high is None:
        return None
    return {"low": to_float(low * times), "mid": to_float(mid * times), "high": to_float(high * times)}
