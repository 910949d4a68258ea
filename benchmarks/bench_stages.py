"""What each later stage costs an object, and the memory it takes, from 10^4 objects to 10^6.

    python -m benchmarks.bench_stages [--quick]

CPU of the driver and all its children while a step runs, over synthetic tables (synthetic.py); peak resident memory of
the driver in that step alone. Without crops: the search for those has its own bench. Each size in a process of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

STEPS = ("match", "retain", "savings", "changes", "publish")


def cpu() -> float:
    """Give the CPU seconds of this process and its ended children."""
    return sum(os.times()[:4])


def peak_mb() -> float:
    """Give the largest resident memory since `forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def forget_peak() -> None:
    """Start the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(objects: int, folder: str, steps: tuple[str, ...] = STEPS) -> dict:
    """Run later steps in this process: CPU seconds and peak MB by step."""
    from benchmarks import synthetic
    from mirrorfold.pipelines.commands.progress import Committed, Progress
    from mirrorfold.pipelines.run import run

    found: dict[str, tuple[float, float]] = {}

    class Measured(Progress):
        @contextlib.contextmanager
        def stage(self, name: str, total: int | None, committed: Committed | None = None) -> Iterator[None]:
            forget_peak()
            before = cpu()
            yield
            found[name] = (cpu() - before, peak_mb())

    done = synthetic.steps(objects, steps)
    output = str(Path(folder, "out"))
    run(synthetic.request(), output, steps=done, until=done[-1].stage, progress=Measured(None, False))
    return found


def child(objects: int) -> dict:
    """Measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_stages", "--measure", str(objects), folder]
        environment = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print CPU per object and peak memory by step (10^4 and 10^5 objects with --quick)."""
    if "--measure" in sys.argv:
        print(json.dumps(measure(int(sys.argv[-2]), sys.argv[-1])))
        return
    sizes = (10**4, 10**5) if "--quick" in sys.argv else (10**4, 10**5, 10**6)
    if "--objects" in sys.argv:
        sizes = tuple(int(float(size)) for size in sys.argv[sys.argv.index("--objects") + 1].split(","))
    found = {objects: child(objects) for objects in sizes}
    print("CPU µs an object (peak MB) by step; the fixed cost of a step shows in the small sizes")
    print(f"{'':10}" + "".join(f"{objects:>18,}" for objects in sizes))
    for step in STEPS:
        cells = [
            f"{found[objects][step][0] / objects * 1e6:8.1f} ({found[objects][step][1]:,.0f})" for objects in sizes
        ]
        print(f"{step:10}" + "".join(f"{cell:>18}" for cell in cells))
    totals = [sum(found[objects][step][0] for step in STEPS) for objects in sizes]
    print(f"{'together':10}" + "".join(f"{total / n * 1e6:>18.1f}" for total, n in zip(totals, sizes, strict=True)))
    for (low, cheap), (high, dear) in itertools.pairwise(zip(sizes, totals, strict=True)):
        print(f"each object beyond {low:,} up to {high:,}: {(dear - cheap) / (high - low) * 1e6:.1f} CPU µs")


if __name__ == "__main__":
    main()
