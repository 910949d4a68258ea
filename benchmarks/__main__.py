"""`make bench`: run every benchmark, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run all `bench_*.py`; arguments go to each (`--quick` for smaller inputs)."""
    worst = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"\n== {path.stem.removeprefix('bench_')} (python -m benchmarks.{path.stem})", flush=True)
        command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{path.stem}", *sys.argv[1:]]
        worst = max(worst, subprocess.call(command, cwd=path.parent.parent))
    return worst


if __name__ == "__main__":
    sys.exit(main())
