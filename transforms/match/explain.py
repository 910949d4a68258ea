"""Show a plan: which tables, how many candidates, how much is shuffled, what it costs."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mirrorfold.transforms.match.compare_all import MOST_ROWS
from mirrorfold.transforms.match.plan import Plan, compared_like, make_plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KINDS, WINDOWS

SIZES = (10**6, 10**7, 10**8, 10**9)
COMPARISON_COST = 0.004
"""Microseconds of CPU for one pair where all are compared (each pair of full signatures is looked at twice)."""
TightTable = functools.partial(Table, box=None, padding=(0, 2, 0, 0), pad_edge=False)
ROW_BYTES = 8 * (2 + CHECK_WORDS)


def explain_plan(
    contents: int, radius: int, crops: bool, sample: np.ndarray, counted: Mapping[str, int] | None = None
) -> Group:
    """Give a rich renderable: a line on the guarantee, and the plan for this corpus and for larger ones alike.

    Args:
      counted: what the last run's search counted, or nothing.
    """
    kinds = KINDS if crops else 1
    table = TightTable(title=f"Exact-recall tables for radius {radius} (of 64 bits)", title_justify="left")
    for name in ("contents", "tables", "bits", "worth", "candidates", "shuffled", "CPU", "partitions"):
        table.add_column(name, justify="right", no_wrap=True)
    designs = TightTable("contents", "design")
    for size in sorted({contents, *SIZES}):
        few = size * kinds <= MOST_ROWS
        name, *cells = _cells_of_all(size, kinds) if few else _cells(_plan(radius, size, kinds, sample), size, kinds)
        style = "bold" if size == contents else None
        table.add_row(_short(size), *cells, style=style)
        designs.add_row(_short(size), name, style=style)
    return Group(
        Text(
            f"Every pair within {radius} bits is a candidate: whichever {radius} bits differ, at least one table keys "
            "on none of them."
        ),
        table,
        designs,
        Text(
            f"Rows per content: {kinds} (the picture{f', {len(WINDOWS)} windows and 7 symmetries' if crops else ''}). "
            f"'worth' is what the key bits are worth on a sample of {len(sample):,} distinct signatures of this "
            "corpus; candidates, shuffled bytes and CPU are per content, of the search alone."
        ),
        *(
            [Text("The last run: " + ", ".join(f"{name} {value:,}" for name, value in counted.items()))]
            if counted
            else []
        ),
    )


def _short(size: int) -> str:
    """Write a power of ten as such: the table has to fit into 80 columns."""
    exponent = len(str(size)) - 1
    return f"10^{exponent}" if size == 10**exponent and exponent > 3 else f"{size:,}"


def _bytes(count: int) -> str:
    return f"{count:,} B" if count < 10_000 else f"{count / 1000:,.0f} kB"


def _cells_of_all(size: int, kinds: int) -> tuple[str, ...]:
    compared = size * kinds / 2
    cost = f"{compared * COMPARISON_COST:,.1f} µs"
    return ("all with all", "none", "", "", f"{compared:,.0f}", _bytes(kinds * ROW_BYTES), cost, "1")


def _plan(radius: int, size: int, kinds: int, sample: np.ndarray) -> Plan:
    return make_plan(radius, compared_like(size, kinds), sample)


def _cells(plan: Plan, size: int, kinds: int) -> tuple[str, ...]:
    rows, alike = size * kinds, compared_like(size, kinds)
    return (
        plan.design,
        str(plan.tables),
        f"{plan.bits:.1f}",
        f"{plan.effective_bits:.1f}",
        f"{plan.candidates(alike) * kinds:,.0f}",
        _bytes(plan.tables * kinds * ROW_BYTES),
        f"{plan.cost(alike) * kinds:,.1f} µs",
        f"{plan.partitions(rows)} x {plan.tables}",
    )
