"""The whole run's CPU on JPEGs of about 200 KB, against what everyone does: imagehash.phash(Image.open(f))."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.cpu import cpu_seconds, python
from benchmarks.jpegs import write_jpegs

NAIVE = """
import sys, pathlib, imagehash
from PIL import Image
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    imagehash.phash(Image.open(path))
"""
ROUNDS = 3


def main() -> None:
    """Print the ratio for 1,000 files (200 with --quick), and for start-up alone."""
    count = 200 if "--quick" in sys.argv else 1000
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        size = sum(path.stat().st_size for path in write_jpegs(photos, count))
        one = Path(folder, "one")
        write_jpegs(one, 1)
        ratios, starts = [], []
        for turn in range(ROUNDS):
            naive = cpu_seconds(python(NAIVE, str(photos)))
            ratios.append(_mission(photos, Path(folder, f"out-{turn}")) / naive)
            starts.append(_mission(one, Path(folder, f"one-{turn}")) / naive)
    print(
        f"{count} JPEGs, {size / count / 1000:.0f} KB each; CPU of the whole run, listing to report, over imagehash's"
    )
    print(f"  whole run / imagehash.phash(Image.open(f))   {statistics.median(ratios):.2f}   (median of {ROUNDS})")
    print(f"  of which a run over one file                 {statistics.median(starts):.2f}")


def _mission(source: Path, output: Path) -> float:
    return cpu_seconds([str(Path(sys.executable).parent / "mirrorfold"), "run", str(source), "--output", str(output)])


if __name__ == "__main__":
    main()
