"""Show a plan: which tables, how many candidates, how much is shuffled, what it costs."""

from __future__ import annotations

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mirrorfold.transforms.match.compare_all import MOST_ROWS
from mirrorfold.transforms.match.plan import Plan, make_plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KINDS, WINDOWS

SIZES = (10**6, 10**7, 10**8, 10**9)
COMPARISON_COST = 0.004
"""Microseconds of CPU for one pair where all are compared (each pair of full signatures is looked at twice)."""
ROW_BYTES = 8 * (2 + CHECK_WORDS)


def explain_plan(contents: int, radius: int, crops: bool, sample: np.ndarray) -> Group:
    """Give a rich renderable: a line on the guarantee, and the plan for this corpus and for larger ones alike."""
    kinds = KINDS if crops else 1
    table = Table(title=f"Exact-recall tables for radius {radius} (of 64 bits)", title_justify="left")
    for name in ("contents", "design", "tables", "bits", "worth", "candidates", "shuffled", "CPU", "partitions"):
        table.add_column(name, justify="left" if name == "design" else "right")
    for size in sorted({contents, *SIZES}):
        few = size * kinds <= MOST_ROWS
        cells = _cells_of_all(size, kinds) if few else _cells(make_plan(radius, size * kinds, sample), size, kinds)
        table.add_row(*cells, style="bold" if size == contents else None)
    return Group(
        Text(
            f"Every pair within {radius} bits is a candidate: whichever {radius} bits differ, at least one table keys "
            "on none of them."
        ),
        table,
        Text(
            f"Rows per content: {kinds} (the picture{f', {len(WINDOWS)} windows and 7 symmetries' if crops else ''}). "
            f"'worth' is what the key bits are worth on a sample of {len(sample):,} distinct signatures of this "
            "corpus; candidates, shuffled bytes and CPU are per content."
        ),
    )


def _cells_of_all(size: int, kinds: int) -> tuple[str, ...]:
    compared = size * kinds / 2
    cost = f"{compared * COMPARISON_COST:,.1f} µs"
    return (f"{size:,}", "all with all", "none", "", "", f"{compared:,.0f}", f"{kinds * ROW_BYTES:,} B", cost, "1")


def _cells(plan: Plan, size: int, kinds: int) -> tuple[str, ...]:
    rows = size * kinds
    return (
        f"{size:,}",
        plan.design,
        str(plan.tables),
        f"{plan.bits:.1f}",
        f"{plan.effective_bits:.1f}",
        f"{plan.candidates(rows) * kinds:,.0f}",
        f"{plan.tables * kinds * ROW_BYTES:,} B",
        f"{plan.cost(rows) * kinds:,.1f} µs",
        f"{plan.partitions(rows)} x {plan.tables}",
    )
