"""The CPU of an audit of an unchanged library against its first run's, beyond start-up, on JPEGs of about 200 KB."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.cpu import cpu_seconds
from benchmarks.jpegs import write_jpegs

ROUNDS = 3
GOAL = 0.1


def main() -> None:
    """Print the ratio for 2,000 files (400 with --quick); start-up is a run over one file."""
    quick = "--quick" in sys.argv
    count, rounds = (400, 1) if quick else (2000, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        photos, one = Path(folder, "photos"), Path(folder, "one")
        size = sum(path.stat().st_size for path in write_jpegs(photos, count))
        write_jpegs(one, 1)
        ratios, firsts = [], []
        for turn in range(rounds):
            out = [Path(folder, f"{name}-{turn}") for name in ("first", "second", "third", "one", "one-again")]
            first, start = _run(photos, out[0]), _run(one, out[3])
            _run(photos, out[1], out[0])
            third, restart = _run(photos, out[2], out[1]), _run(one, out[4], out[3])
            ratios.append((third - restart) / (first - start))
            firsts.append((first - start) / start)
    print(f"{count} JPEGs, {size / count / 1000:.0f} KB each; CPU beyond start-up (a run over one file)")
    print(f"  first run / start-up                                   {statistics.median(firsts):.2f}")
    print(f"  second audit, nothing changed / first run              {statistics.median(ratios):.2f}   (goal {GOAL})")


def _run(source: Path, output: Path, previous: Path | None = None) -> float:
    line = [str(Path(sys.executable).parent / "mirrorfold"), "run", str(source), "--output", str(output)]
    return cpu_seconds([*line, "--previous", str(previous)] if previous else line)


if __name__ == "__main__":
    main()
