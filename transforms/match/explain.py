"""Show a plan: which tables, how many candidates, how much is shuffled, what it costs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mirrorfold.transforms.match.compare_all import MOST_ROWS
from mirrorfold.transforms.match.plan import compared_like, make_plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KINDS, WINDOWS

SIZES = (10**6, 10**7, 10**8, 10**9)
COMPARISON_COST = 0.004
"""Microseconds of CPU for one pair where all are compared (each pair of full signatures is looked at twice)."""
TightTable = functools.partial(Table, box=None, padding=(0, 2, 0, 0), pad_edge=False)
ROW_BYTES = 8 * (2 + CHECK_WORDS)
MOST_CPU = 4_000.0
"""Microseconds of CPU a content: what fingerprinting a JPEG of 185 KB costs. A search beyond that doesn't pay."""
SMALLER_RADII = (6, 4)


def explain_plan(
    contents: int, radius: int, crops: bool, sample: np.ndarray, counted: Mapping[str, int] | None = None
) -> Group:
    """Give a rich renderable: a line on the guarantee, and the plan for this corpus and for larger ones alike.

    Args:
      counted: what the last run's search counted, or nothing.
    """
    table = TightTable(title=f"Exact-recall tables for radius {radius} (of 64 bits)", title_justify="left")
    for name in ("contents", "tables", "bits", "worth", "candidates", "shuffled", "CPU", "partitions"):
        table.add_column(name, justify="right", no_wrap=True)
    designs = TightTable("contents", "design")
    for name in ("CPU in all", "shuffled in all"):
        designs.add_column(name, justify="right", no_wrap=True)
    advice = []
    for size in sorted({contents, *SIZES}):
        cost = _cost(radius, size, crops, sample)
        style = "bold" if size == contents else None
        table.add_row(_short(size), *cost.cells, style=style)
        designs.add_row(_short(size), cost.design, *cost.totals(size), style=style)
        if cost.cpu > MOST_CPU:
            advice.append(_advice(radius, size, crops, sample, cost))
    kinds = KINDS if crops else 1
    return Group(
        Text(
            f"Every pair within {radius} bits is a candidate: whichever {radius} bits differ, at least one table keys "
            "on none of them."
        ),
        table,
        designs,
        *advice,
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


@dataclass(frozen=True)
class _Cost:
    """What a search costs: microseconds of CPU and shuffled bytes a content."""

    design: str
    cpu: float
    shuffled: int
    tables: str
    bits: str
    worth: str
    candidates: float
    partitions: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Give a row of the first table."""
        figures = (f"{self.candidates:,.0f}", _bytes(self.shuffled), f"{self.cpu:,.1f} µs")
        return (self.tables, self.bits, self.worth, *figures, self.partitions)

    def totals(self, size: int) -> tuple[str, str]:
        """Give CPU and shuffled bytes for so many contents."""
        seconds, terabytes = self.cpu * size / 1e6, self.shuffled * size / 1e12
        cpu = f"{seconds:,.0f} s" if seconds < 3_600 else f"{seconds / 3_600:,.0f} h"
        return cpu, f"{terabytes * 1_000:,.0f} GB" if terabytes < 1 else f"{terabytes:,.1f} TB"


def _cost(radius: int, size: int, crops: bool, sample: np.ndarray) -> _Cost:
    kinds = KINDS if crops else 1
    if size * kinds <= MOST_ROWS:
        compared = size * kinds / 2
        shuffled = kinds * ROW_BYTES
        return _Cost("all with all", compared * COMPARISON_COST, shuffled, "none", "", "", compared, "1")
    like = compared_like(size, kinds)
    plan = make_plan(radius, like, sample)
    return _Cost(
        plan.design,
        plan.cost(like) * kinds,
        plan.tables * kinds * ROW_BYTES,
        str(plan.tables),
        f"{plan.bits:.1f}",
        f"{plan.effective_bits:.1f}",
        plan.candidates(like) * kinds,
        f"{plan.partitions(size * kinds)} x {plan.tables}",
    )


def _advice(radius: int, size: int, crops: bool, sample: np.ndarray, cost: _Cost) -> Text:
    """Say that a plan costs too much, and which settings don't at that size."""
    others = [(smaller, crops) for smaller in SMALLER_RADII if smaller < radius]
    others += [(smaller, False) for smaller in (radius, *SMALLER_RADII) if crops and smaller <= radius]
    fits = []
    for smaller, with_crops in dict.fromkeys(others):
        found = _cost(smaller, size, with_crops, sample)
        if found.cpu <= MOST_CPU:
            names = ([f"match.radius: {smaller}"] if smaller < radius else []) + (
                ["match.crops: false"] if crops and not with_crops else []
            )
            fits.append(f"{' with '.join(names)} ({', '.join(found.totals(size))})")
    told = f"Not at {_short(size)}: {', '.join(cost.totals(size))}, more than reading the pictures takes. "
    return Text(
        told + ("Choose " + ", or ".join(fits) + "." if fits else "No radius makes it cheap: split the archive.")
    )
