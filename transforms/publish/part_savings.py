"""The report's savings: by library and tier, in money, and what the clean itself costs."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import Both, both, per_language
from mirrorfold.transforms.publish.note_words import note_words
from mirrorfold.transforms.publish.text import human_bytes, human_money


def savings_part(facts: Facts, summary: Mapping | None) -> dict:
    """Make the savings chart and its tables."""
    rows: dict[str, dict[str, int]] = {
        row["library"]: {"objects": row["objects"], "bytes": row["bytes"], "now": 0, "people": 0, "below": 0}
        for row in facts.libraries
    }
    bars: dict[tuple[str, str], int] = {}
    for row in facts.plan:
        into = rows[row["library"]]
        into["below"] += row["below"]
        now = row["freed"] if row["action"] == "quarantine" else 0
        into["now"] += now
        into["people"] += row["waits"]
        if now + row["waits"]:
            bar = (row["library"], row["tier"] if row["tier"] in charts.TIERS else charts.TIERS[-1])
            bars[bar] = bars.get(bar, 0) + now + row["waits"]
    total = {name: sum(row[name] for row in rows.values()) for name in ("objects", "bytes", "now", "people", "below")}
    bar_rows = [{"library": library, "tier": tier, "bytes": size} for (library, tier), size in sorted(bars.items())]
    chart = per_language(lambda lang: charts.savings_chart(bar_rows, both("savings.chart")[lang])) if bars else None
    return {
        "savings_chart": chart,
        "library_rows": [{"library": library, **_written(row)} for library, row in rows.items()],
        "library_total": _written(total),
        "money_rows": money_rows(summary),
        "bill": bill_part(summary),
        **costs_part(summary),
    }


def _written(row: Mapping[str, int]) -> dict[str, str]:
    sizes = {name: human_bytes(value) if value else "–" for name, value in row.items() if name != "objects"}
    return {"objects": f"{row['objects']:,}", **sizes}


def money_rows(summary: Mapping | None) -> list[dict]:
    """Make the rows of the money table: now, with people, below the cut-off."""
    if summary is None or not any(summary[name]["monthly"] for name in ("now", "review", "below_cutoff")):
        return []
    parts = (("quarantine", "now"), ("review", "review"), ("below-cutoff", "below_cutoff"))
    found = [(action, summary[name]) for action, name in parts if summary[name]["objects"]]
    unknown, currency = both("savings.unknown"), summary["currency"]
    return [
        {
            "label": both(f"actions.{action}"),
            "monthly": money_range(part["monthly"], currency) or unknown,
            "yearly": human_money(part["first_year"], currency) or unknown,
            "one_off": human_money(part["one_off"], currency) or unknown,
        }
        for action, part in found
    ]


BILL = ("today", "after", "after_review")
PLACES = ("library", "store", "region", "bucket", "storage_class")
BUCKETS = 100
"""Most rows that a part of the bill shows: the dearest; the table `savings` has all."""


def bill_part(summary: Mapping | None) -> list[dict]:
    """Make the bill's tables: all of it, then by library, region, bucket and class where there are several."""
    if summary is None or summary["bill"]["today"] is None:
        return []
    found = []
    for name, parts in {"all": [summary["bill"]], **summary["bill_by"]}.items():
        if name == "all" or len(parts) > 1:
            rows = [_bill_row(part, summary["currency"]) for part in parts[:BUCKETS]]
            found.append({"title": both(f"bill.by_{name}"), "rows": rows})
    return found


def _bill_row(part: Mapping, currency: str) -> dict:
    unknown = both("savings.unknown")
    label = " ".join(part[column] or "–" for column in PLACES if column in part)
    money = {key: money_range(part[key], currency) or unknown for key in BILL}
    return {"label": label, "bytes": human_bytes(part["bytes"]), **money}


def costs_part(summary: Mapping | None) -> dict:
    """Say what the clean itself costs, and what the figures rest on."""
    if summary is None:
        return {"costs": [], "notes": [], "prices": []}
    work, scan, currency = summary["review_work"], summary["scan"], summary["currency"]
    required, unknown_holds = summary["required_copies"]["bytes"], summary["unknown_holds"]["bytes"]
    move = summary["move"] or dict.fromkeys(("cost", "avoided_now", "monthly_there"))
    known = (
        ("review_hours", duration(work["hours"]) if work["actions"] else None),
        ("review_cost", human_money(work["cost"], currency) if work["actions"] else None),
        ("break_even", human_bytes(work["break_even_bytes"]) if work["break_even_bytes"] else None),
        ("scan", human_money(scan["cost"], currency)),
        ("egress", human_money(scan["cost_egress"], currency)),
        ("pays_back", _months(summary["pays_back_months"])),
        ("required", human_bytes(required) if required else None),
        ("unknown_holds", human_bytes(unknown_holds) if unknown_holds else None),
        ("move", human_money(move["cost"], currency)),
        ("move_avoided", human_money(move["avoided_now"], currency)),
        ("move_there", human_money(move["monthly_there"], currency)),
    )
    prices = [
        {
            "what": " ".join(filter(None, (row["store"], row["region"], row["storage_class"], row["item"]))),
            "price": f"{row['mid']:g} {currency} / {row['unit']}",
            "source": f"{row['source']}, {row['date']}" if row["date"] else row["source"],
        }
        for row in summary["prices"]
    ]
    notes = [note_words(note) for note in summary["notes"]]
    return {"costs": [row for row in known if row[1] is not None], "notes": notes, "prices": prices}


def _months(months: float | None) -> Both | None:
    return None if months is None else both("costs.months", n=f"{months:,.1f}")


def money_range(money: Mapping | None, currency: str) -> str | None:
    """Write a low to high range, or one figure where they read the same."""
    if money is None:
        return None
    low, mid, high = (human_money(money[name], currency) or "" for name in ("low", "mid", "high"))
    return mid if low == high else f"{low}–{high.removeprefix(currency).strip()}"


def duration(hours: float) -> Both:
    """Write a time that people spend."""
    if hours < 1.5:
        return both("report.minutes", n=max(1, round(hours * 60)))
    return both("report.hours", n=f"{hours:,.1f}" if hours < 10 else f"{hours:,.0f}")
