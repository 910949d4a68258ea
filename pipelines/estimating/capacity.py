"""Write the tables of docs/capacity.md anew: `python -m mirrorfold.pipelines.estimating.capacity docs/capacity.md`."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

from mirrorfold.configs.prices import load_prices
from mirrorfold.pipelines.commands.summary import format_bytes, hours_text
from mirrorfold.pipelines.estimating.estimate import WORKERS
from mirrorfold.pipelines.savings import load_constants
from mirrorfold.transforms.estimate.capacity import Load, Model, Workload
from mirrorfold.transforms.estimate.price_list import PriceList

SIZES = (1_200_000, 50_000_000, 1_000_000_000)
IMAGE_BYTES = 200_000
COPIES = 5
"""One object in so many is a copy of another; no checksum in the listing is taken as proof, so every object is read."""

PLACE = ("s3", "us-east-1", "STANDARD")


BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def main() -> None:
    """Print the model's tables as Markdown, or write them into a file between its two marks."""
    if len(sys.argv) < 2:
        print(markdown())
        return
    page = Path(sys.argv[1])
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}", encoding="utf-8")


def markdown() -> str:
    """Give what archives of three sizes take, and the constants behind it, as Markdown."""
    constants = load_constants()
    model = Model(constants)
    prices = PriceList.make(load_prices("default"), {"currency": "USD"})
    sizes = [_sizes(model, prices, crops) for crops in (False, True)]
    return "\n\n".join(
        [
            "### Without crops, rotations and mirrors (`match: {crops: false}`)",
            sizes[0],
            "### With them (the default)",
            sizes[1],
            f"### The constants, of {constants['date']} on {constants['machine']}",
            _terms(constants),
        ]
    )


def _sizes(model: Model, prices: PriceList, crops: bool) -> str:
    columns = [_column(model, prices, objects, crops) for objects in SIZES]
    head = ["images of 200 kB, a fifth of them copies", *(f"{objects:,}" for objects in SIZES)]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return _table(head, rows)


def _column(model: Model, prices: PriceList, objects: int, crops: bool) -> dict[str, str]:
    work = Workload(objects, objects, objects * IMAGE_BYTES, objects - objects // COPIES, crops)
    load = model.load(work)
    cells = {"bytes read": format_bytes(load.bytes_read)}
    cells["requests"] = f"{load.list_requests:,} LIST, {load.get_requests:,} GET"
    cells["CPU hours"] = f"{load.cpu_hours:,.1f}"
    for stage in ("list", "fetch", "decode", "match", "verify", "decide"):
        cells[f"  of which {stage}"] = f"{load.cpu_seconds[stage] / 3600:,.1f}"
    for workers in WORKERS:
        bound, hours = model.slowest(load, workers)
        cells[f"wall time on {workers} {'worker' if workers == 1 else 'workers'}"] = f"{hours_text(hours)} ({bound})"
    cells["memory, a local run in one process"] = format_bytes(model.memory(1, local=True))
    cells["memory, 16 workers on an engine"] = format_bytes(model.memory(16, local=False))
    cells["shuffled"] = format_bytes(load.shuffle_bytes)
    cells["tables"] = format_bytes(load.table_bytes)
    cells["money: requests"] = _money(_requests(load, prices))
    cells["money: CPU"] = _money(_cpu(load, prices))
    cells["saved a month by the copies"] = _money(_saved(objects, prices))
    return cells


def _requests(load: Load, prices: PriceList) -> Decimal | None:
    get, listed = prices.quote("get", *PLACE), prices.quote("list", *PLACE)
    return get.of(load.get_requests) + listed.of(load.list_requests) if get and listed else None


def _cpu(load: Load, prices: PriceList) -> Decimal | None:
    hour = prices.quote("vcpu-hour")
    return hour.of(Decimal(str(round(load.cpu_hours, 3)))) if hour else None


def _saved(objects: int, prices: PriceList) -> Decimal | None:
    stored = prices.quote("storage", *PLACE, volume=objects * IMAGE_BYTES)
    return stored.of(objects // COPIES * IMAGE_BYTES) if stored else None


def _money(amount: Decimal | None) -> str:
    return "no price" if amount is None else f"USD {amount:,.2f}"


def _terms(constants: dict) -> str:
    rows = [
        [f"`{name}`", f"{float(term['value']):g}", term["unit"], term["how"], term["by"]]
        for name, term in constants["terms"].items()
    ]
    match = constants["match"]
    for name in ("plain", "crops", "shuffle_plain", "shuffle_crops"):
        values = ", ".join(f"{float(value):g}" for value in match[name].values())
        unit = "bytes per content" if name.startswith("shuffle") else "CPU s per content"
        sizes = ", ".join(f"{float(size):.0e}" for size in match[name])
        rows.append([f"`match.{name}`", values, f"{unit}, at {sizes} contents", match["how"], match["by"]])
    return _table(["term", "value", "unit", "known how", "by"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    main()
