"""The estimate: its sampling against a plain sort, its savings against reading the table, its model against a run."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cpu import cpu_seconds
from benchmarks.jpegs import write_jpegs
from mirrorfold.configs.prices import load_prices
from mirrorfold.pipelines.savings import load_constants
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.estimate import exact
from mirrorfold.transforms.estimate.capacity import Model, Workload
from mirrorfold.transforms.estimate.census import Listed
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.savings import Terms, price, tally
from mirrorfold.transforms.stores.output import open_output
from tests.estimate.corpora import listing


def main() -> None:
    """Print the ratios; --quick takes a tenth of the rows and fewer images."""
    quick = "--quick" in sys.argv
    _sampling(200_000 if quick else 2_000_000)
    _savings(100_000 if quick else 1_000_000)
    _coverage(10 if quick else 100)
    _model(100 if quick else 300)


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _sampling(objects: int) -> None:
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(12.2, 1, objects)).astype(np.int64)
    zeros = np.zeros(objects, np.uint64)
    listed = Listed(size, zeros, zeros, zeros.astype(np.int32), zeros.astype(bool), (("a", "s3", "a", "STANDARD"),), {})
    identity = rng.integers(1, objects, objects).astype(np.uint64)
    yardstick = _cpu(lambda: np.sort(size))
    plan = exact.plan(listed, int(size.sum() // 50), 10**12)
    planned = _cpu(lambda: exact.plan(listed, int(size.sum() // 50), 10**12))
    judged = _cpu(lambda: exact.estimate(listed, plan, identity))
    print(f"plan and judge a sample of {objects:,} listed objects, over sorting as many sizes")
    print(f"  plan                          {planned / yardstick:.1f}")
    print(f"  estimate                      {judged / yardstick:.1f}")


def _coverage(rounds: int) -> None:
    print(
        f"95 % intervals over {rounds} archives of 20,000 objects: share that cover the truth, half-width of all bytes"
    )
    for kind in ("photos", "viral", "scans", "crowded"):
        cells = []
        for percent in (1, 2, 4):
            covered, halves = 0, []
            for seed in range(rounds):
                listed, identity = listing(kind, np.random.default_rng(seed))
                plan = exact.plan(listed, listed.bytes * percent // 100, 10**12)
                found = exact.estimate(listed, plan, identity).bytes
                everything = exact.estimate(listed, exact.plan(listed, 10**18, 10**18), identity).bytes
                covered += found.low <= everything.mid <= found.high
                halves.append((found.high - found.low) / 2 / listed.bytes)
            cells.append(f"{percent} % read: {covered / rounds:.0%} ±{np.mean(halves):.1%}")
        print(f"  {kind:<8} {'   '.join(cells)}")


def _savings(rows: int) -> None:
    rng = np.random.default_rng(2)
    freed = np.where(rng.random(rows) < 0.2, 200_000, 0)
    block = pa.table(
        {
            "uri": [f"s3://hk/{number:09d}.jpg" for number in range(rows)],
            "version": pa.repeat("", rows),
            "library": pa.repeat("hk", rows),
            "storage_class": pa.repeat("STANDARD", rows),
            "size": pa.repeat(pa.scalar(200_000, pa.int64()), rows),
            "action": np.where(freed > 0, "quarantine", "keep"),
            "tier_to_kept": np.where(freed > 0, "identical", "none"),
            "bytes_freed": freed,
            "bytes_below_cutoff": np.zeros(rows, np.int64),
            "copies_left": np.ones(rows, np.int32),
        }
    )
    data = parquet.to_parquet(block)
    yardstick = _cpu(lambda: pq.read_table(pa.BufferReader(data), use_threads=False))
    prices = PriceList.make(load_prices("default"), {"currency": "HKD"})
    spent = _cpu(lambda: price(tally(block, {}), prices, Terms({})))
    print(f"price {rows:,} decisions, over reading them from Parquet")
    print(f"  savings                       {spent / yardstick:.1f}")


def _model(count: int) -> None:
    """Compare the model's CPU with that of two runs over real JPEGs: their difference leaves start-up out."""
    with tempfile.TemporaryDirectory() as folder:
        spent, sizes, stored = {}, {}, {}
        for images in (count, 3 * count):
            source, output = Path(folder, f"in-{images}"), str(Path(folder, f"out-{images}"))
            sizes[images] = sum(path.stat().st_size for path in write_jpegs(source, images))
            program = str(Path(sys.executable).parent / "mirrorfold")
            spent[images] = cpu_seconds([program, "list", str(source), "--output", output])
            spent[images] += cpu_seconds([program, "fingerprint", "--output", output])
            stored[images] = _stored(output)
    model = Model(load_constants())
    more, read = 2 * count, sizes[3 * count] - sizes[count]
    load = model.load(Workload(more, more, read, more, crops=True))
    predicted = load.cpu_seconds["fetch"] + load.cpu_seconds["decode"] + load.cpu_seconds["list"]
    measured = spent[3 * count] - spent[count]
    start = spent[count] - measured / 2
    print(f"list and fingerprint {more:,} more JPEGs of {read / more / 1000:.0f} KB each, over what the model says")
    print(f"  CPU, run / model              {measured / predicted:.2f}")
    print(f"  start-up, in images' worth    {start / (measured / more):.0f}")
    rows = [(stored[3 * count][name] - stored[count][name]) / more for name in ("objects", "contents")]
    stated = [model.term("bytes_objects"), model.term("bytes_contents")]
    print(f"  bytes of a contents row / model  {rows[1] / stated[1]:.2f}   ({rows[1]:,.0f} bytes)")
    print(f"  bytes of an objects row          {rows[0]:,.0f}")


def _stored(output: str) -> dict[str, int]:
    store = open_output(output)
    sizes = {}
    for table in (OBJECTS, CONTENTS):
        sizes[table.name] = sum(len(store.get(path)) for path in parquet.shards(store, f"{table.name}/"))
    return sizes


if __name__ == "__main__":
    main()
