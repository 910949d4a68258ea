"""An estimate as one screen for people, and as plain values for programs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mirrorfold.pipelines.commands.summary import format_bytes, hours_text
from mirrorfold.pipelines.estimating.estimate import Estimate, Review, Worth
from mirrorfold.schemas.failures import CODES
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.estimate.interval import Interval
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard

BILL_ROWS = 10
"""Most parts of one split that the screen shows."""

PLACES = ("library", "store", "region", "bucket", "storage_class")


def plain(estimate: Estimate) -> dict:
    """Give the estimate as plain values, ready for JSON."""
    return {**_plain(asdict(estimate)), "objects": estimate.objects, "bytes": estimate.bytes}


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(found) for key, found in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(found) for found in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value.tolist() if isinstance(value, np.ndarray) else value


def render(estimate: Estimate) -> RenderableType:
    """Render the estimate: what it would free, how sure that is, and what finding out would take."""
    return Panel(
        Group(_headline(estimate), _freed(estimate), *_bill(estimate), _run(estimate), _notes(estimate)),
        title="mirrorfold estimate",
        title_align="left",
        border_style="dim",
        padding=(1, 2),
    )


def _headline(estimate: Estimate) -> Text:
    text = Text()
    text.append(f"{estimate.objects:,} images, {format_bytes(estimate.bytes)}", style="bold")
    text.append(f", in {_count(len(estimate.libraries), 'library', 'libraries')}\n")
    for name, objects, size in estimate.libraries:
        text.append(f"  {name}: {objects:,}, {format_bytes(size)}\n", style="dim")
    for reason, count in sorted(estimate.left_out.items()):
        text.append(f"  {count:,} left out: {_reason(reason)}\n", style="dim")
    return text


def _freed(estimate: Estimate) -> Table:
    grid = _grid("would free", "estimate", "between", "and")
    one, two, near = estimate.exact, estimate.exact_two, estimate.near
    grid.add_row("exact copies, one of each kept", *_sizes(one.bytes), style="bold green")
    grid.add_row("  of these proved by the listing alone", format_bytes(one.settled), "", "", style="dim")
    grid.add_row("  objects", *_numbers(one.copies), style="dim")
    grid.add_row(*_worth(estimate.worth))
    currency = estimate.worth.currency
    if estimate.move is not None and estimate.move["avoided_now"] is not None:
        grid.add_row(f"  {currency} once, for not moving them", f"{estimate.move['avoided_now']:,.2f}", "", "")
    grid.add_row("exact copies, two of each kept", *_sizes(two.bytes))
    if near is not None:
        grid.add_row("near duplicates, if people agree", *_sizes(near.bytes), style="yellow")
        grid.add_row("  pictures of one name", *_numbers(near.same_stem), style="dim")
        grid.add_row("  pairs under different names", *_numbers(near.across), style="dim")
    if estimate.review is not None:
        hours, cost = estimate.review.hours, estimate.review.cost
        grid.add_row("  people's hours to decide on them", *_numbers(hours, 1), style="dim")
        if cost is not None:
            grid.add_row(f"  {currency} for these hours", *_numbers(cost, 2), style="dim")
        _add_comparing(grid, estimate.review, currency)
    return grid


COMPARED = {
    "all": "compared at full detail: all of them",
    "unasked": "compared at full detail: what goes unasked",
    "none": "compared at full detail: what people let go",
}


def _add_comparing(grid: Table, review: Review, currency: str) -> None:
    """Say what comparing at full detail takes, before a run starts it."""
    grid.add_row(COMPARED[review.compared], "", "", "")
    grid.add_row("  GETs, two for each pair, at most", *_numbers(review.compare_gets), style="dim")
    grid.add_row("  read again", *_sizes(review.compare_bytes), style="dim")
    grid.add_row("  CPU hours", *_numbers(review.compare_cpu_hours, 2), style="dim")
    if review.compare_cost is not None:
        grid.add_row(f"  {currency} for both", *_numbers(review.compare_cost, 2), style="dim")


def _worth(worth: Worth) -> tuple[str, ...]:
    label = f"  {worth.currency} a month"
    if worth.unpriced and not worth.high:
        return label, "no price known", "", ""
    more = f" and {format_bytes(worth.unpriced)} without a price" if worth.unpriced else ""
    return label + more, *(f"{amount:,.2f}" for amount in (worth.mid, worth.low, worth.high))


def _bill(estimate: Estimate) -> list[RenderableType]:
    """The bill today and without exact copies: all of it, and by what it is paid for where that is several things."""
    if estimate.bill["today"] is None:
        return []
    grid = _grid(f"\n{estimate.worth.currency} a month", "\nsize", "\ntoday", "\nwithout exact copies")
    grid.add_row("everything", *_bill_row(estimate.bill), style="bold")
    more = 0
    for name, parts in estimate.bill_by.items():
        for part in parts[:BILL_ROWS] if len(parts) > 1 else ():
            label = " ".join(part[column] or "?" for column in PLACES if column in part)
            grid.add_row(f"  {name.replace('_', ' ')} {label}", *_bill_row(part), style="dim")
        more += max(0, len(parts) - BILL_ROWS)
    if more:
        grid.add_row(f"  and {more:,} more: --csv has all", "", "", "", style="dim")
    if estimate.move is not None and estimate.move["monthly_there"] is not None:
        grid.add_row("at the destination, without exact copies", "", "", f"{estimate.move['monthly_there']:,.2f}")
    if estimate.move is not None and estimate.move["cost"] is not None:
        grid.add_row("  once, for moving it there", "", "", f"{estimate.move['cost']:,.2f}", style="dim")
    return [grid]


def _bill_row(part: Mapping) -> tuple[str, str, str]:
    today, after = (f"{part[name]['mid']:,.2f}" if part[name] else "no price" for name in ("today", "after"))
    return format_bytes(part["bytes"]), today, after


def as_csv(estimate: Estimate) -> str:
    """Write the rows of money as CSV: what would go and what would stay, by library, bucket and class."""
    lines = [csv_line(SAVINGS.schema.names)]
    lines += [csv_line([guard(row[name]) for name in SAVINGS.schema.names]) for row in estimate.savings]
    return b"".join(lines).decode()


def _run(estimate: Estimate) -> Group:
    load, cost = estimate.load, estimate.cost
    text = Text("\nA full run would ", style="bold")
    lists = _count(load.list_requests, "LIST", "LISTs")
    text.append(f"read {format_bytes(load.bytes_read)} in {load.get_requests:,} GETs after {lists}")
    text.append(f", take {hours_text(load.cpu_hours)} of CPU")
    money = [
        f"{name} {cost[key]:,.2f}"
        for name, key in (("requests", "cost_requests"), ("CPU", "cost_cpu"), ("egress", "cost_egress"))
        if cost[key] is not None
    ]  # fmt: skip
    text.append(f", and cost {estimate.worth.currency} " + ", ".join(money) if money else "")
    text.append(
        f".\nIt would shuffle {format_bytes(load.shuffle_bytes)} and leave tables of {format_bytes(load.table_bytes)}."
    )
    for warning in cost["egress"]:
        text.append(f"\n{warning}.", style="red")
    text.append(_verifying(estimate))
    grid = _grid("on", "takes", "held up by")
    for number, (workers, bound, hours) in enumerate(estimate.hours):
        machine = "this machine, " if number == 0 else ""
        grid.add_row(
            f"{machine}{_count(workers, 'worker of one vCPU', 'workers of one vCPU')}", hours_text(hours), bound
        )
    return Group(text, grid)


def _verifying(estimate: Estimate) -> str:
    """Say what chance candidates cost, and what is cheaper where that is more than reading the pictures."""
    spent, work = estimate.load.cpu_seconds, estimate.work
    known = f"{work.chance:,.2f} in a million pairs of the sample" if work.chance else "at the stated density"
    told = (
        f"\nVerifying pictures that look alike by chance ({known}) takes {hours_text(spent['verify'] / 3600)} of CPU."
    )
    if spent["match"] + spent["verify"] <= spent["fetch"] + spent["decode"]:
        return told
    cheaper = "match.radius: 6 (one copy in 17 is missed) or 4 (one in 6)"
    cheaper += ", or match.crops: false (no crops, turns or mirror images)" if work.crops else ""
    return f"{told} With the search that is more than reading the pictures: cheaper is {cheaper}."


def _notes(estimate: Estimate) -> Text:
    one, near = estimate.exact, estimate.near
    said = []
    if one.bytes.exact:
        said.append("Exact copies are a count, not an estimate: the listing and what was read settle every size.")
    else:
        said.append(
            f"Exact copies: {one.bytes.confidence:.0%} confidence, from {one.sampled_sizes:,} of {one.open_sizes:,} "
            "sizes that several objects share; crowded sizes were read whole."
        )
    said.append(
        f"The sample read {format_bytes(estimate.sampled_bytes)} in {estimate.sampled_requests:,} requests: "
        "up to 64 kB of an object. A full run compares every byte."
    )
    if near is not None:
        tiers = ", ".join(f"{count} {tier}" for tier, count in sorted(near.tiers.items()))
        said.append(
            f"Near duplicates: {near.contents.confidence:.0%} confidence, from {near.sampled:,} pictures "
            f"({near.chance:.2%} of all names), {near.found:,} of them near duplicates"
            + (f" ({tiers})." if tiers else ".")
        )
    if estimate.unknown_holds:
        said.append(
            f"{estimate.unknown_holds:,} objects may be under hold: a run looks each up before it plans anything."
        )
    said += sorted({f"{note}." for row in estimate.savings if row["note"] for note in row["note"].split("; ")})
    for code, count in sorted(estimate.failures.items()):
        said.append(f"{count:,} of the sample couldn't be read ({CODES.get(code, code)}) and count as kept.")
    said.append(
        "Quarantine and soft-delete days are billed, which isn't counted here, nor is what reading from outside a "
        "region costs unless prices.workers_region says where you read. Times are a model's, see docs/capacity.md."
    )
    return Text("\n" + "\n".join(said), style="dim")


def _grid(*names: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, name in enumerate(names):
        grid.add_column(name, justify="left" if number == 0 or name == "held up by" else "right")
    return grid


def _sizes(found: Interval) -> tuple[str, str, str]:
    ends = ("", "") if found.exact else (format_bytes(found.low), format_bytes(found.high))
    return format_bytes(found.mid), *ends


def _numbers(found: Interval, places: int = 0) -> tuple[str, str, str]:
    low, mid, high = (f"{value:,.{places}f}" for value in (found.low, found.mid, found.high))
    return (mid, "", "") if found.exact else (mid, low, high)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _reason(code: str) -> str:
    return "the same bytes on disk as another (a hard link)" if code == "same-place" else CODES.get(code, code)
