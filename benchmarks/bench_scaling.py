"""How much faster fingerprinting gets from one worker to two, with threads of one process and with worker processes.

    python -m benchmarks.bench_scaling [--quick]

Wall time of `mirrorfold fingerprint` over JPEGs of 200 KB in a folder, so that decoding bounds it. A worker is a core:
one worker may use one, two may use two. Start-up is left out: what 6,000 more pictures take counts, so that it is
seconds and not noise. Needs a quiet machine with two cores or more. Both counts are above the number from which JPEGs
are read by compiled loops.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.jpegs import write_jpegs

PROGRAM = str(Path(sys.executable).parent / "mirrorfold")
ROUNDS = 3
DISTINCT = 60
MODES = {
    "threads of one process": lambda workers: [],
    "worker processes": lambda workers: [
        "--direct_running_mode=multi_processing",
        f"--direct_num_workers={workers}",
    ],
}


def main() -> None:
    """Print the median of three rounds (one round with --quick)."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: nothing to measure")
        return
    few, many = 1_000, 7_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = [path.read_bytes() for path in write_jpegs(folder / "distinct", DISTINCT)]
        sources = {count: _source(folder / f"in-{count}", data, count) for count in (few, many)}
        print(f"fingerprinting {many - few:,} JPEGs of {sum(map(len, data)) / len(data) / 1000:.0f} KB")
        for mode, options in MODES.items():
            rates = {1: [], 2: []}
            for turn in range(1 if "--quick" in sys.argv else ROUNDS):
                for workers, found in rates.items():
                    walls = {}
                    for count, source in sources.items():
                        output = folder / f"{mode}-{workers}-{count}-{turn}"
                        walls[count] = _wall(source, output, cores[:workers], options(workers))
                    found.append((many - few) / (walls[many] - walls[few]))
            one, two = (statistics.median(rates[workers]) for workers in (1, 2))
            print(f"  {mode:<24} {one:.0f} a second on 1, {two:.0f} on 2: {two / one:.2f} times")


def _source(folder: Path, data: list[bytes], count: int) -> Path:
    """Write so many files; bytes after a JPEG's end make each a content of its own."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05d}.jpg").write_bytes(data[number % len(data)] + number.to_bytes(8))
    return folder


def _wall(source: Path, output: Path, cores: list[int], options: list[str]) -> float:
    def pin():
        os.sched_setaffinity(0, cores)

    listed = [PROGRAM, "list", str(source), "--output", str(output)]
    subprocess.run(listed, check=True, capture_output=True)
    started = time.monotonic()
    command = [PROGRAM, "fingerprint", "--output", str(output), *options]
    subprocess.run(command, check=True, capture_output=True, preexec_fn=pin)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
