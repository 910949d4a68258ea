"""report.html: one file that a manager reads and a data engineer trusts; no script, no network."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import LANGUAGES, Both, both, both_or
from mirrorfold.transforms.publish.policy_words import policy_lines
from mirrorfold.transforms.publish.text import human_bytes, human_money, human_share, visible
from mirrorfold.transforms.publish.wilson import wilson

SECONDS_PER_PAIR = 5
"""How long a person looks at one pair, where the estimate doesn't say."""


@dataclass(frozen=True)
class Picture:
    """A small picture for a page: WebP bytes; `sketch` when it was drawn from the stored luma."""

    data: bytes
    sketch: bool = False

    @property
    def data_uri(self) -> str:
        return "data:image/webp;base64," + base64.b64encode(self.data).decode()


@dataclass(frozen=True)
class Report:
    """All that the report is made of.

    Attributes:
      summary: what transforms.estimate.summary gives, or None without prices.
      verdicts: by tier: pairs of the quality sample that people looked at, and those that are the same picture.
      provenance: (name, value) of what the run was made from; names as in strings `reproduce`.
      commands: again, check, ask: shell lines.
    """

    facts: Facts
    policy: Mapping
    policy_hash: str
    policy_source: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    summary: Mapping | None = None
    verdicts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    provenance: Sequence[tuple[str, str]] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    review_link: str | None = "review/index.html"
    language: str = "en"


