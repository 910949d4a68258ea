"""Charts as SVG text that a page can hold: drawn by Vega-Lite, coloured by the page's own CSS variables.

Vega-Lite comes as one wheel without dependencies, needs no network and no display, and writes presentation attributes
only, so its SVG stands in a page under a strict Content-Security-Policy, follows light and dark, and stays text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import vl_convert
from markupsafe import Markup

WIDTH = 840
TIERS = ("identical", "same-picture", "near-certain", "probable")
COLOURS = tuple(f"var(--tier-{number})" for number in range(1, len(TIERS) + 1))

UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")

CONFIG = {
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)",
        "gridColor": "var(--line)", "tickColor": "var(--line)", "domainColor": "var(--line)",
        "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal",
        "titlePadding": 10, "labelPadding": 6, "tickCount": 6, "labelLimit": 220,
    },
}  # fmt: skip


def unit_for(largest: float) -> tuple[str, float]:
    """Choose the decimal unit in which the largest value of a chart reads well."""
    power = 0
    while power < len(UNITS) - 1 and largest >= 1000 ** (power + 1):
        power += 1
    return UNITS[power], 1000.0**power


def savings_chart(rows: Sequence[dict], label: str) -> Markup:
    """Draw bytes freed by library (bars) and tier (parts). Rows: library, tier, bytes."""
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["library"]] = totals.get(row["library"], 0) + row["bytes"]
    unit, scale = unit_for(max(totals.values(), default=0))
    data = [
        {"library": row["library"], "tier": row["tier"], "place": TIERS.index(row["tier"]), unit: row["bytes"] / scale}
        for row in rows
    ]
    order = sorted(totals, key=lambda library: (-totals[library], library))
    encoding = {
        "y": {"field": "library", "type": "nominal", "sort": order, "title": None},
        "x": {"field": unit, "type": "quantitative", "title": unit, "stack": "zero"},
        "color": _tier_colours(),
        "order": {"field": "place", "type": "quantitative"},
    }
    mark = {"type": "bar", "stroke": "var(--card)", "strokeWidth": 1}
    return _draw(
        {"data": {"values": data}, "mark": mark, "encoding": encoding, "height": {"step": 34}}, "savings", label
    )


def threshold_chart(rows: Sequence[dict], axis: str, label: str) -> Markup:
    """Draw bytes freed when everything up to a distance is accepted. Rows: step, place, tier, bytes (cumulated)."""
    sums: dict[int, int] = {}
    for row in rows:
        sums[row["place"]] = sums.get(row["place"], 0) + row["bytes"]
    unit, scale = unit_for(max(sums.values(), default=0))
    data = [
        {"step": row["step"], "tier": row["tier"], "place": TIERS.index(row["tier"]), unit: row["bytes"] / scale}
        for row in rows
    ]
    steps = [row["step"] for row in sorted(rows, key=lambda row: row["place"])]
    encoding = {
        "x": {
            "field": "step", "type": "ordinal", "sort": list(dict.fromkeys(steps)), "title": axis,
            "axis": {"labelAngle": 0},
        },
        "y": {"field": unit, "type": "quantitative", "title": unit, "stack": "zero"},
        "color": _tier_colours(),
        "order": {"field": "place", "type": "quantitative"},
    }  # fmt: skip
    mark = {"type": "bar", "stroke": "var(--card)", "strokeWidth": 1, "width": {"band": 0.72}}
    return _draw({"data": {"values": data}, "mark": mark, "encoding": encoding, "height": 220}, "threshold", label)


def effort_chart(rows: Sequence[dict], axis: str, label: str) -> Markup:
    """Draw the bytes freed against the pairs looked at. Rows: pairs, bytes, both cumulated."""
    unit, scale = unit_for(max((row["bytes"] for row in rows), default=0))
    data = [{"pairs": 0, unit: 0}] + [{"pairs": row["pairs"], unit: row["bytes"] / scale} for row in rows]
    encoding = {
        "x": {"field": "pairs", "type": "quantitative", "title": axis, "axis": {"grid": False, "tickMinStep": 1}},
        "y": {"field": unit, "type": "quantitative", "title": unit},
    }
    mark = {
        "type": "area", "line": {"color": "var(--accent)", "strokeWidth": 2}, "color": "var(--tier-4)",
        "interpolate": "monotone",
    }  # fmt: skip
    return _draw({"data": {"values": data}, "mark": mark, "encoding": encoding, "height": 200}, "effort", label)


def _tier_colours() -> dict:
    return {
        "field": "tier",
        "type": "nominal",
        "scale": {"domain": list(TIERS), "range": list(COLOURS)},
        "legend": None,
    }


def _draw(spec: dict, name: str, label: str) -> Markup:
    whole = {"width": WIDTH, "config": CONFIG, "padding": 4, "description": label, **spec}
    svg = vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
    return Markup(_settled(svg, f"{name}-{abs(hash_of(label))}"))


def hash_of(text: str) -> int:
    """Give a small stable number for a text (Python's own hash differs between runs)."""
    return sum((index + 1) * ord(character) for index, character in enumerate(text))


def _settled(svg: str, name: str) -> str:
    """Number clip paths anew: Vega counts them through the process, and ids must be unique within a page."""
    numbers: dict[str, str] = {}

    def renamed(match: re.Match) -> str:
        return numbers.setdefault(match.group(0), f"{name}-clip{len(numbers)}")

    settled = re.sub(r"\bclip\d+\b", renamed, svg)
    return re.sub(r'width="([\d.]+)" height="([\d.]+)" viewBox', r"viewBox", settled, count=1)
