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
from mirrorfold.transforms.match.density import Density, Setting
from mirrorfold.transforms.match.groups import group_tables
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
GIVES_UP = {
    "match.radius: 6": "one copy in 17",
    "match.radius: 4": "one copy in 6",
    "match.crops: false": "crops, frames, turns and mirror images",
}
"""What a cheaper setting no longer finds, of planted copies of sixteen kinds (docs/matching.md, section 2)."""


def explain_plan(
    contents: int,
    radius: int,
    crops: bool,
    sample: np.ndarray,
    counted: Mapping[str, int] | None = None,
    density: Density | None = None,
) -> Group:
    """Give a rich renderable: a line on the guarantee, and the plan for this corpus and for larger ones alike.

    Args:
      counted: what the last run's search counted, or nothing.
      density: what a sample showed of candidates by chance, or nothing.
    """
    table = TightTable(title=f"Exact-recall tables for radius {radius} (of 64 bits)", title_justify="left")
    for name in ("contents", "tables", "bits", "worth", "candidates", "shuffled", "CPU", "partitions"):
        table.add_column(name, justify="right", no_wrap=True)
    designs = TightTable("contents", "design")
    for name in ("CPU in all", "shuffled in all", *(["verifying in all"] if density else [])):
        designs.add_column(name, justify="right", no_wrap=True)
    advice = []
    for size in sorted({contents, *SIZES}):
        cost = cost_of(radius, size, crops, sample, density)
        style = "bold" if size == contents else None
        table.add_row(_short(size), *cost.cells, style=style)
        designs.add_row(_short(size), cost.design, *cost.totals(size), style=style)
        if cost.whole > MOST_CPU:
            advice.append(Text(advice_of(radius, size, crops, sample, density)))
    kinds = KINDS if crops else 1
    probes = f", {len(WINDOWS)} windows, what plain edges leave and 7 symmetries" if crops else ""
    return Group(
        Text(
            f"Every pair within {radius} bits is a candidate: whichever {radius} bits differ, at least one table keys "
            "on none of them."
        ),
        table,
        designs,
        *([Text(_measured(density, (radius, crops)))] if density else []),
        *advice,
        Text(
            f"Rows per content: {kinds} (the picture{probes}). "
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
class Cost:
    """What a search costs: microseconds of CPU and shuffled bytes a content.

    Attributes:
      verifying: microseconds of CPU a content for what meets by chance; None where nobody measured it.
    """

    design: str
    cpu: float
    shuffled: int
    tables: str
    bits: str
    worth: str
    candidates: float
    partitions: str
    verifying: float | None = None

    @property
    def whole(self) -> float:
        """Microseconds of CPU a content for searching and verifying."""
        return self.cpu + (self.verifying or 0.0)

    @property
    def cells(self) -> tuple[str, ...]:
        """Give a row of the first table."""
        figures = (f"{self.candidates:,.0f}", _bytes(self.shuffled), f"{self.cpu:,.1f} µs")
        return (self.tables, self.bits, self.worth, *figures, self.partitions)

    def totals(self, size: int) -> tuple[str, ...]:
        """Give CPU and shuffled bytes of the search for so many contents, and CPU of verifying where it is known."""
        terabytes = self.shuffled * size / 1e12
        found = (_time(self.cpu * size), f"{terabytes * 1_000:,.0f} GB" if terabytes < 1 else f"{terabytes:,.1f} TB")
        return found if self.verifying is None else (*found, _time(self.verifying * size))


def _time(microseconds: float) -> str:
    seconds = microseconds / 1e6
    return f"{seconds:,.0f} s" if seconds < 3_600 else f"{seconds / 3_600:,.0f} h"


def cost_of(radius: int, size: int, crops: bool, sample: np.ndarray, density: Density | None = None) -> Cost:
    """Expect what searching so many contents costs, and verifying what meets by chance."""
    kinds = KINDS if crops else 1
    verifying = None if density is None else density.cpu((radius, crops), size)
    if size * kinds <= MOST_ROWS:
        compared = size * kinds / 2
        shuffled = kinds * ROW_BYTES
        return Cost("all with all", compared * COMPARISON_COST, shuffled, "none", "", "", compared, "1", verifying)
    like = compared_like(size, kinds)
    plan = make_plan(radius, like, sample)
    partitions = plan.partitions(size * kinds)
    groups = len(group_tables(plan, partitions))
    return Cost(
        plan.design,
        plan.cost(like) * kinds,
        groups * kinds * ROW_BYTES,
        str(plan.tables),
        f"{plan.bits:.1f}",
        f"{plan.effective_bits:.1f}",
        plan.candidates(like) * kinds,
        f"{partitions} x {groups}",
        verifying,
    )


def cheaper(radius: int, crops: bool) -> list[Setting]:
    """List the settings that cost less, the mildest first."""
    others = [(smaller, crops) for smaller in SMALLER_RADII if smaller < radius]
    others += [(smaller, False) for smaller in (radius, *SMALLER_RADII) if crops and smaller <= radius]
    return list(dict.fromkeys(others))


def advice_of(radius: int, size: int, crops: bool, sample: np.ndarray, density: Density | None = None) -> str:
    """Say that a plan costs more than reading the pictures, which settings don't, and what these give up."""
    cost, fits = cost_of(radius, size, crops, sample, density), []
    for smaller, with_crops in cheaper(radius, crops):
        found = cost_of(smaller, size, with_crops, sample, density)
        if found.whole <= MOST_CPU:
            names = ([f"match.radius: {smaller}"] if smaller < radius else []) + (
                ["match.crops: false"] if crops and not with_crops else []
            )
            lost = [GIVES_UP[name] for name in names]
            fits.append(f"{' with '.join(names)} ({', '.join(found.totals(size))}; gives up {' and '.join(lost)})")
    told = f"Not at {_short(size)}: {', '.join(cost.totals(size))}, more than reading the pictures takes. "
    return told + ("Choose " + ", or ".join(fits) + "." if fits else "No radius makes it cheap: split the archive.")


def _measured(density: Density, setting: Setting) -> str:
    found = density.chance[setting]
    million = f"{density.million(setting):,.2f}" if found else f"fewer than {density.resolution:,.2f}"
    return (
        f"Measured on {density.contents:,} contents of this archive: {million} candidates by chance in a million "
        f"pairs, and {density.verify_ms:.2f} ms of CPU to verify one."
    )