def environment() -> Environment:
    """Make the template environment: everything is escaped, and a name that is missing is an error."""
    env = Environment(
        loader=PackageLoader("mirrorfold.transforms.publish"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters["visible"] = _visible
    env.globals["t"] = both
    return env


def _visible(value: object, limit: int = 1_000) -> Markup:
    return visible(", ".join(value) if isinstance(value, list) else str(value or ""), limit)


def style_hash(style: str) -> str:
    """Give a style sheet's source expression for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def render(report: Report) -> str:
    """Render the whole page."""
    style = (importlib.resources.files("mirrorfold.transforms.publish") / "static" / "report.css").read_text("utf-8")
    facts = report.facts
    sums = sums_by_action(facts.plan)
    context = {
        "language": report.language,
        "style": Markup(style),
        "style_hash": Markup(style_hash(style)),
        "headline": headline(report, sums),
        "bar": archive_bar(sums),
        "cards": cards(report, sums),
        "review_link": report.review_link if facts.totals["asked"] else None,
        "tiers": [
            {"name": name, "label": both(f"tiers.{name}"), "note": both(f"tier_notes.{name}")} for name in charts.TIERS
        ],
        **savings_part(report),
        **whatif_part(facts),
        **mirrors_part(facts),
        "clusters": cluster_cards(report),
        "formats": [
            {**row, "contents": f"{row['contents']:,}", "bytes": human_bytes(row["bytes"])} for row in facts.formats
        ],
        "failures": [failure_row(row) for row in facts.failures],
        "policy_intro": both("policy.intro", hash=Markup("<code>{}</code>").format(report.policy_hash[:12])),
        "policy_lines": policy_lines(report.policy),
        "policy_source": report.policy_source,
        "precision": [precision_row(tier, *report.verdicts.get(tier, (0, 0))) for tier in charts.TIERS[1:]],
        "provenance": report.provenance,
        "commands": {name: report.commands.get(name, "") for name in ("again", "check", "ask")},
    }
    return environment().get_template("report.html.j2").render(context)


def sums_by_action(plan: Sequence[Mapping]) -> dict[str, dict[str, int]]:
    """Sum objects and bytes by what happens to them; what is below the cut-off is apart from what is kept."""
    sums = {name: {"objects": 0, "bytes": 0} for name in ("quarantine", "review", "below", "keep", "blocked")}
    for row in plan:
        found = sums[row["action"]]
        found["objects"] += row["objects"] - row["below_objects"]
        found["bytes"] += row["bytes"] - row["below"]
        sums["below"]["objects"] += row["below_objects"]
        sums["below"]["bytes"] += row["below"]
    return sums


def headline(report: Report, sums: Mapping) -> dict:
    """Say the one thing that matters, in one line."""
    totals, now = report.facts.totals, sums["quarantine"]
    total = human_bytes(totals["bytes"])
    monthly = (report.summary or {}).get("now", {}).get("monthly")
    if now["bytes"]:
        share = human_share(now["bytes"], totals["bytes"])
        why = both("report.headline_now_why", share=share, total=total, objects=f"{now['objects']:,}")
        money = (
            both("report.money_monthly", money=money_range(monthly, report.summary["currency"])) if monthly else None
        )
        return {"title": both("report.headline_now", bytes=human_bytes(now["bytes"])), "why": why, "money": money}
    if sums["review"]["bytes"]:
        why = both("report.headline_none_why", review=human_bytes(sums["review"]["bytes"]))
    else:
        why = both("report.headline_empty_why", objects=f"{totals['objects']:,}", total=total)
    return {"title": both("report.headline_none"), "why": why, "money": None}


def money_range(money: Mapping | None, currency: str) -> str | None:
    """Write a low to high range, or one figure where they read the same."""
    if money is None:
        return None
    low, mid, high = (human_money(money[name], currency) for name in ("low", "mid", "high"))
    return mid if low == high else f"{low}–{high.removeprefix(currency).strip()}"


def archive_bar(sums: Mapping) -> list[dict]:
    """Lay the actions out along a bar 1,000 wide; what isn't nothing stays visible."""
    names = [name for name in ("quarantine", "review", "below", "keep", "blocked") if sums[name]["bytes"]]
    total = sum(sums[name]["bytes"] for name in names)
    widths = [max(4.0, 1000 * sums[name]["bytes"] / total) for name in names]
    parts, x = [], 0.0
    for name, width in zip(names, widths, strict=True):
        width *= 1000 / sum(widths)
        label = both("actions." + {"below": "below-cutoff"}.get(name, name))
        size = human_bytes(sums[name]["bytes"])
        parts.append(
            {"action": name, "x": f"{x:.1f}", "width": f"{width:.1f}", "name": label, "bytes": size,
             "title": f"{label[LANGUAGES[0]]} · {label[LANGUAGES[1]]}: {size}"}
        )  # fmt: skip
        x += width
    return parts


def cards(report: Report, sums: Mapping) -> list[dict]:
    """Make the three figures below the headline."""
    facts, work = report.facts, (report.summary or {}).get("review_work") or {}
    asked = facts.effort[-1]["pairs"] if facts.effort else 0
    hours = work.get("hours") if work.get("hours") is not None else asked * SECONDS_PER_PAIR / 3600
    kept = sums["keep"]["objects"] + sums["blocked"]["objects"]
    return [
        {
            "label": both("report.card_people"), "figure": human_bytes(sums["review"]["bytes"]),
            "note": both("report.card_people_note", pairs=f"{asked:,}", hours=duration(hours)),
        },
        {
            "label": both("report.card_below"), "figure": human_bytes(sums["below"]["bytes"]),
            "note": both("report.card_below_note", objects=f"{sums['below']['objects']:,}"),
        },
        {
            "label": both("report.card_kept"), "figure": human_bytes(sums["keep"]["bytes"] + sums["blocked"]["bytes"]),
            "note": both("report.card_kept_note", objects=f"{kept:,}", blocked=f"{sums['blocked']['objects']:,}"),
        },
    ]  # fmt: skip


def duration(hours: float) -> Both:
    """Write a time that people spend."""
    if hours < 1.5:
        return both("report.minutes", n=max(1, round(hours * 60)))
    return both("report.hours", n=f"{hours:,.1f}" if hours < 10 else f"{hours:,.0f}")


def savings_part(report: Report) -> dict:
    """Make the savings chart and its tables."""
    rows: dict[str, dict[str, int]] = {
        row["library"]: {"objects": row["objects"], "bytes": row["bytes"], "now": 0, "people": 0, "below": 0}
        for row in report.facts.libraries
    }
    bars: dict[tuple[str, str], int] = {}
    for row in report.facts.plan:
        into = rows[row["library"]]
        into["below"] += row["below"]
        if row["freed"]:
            into["now" if row["action"] == "quarantine" else "people"] += row["freed"]
            bar = (row["library"], row["tier"] if row["tier"] in charts.TIERS else charts.TIERS[-1])
            bars[bar] = bars.get(bar, 0) + row["freed"]
    total = {name: sum(row[name] for row in rows.values()) for name in ("objects", "bytes", "now", "people", "below")}
    bar_rows = [{"library": library, "tier": tier, "bytes": size} for (library, tier), size in sorted(bars.items())]
    chart = per_language(lambda lang: charts.savings_chart(bar_rows, both("savings.chart")[lang])) if bars else None
    return {
        "savings_chart": chart,
        "library_rows": [{"library": library, **_written(row)} for library, row in rows.items()],
        "library_total": _written(total),
        "money_rows": money_rows(report.summary),
    }


def _written(row: Mapping[str, int]) -> dict[str, str]:
    sizes = {name: human_bytes(value) if value else "–" for name, value in row.items() if name != "objects"}
    return {"objects": f"{row['objects']:,}", **sizes}


def money_rows(summary: Mapping | None) -> list[dict]:
    """Make the rows of the money table: now, with people, below the cut-off."""
    if summary is None:
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


def whatif_part(facts: Facts) -> dict:
    """Make the two trade-offs: by distance accepted, and by pairs looked at."""
    steps = cumulate_thresholds(facts.thresholds)
    effort = facts.effort if facts.effort and facts.effort[-1]["bytes"] else []

    def thresholds(lang: str) -> Markup:
        rows = [
            row | {"step": both("whatif.aligned")[lang] if row["step"] is None else f"≤ {row['step']}"} for row in steps
        ]
        return charts.threshold_chart(rows, both("whatif.axis_threshold")[lang], both("whatif.chart_threshold")[lang])

    def efforts(lang: str) -> Markup:
        return charts.effort_chart(effort, both("whatif.axis_effort")[lang], both("whatif.chart_effort")[lang])

    return {
        "threshold_chart": per_language(thresholds) if steps else None,
        "effort_chart": per_language(efforts) if len(effort) > 2 else None,
        "effort_said": effort_said(effort),
    }


def effort_said(effort: Sequence[Mapping], share: float = 0.8) -> Both | None:
    """Say how few pairs hold most of the bytes."""
    if len(effort) < 3:
        return None
    last = effort[-1]
    first = next(row for row in effort if row["bytes"] >= share * last["bytes"])
    return both(
        "whatif.effort_said", pairs=f"{first['pairs']:,}", all=f"{last['pairs']:,}",
        share=human_share(first["bytes"], last["bytes"]),
    )  # fmt: skip


def cumulate_thresholds(rows: Sequence[Mapping]) -> list[dict]:
    """Cumulate bytes over the distances, tier by tier; pairs found by alignment alone (no distance) come last."""
    distances = sorted({row["distance"] for row in rows if row["distance"] is not None})
    steps = list(range(distances[-1] + 1)) if distances and distances[-1] <= 16 else distances
    if any(row["distance"] is None for row in rows):
        steps = [*steps, None]
    out = []
    for tier in charts.TIERS:
        found = {row["distance"]: row["bytes"] for row in rows if row["tier"] == tier}
        total = 0
        for place, step in enumerate(steps):
            total += found.get(step, 0)
            if found:
                out.append({"step": step, "place": place, "tier": tier, "bytes": total})
    return out


def mirrors_part(facts: Facts) -> dict:
    """Make the matrix of who copies whom."""
    sizes = {row["library"]: row["bytes"] for row in facts.libraries}
    shared = {(row["library"], row["other"]): row["bytes"] for row in facts.mirrors}
    if not shared:
        return {"mirrors": [], "mirror_names": []}
    return {
        "mirror_names": list(sizes),
        "mirrors": [
            {"library": one, "cells": [_cell(shared.get((one, other), 0), sizes[one]) for other in sizes]}
            for one in sizes
        ],
    }


def _cell(part: int, whole: int) -> dict:
    share = part / whole if whole else 0
    heat = 0 if not part else 1 + sum(share >= step for step in (0.1, 0.3, 0.5, 0.75))
    return {
        "share": human_share(part, whole) if part else "–",
        "heat": heat,
        "bytes": human_bytes(part) if part else "",
    }


def cluster_cards(report: Report) -> list[dict]:
    """Make the largest clusters with their pictures."""
    members: dict[str, list[Mapping]] = {}
    for row in report.facts.members:
        members.setdefault(row["cluster_id"], []).append(row)
    return [
        {
            "freed": both("clusters.freed", now=human_bytes(row["freed"]), review=human_bytes(row["review"])),
            "objects": both("clusters.objects", objects=f"{row['objects']:,}", contents=f"{row['contents']:,}"),
            "libraries": row["libraries"],
            "shots": [_shot(member, report.pictures) for member in members.get(row["cluster_id"], [])],
        }
        for row in report.facts.largest
        if row["freed"] or row["review"]
    ]


def _shot(member: Mapping, pictures: Mapping[str, Picture]) -> dict:
    picture = pictures.get(member["content_id"])
    label = both("clusters.kept") if member["is_master"] else both_or(f"kinds.{member['kind']}", member["kind_text"])
    facts = [f"{member['width']:,} × {member['height']:,}"] if member["width"] else []
    if member["objects"] > 1:
        facts.append(f"× {member['objects']:,}")
    return {
        "kept": member["is_master"],
        "image": picture and picture.data_uri,
        "sketch": bool(picture and picture.sketch),
        "label": label,
        "facts": " · ".join([*facts, human_bytes(member["size"])]),
        "uri": member["uri"],
    }


def failure_row(row: Mapping) -> dict:
    """Write one row of what wasn't read."""
    return {
        **row,
        "objects": f"{row['objects']:,}",
        "text": both_or(f"codes.{row['error']}", escape(row["error"])),
        "stage": both_or(f"failures.stage_{row['stage']}", row["stage"]),
    }


def precision_row(tier: str, looked: int, right: int) -> dict:
    """Write what people's verdicts on the sample say of a tier."""
    low, high = wilson(right, looked)
    interval = f"{100 * right / looked:.1f} % ({100 * low:.1f}–{100 * high:.1f} %)" if looked else both("sure.none_yet")
    return {
        "tier": both(f"tiers.{tier}"),
        "looked": f"{looked:,}",
        "right": f"{right:,}" if looked else "–",
        "interval": interval,
    }


def per_language(draw) -> Both:
    """Draw a chart once for each language."""
    return Both({lang: draw(lang) for lang in LANGUAGES})
