"""The report's trade-offs: by distance accepted, by pairs looked at; and which library copies which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import Both, both, per_language
from mirrorfold.transforms.publish.text import human_bytes, human_share

MAX_RADIUS = 12
"""Largest radius that a search by Hamming distance may have; pairs further apart were found by aligning them."""


def whatif_part(facts: Facts) -> dict:
    """Make the two trade-offs: by distance accepted, and by pairs looked at."""
    steps = cumulate_thresholds(facts.thresholds)
    effort = facts.effort if facts.effort and facts.effort[-1]["bytes"] else []

    def thresholds(lang: str) -> Markup:
        aligned = both("whatif.aligned")[lang]
        rows = [row | {"step": aligned if row["step"] is None else f"≤ {row['step']}"} for row in steps]
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
    """Cumulate bytes over the distances, tier by tier; pairs that only alignment finds come last, as step None."""
    near = [row["distance"] for row in rows if row["distance"] is not None and row["distance"] <= MAX_RADIUS]
    steps: list[int | None] = list(range(max(near) + 1)) if near else []
    if len(near) < len(rows):
        steps.append(None)
    out = []
    for tier in charts.TIERS:
        found: dict[int | None, int] = {}
        for row in rows:
            if row["tier"] == tier:
                step = row["distance"] if row["distance"] in steps else None
                found[step] = found.get(step, 0) + row["bytes"]
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
