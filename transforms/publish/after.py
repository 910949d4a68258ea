"""after-the-move.html: what a reconciliation found, and the saving as it came true; no script, no network."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from mirrorfold.schemas.realised import PARTS
from mirrorfold.transforms.publish.environment import environment
from mirrorfold.transforms.publish.languages import NAMES
from mirrorfold.transforms.publish.report import style_hash
from mirrorfold.transforms.publish.text import human_bytes, human_money

PAGE = "after-the-move.html"
SHOWN = ("planned", *PARTS, "unfinished")
BY = ("month", "library", "storage_class", "owner")


def render_after(record: Mapping, faults: Mapping[str, Sequence], months: Sequence[Mapping], language: str) -> str:
    """Render the page.

    Args:
      record: as reconciliation.json keeps it; faults: examples by state: (uri, detail).
      months: rows of the table `realised`, of every month.
    """
    style = (importlib.resources.files("mirrorfold.transforms.publish") / "static" / "report.css").read_text("utf-8")
    last = max((row["month"] for row in months), default="")
    now = [row for row in months if row["month"] == last]
    tables = [{"by": by, "rows": _sums(months if by == "month" else now, by)} for by in BY]
    context = {
        "language": language,
        "languages": NAMES,
        "style": Markup(style),
        "style_hash": Markup(style_hash(style)),
        "as_of": record["as_of"],
        "nowhere": f"{record['nowhere']:,}",
        "states": [(name, f"{n:,}", human_bytes(record["bytes"][name])) for name, n in record["counts"].items()],
        "faults": [(name, uri, detail or "") for name, found in faults.items() for uri, detail in found],
        "shown": SHOWN,
        "tables": [table for table in tables if table["by"] != "owner" or any(row["owner"] for row in now)],
        "early": _money(now, "early_deletion"),
    }
    return environment().get_template("after.html.j2").render(context)


def _sums(rows: Sequence[Mapping], by: str) -> list[dict]:
    names = sorted({row[by] or "" for row in rows})
    return [_summed(name, [row for row in rows if (row[by] or "") == name]) for name in names]


def _summed(name: str, rows: Sequence[Mapping]) -> dict:
    cells = [
        (human_bytes(size) if (size := sum(row[f"{part}_bytes"] or 0 for row in rows)) else "–",
         _money((row for row in rows if row[f"{part}_bytes"]), f"{part}_monthly"))
        for part in SHOWN
    ]  # fmt: skip
    return {"name": name, "cells": cells, "before": _money(rows, "before_monthly"), "now": _money(rows, "now_monthly")}


def _money(rows: Iterable[Mapping], column: str) -> str:
    """Add money up; nothing where a part of it has no price, so that no sum is too small in silence."""
    found = [(row[column], row["currency"]) for row in rows]
    known = [amount for amount, _ in found if amount is not None]
    return (human_money(sum(known), found[0][1]) or "") if found and len(known) == len(found) else ""
