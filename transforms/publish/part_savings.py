"""The report's savings: by library and tier, in money, and what the clean itself costs."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import Both, both, per_language
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


def costs_part(summary: Mapping | None) -> dict:
    """Say what the clean itself costs, and what the figures rest on."""
    if summary is None:
        return {"costs": [], "notes": [], "prices": []}
    work, scan, currency = summary["review_work"], summary["scan"], summary["currency"]
    required = summary["required_copies"]["bytes"]
    known = (
        ("review_hours", duration(work["hours"]) if work["actions"] else None),
        ("review_cost", human_money(work["cost"], currency) if work["actions"] else None),
        ("break_even", human_bytes(work["break_even_bytes"]) if work["break_even_bytes"] else None),
        ("scan", human_money(scan["cost"], currency)),
        ("pays_back", _months(summary["pays_back_months"])),
        ("required", human_bytes(required) if required else None),
    )
    prices = [
        {
            "what": " ".join(filter(None, (row["store"], row["region"], row["storage_class"], row["item"]))),
            "price": f"{row['mid']:g} {currency} / {row['unit']}",
            "source": f"{row['source']}, {row['date']}" if row["date"] else row["source"],
        }
        for row in summary["prices"]
    ]
    return {"costs": [row for row in known if row[1] is not None], "notes": summary["notes"], "prices": prices}


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
