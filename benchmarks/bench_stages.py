"""What each later stage costs an object, and the memory it takes, from 10^4 objects to 10^6.

    python -m benchmarks.bench_stages [--quick] [--objects 1e4,1e5] [--photos DIR...]

CPU of the driver and all its children while a step runs, crops on, over signatures and lumas of real tiles of
photographs (real_tiles.py; --photos DIR... names more of them), mixtures of two where they run out, one in ten an
altered copy; peak resident memory of the driver in that step alone. Each size in a process of its own.
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

from benchmarks.cpu import cpu, forget_peak, peak_mb

STEPS = ("match", "retain", "savings", "changes", "publish")


def measure(objects: int, folder: str, steps: tuple[str, ...] = STEPS, real: bool = False) -> dict:
    """Run later steps in this process: CPU seconds and peak MB by step.

    Args:
      real: over the blocks of `contents` in the folder, crops on; else over synthetic tables without crops.
    """
    from benchmarks import match_run, synthetic
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.configs.settings import Settings
    from mirrorfold.pipelines.commands.progress import Committed, Progress
    from mirrorfold.pipelines.mission import MISSION
    from mirrorfold.pipelines.record.request import Request
    from mirrorfold.pipelines.run import run
    from mirrorfold.transforms.stores.api import SourceSpec

    found: dict[str, tuple[float, float]] = {}

    class Measured(Progress):
        @contextlib.contextmanager
        def stage(self, name: str, total: int | None, committed: Committed | None = None) -> Iterator[None]:
            forget_peak()
            before = cpu()
            yield
            found[name] = (cpu() - before, peak_mb())

    if real:
        source = (SourceSpec("archive", "live", "file", "/archive"),)  # no store to ask about holds
        request = Request(source, Settings(), load_policy("default"))
        done = (match_run.tables_step(folder, objects), *(step for step in MISSION if step.name in steps))
    else:
        request, done = synthetic.request(), synthetic.steps(objects, steps)
    output = str(Path(folder, "out"))
    run(request, output, steps=done, until=done[-1].stage, progress=Measured(None, False))
    return found


def child(objects: int, photos: list[str], kept: Path) -> dict:
    """Measure in a process of its own."""
    from benchmarks import match_run, real_tiles

    with tempfile.TemporaryDirectory() as folder:
        found = real_tiles.photographs(photos)
        side = real_tiles.side_for(found, round(objects * 0.92))
        paths = real_tiles.keep_blocks(kept / str(side), real_tiles.files(real_tiles.tiles(found, side)), objects)
        match_run.write_blocks(Path(folder), real_tiles.filled(paths, objects))
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_stages", "--measure", str(objects), folder]
        environment = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print CPU per object and peak memory by step (10^4 and 10^5 objects with --quick)."""
    if "--measure" in sys.argv:
        print(json.dumps(measure(int(sys.argv[-2]), sys.argv[-1], real=True)))
        return
    sizes = (10**4, 10**5) if "--quick" in sys.argv else (10**4, 10**5, 10**6)
    if "--objects" in sys.argv:
        sizes = tuple(int(float(size)) for size in sys.argv[sys.argv.index("--objects") + 1].split(","))
    photos = sys.argv[sys.argv.index("--photos") + 1 :] if "--photos" in sys.argv else []
    with tempfile.TemporaryDirectory() as kept:
        found = {objects: child(objects, photos, Path(kept)) for objects in sizes}
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
