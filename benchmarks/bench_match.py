"""Cost of the candidate search per signature, beside faiss's exact and approximate searches in the same run.

    python -m benchmarks.bench_match [--quick]

CPU time of a local Beam run (shuffle through a spill folder, join, components), start-up and the
making of signatures left out; peak memory of its process. Signatures: see signature_corpus.py.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

AGREEMENT = 74
"""Percent of 128 further bits in which a pair must agree: at most 14 of them differ."""
QUERIES = 2_000
BLOCK = 500_000


def make(folder: Path, rows: int) -> None:
    """Write signatures as .npy files."""
    from benchmarks.signature_corpus import generate

    small = np.lib.format.open_memmap(folder / "small.npy", "w+", np.uint64, (rows,))
    large = np.lib.format.open_memmap(folder / "large.npy", "w+", np.uint64, (rows, 4))
    start = 0
    for block in generate(rows):
        small[start : start + len(block.small)] = block.small
        large[start : start + len(block.small)] = block.large
        start += len(block.small)
    small.flush()
    large.flush()


def light_block(folder: str, start: int, words: int):
    """Read a block of searched rows."""
    import pyarrow as pa

    from mirrorfold.transforms.match.signatures import light_schema

    small = np.load(f"{folder}/small.npy", mmap_mode="r")[start : start + BLOCK].copy()
    rows = len(small)
    if words == 4:
        further = np.load(f"{folder}/large.npy", mmap_mode="r")[start : start + BLOCK, :2]
        large = np.concatenate([further, ~further], axis=1)  # set, and not set
    else:
        large = np.zeros((rows, words), np.uint64)
    schema = light_schema(1, words)
    columns = [
        np.arange(start, start + rows, dtype=np.uint64),
        small,
        np.zeros(rows, bool),
        np.zeros(rows, np.uint64),
        pa.FixedSizeListArray.from_arrays(pa.array(small), type=schema.field("hashes").type),
        pa.FixedSizeListArray.from_arrays(pa.array(large.ravel()), type=schema.field("checks").type),
    ]
    return pa.table([pa.array(column) for column in columns], schema=schema)


def search(folder: str, radius: int, words: int) -> dict:
    """Search one corpus in this process: CPU seconds, peak memory, plan, edges."""
    import apache_beam as beam
    import pyarrow as pa

    from mirrorfold.transforms.cluster.wiring import Connect
    from mirrorfold.transforms.match.join import Rule
    from mirrorfold.transforms.match.plan import make_plan
    from mirrorfold.transforms.match.wiring import Search

    small = np.load(f"{folder}/small.npy", mmap_mode="r")
    rows = len(small)
    before = time.process_time()
    plan = make_plan(radius, rows, np.unique(small[: 10**6]))
    planned = time.process_time() - before
    rule = Rule(radius, AGREEMENT if words == 4 else 0)
    with tempfile.TemporaryDirectory() as spill:
        for first, last in ((0, 1), (0, rows)):  # a first tiny run pays for start-up and compiling
            before = time.process_time()
            with beam.Pipeline("FnApiRunner") as root:
                (
                    root
                    | "Name" >> beam.Create(range(first, last, BLOCK))
                    | "Load" >> beam.Map(lambda start: light_block(folder, start, words))
                    | "Search" >> Search(plan, rule, last, 1, words, spill)
                    | "TakeNodes" >> beam.Map(nodes_of).with_output_types(pa.Table)
                    | "Unite" >> Connect(last, spill)
                    | "Count" >> beam.Map(len)
                    | "Sum" >> beam.CombineGlobally(sum)
                    | "Note" >> beam.Map(lambda linked: Path(folder, "linked").write_text(str(linked)) and None)
                )
    return {
        "rows": rows,
        "cpu": time.process_time() - before + planned,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "tables": plan.tables,
        "bits": round(plan.effective_bits, 1),
        "candidates": round(plan.candidates(rows)),
        "predicted": plan.cost(rows),
        "linked": int(Path(folder, "linked").read_text()),
    }


def nodes_of(met):
    """Give the nodes of what met."""
    import pyarrow as pa

    return pa.table({side: met.column(side).to_numpy() >> np.uint64(6) for side in "ab"})


def child(folder: Path, radius: int, words: int) -> dict:
    """Run `search` in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--search", str(folder), str(radius), str(words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def faiss_costs(folder: Path, radius: int) -> list[tuple[str, float, float]]:
    """Give (name, CPU µs per query, recall) of faiss's exact flat search and of its multi-hash LSH, on one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    small = np.unique(np.load(folder / "small.npy"))
    codes = small.view(np.uint8).reshape(-1, 8)
    queries = codes[np.random.default_rng(2).choice(len(codes), QUERIES, replace=False)]
    flat = faiss.IndexBinaryFlat(64)
    flat.add(codes)
    exact, cost = _range(flat, queries[: QUERIES // 10], radius)
    lsh = faiss.IndexBinaryMultiHash(64, 4, 16)
    before = time.process_time()
    lsh.add(codes)
    built = (time.process_time() - before) / len(codes) * 1e6
    lsh.nflip = 1
    _, lsh_cost = _range(lsh, queries, radius)
    shared, _ = _range(lsh, queries[: QUERIES // 10], radius)
    return [("faiss flat, exact", cost, 1.0), ("faiss multi-hash LSH", lsh_cost + built, shared / max(1, exact))]


def _range(index, queries: np.ndarray, radius: int) -> tuple[int, float]:
    before = time.process_time()
    limits, *_ = index.range_search(queries, radius + 1)
    return int(limits[-1]), (time.process_time() - before) / len(queries) * 1e6


def main() -> None:
    """Print cost, growth and memory at 10^6 and 10^7 (10^5 and 10^6 with --quick)."""
    if "--search" in sys.argv:
        folder, radius, words = sys.argv[2:]
        print(json.dumps(search(folder, int(radius), int(words))))
        return
    sizes = (10**5, 10**6) if "--quick" in sys.argv else (10**6, 10**7)
    costs: dict[tuple[int, int], float] = {}
    with tempfile.TemporaryDirectory() as parent:
        for rows in sizes:
            folder = Path(parent, str(rows))
            folder.mkdir()
            make(folder, rows)
            for radius, words, name in ((4, 1, "64-bit signature alone"), (6, 4, "with 128 bits more")):
                found = child(folder, radius, words)
                costs[rows, radius] = found["cpu"] / rows * 1e6
                print(
                    f"N=10^{len(str(rows)) - 1} d={radius} {name}: {costs[rows, radius]:.2f} µs CPU per object "
                    f"(plan said {found['predicted']:.2f}), {found['tables']} tables worth {found['bits']} bits, "
                    f"{found['candidates']} candidates each, peak {found['peak']:.0f} MiB, {found['linked']} linked"
                )
            if rows == 10**6:
                for name, cost, recall in faiss_costs(folder, 4):
                    ratio = cost / costs[rows, 4]
                    print(f"  {name}: {cost:.1f} µs per query, recall {recall:.3f}; {ratio:.0f} times ours at d=4")
    for radius in (4, 6):
        growth = costs[sizes[1], radius] * sizes[1] / (costs[sizes[0], radius] * sizes[0])
        print(f"growth of the whole cost at d={radius} for 10 times the objects: {growth:.1f}")


if __name__ == "__main__":
    main()
