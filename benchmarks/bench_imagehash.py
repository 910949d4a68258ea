"""What `fingerprint.imagehash` costs: CPU of a whole run with each hash beside the same run without, for a file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.cpu import cpu_seconds
from benchmarks.jpegs import write_jpegs
from mirrorfold.schemas.contents import IMAGEHASHES


def main() -> None:
    """Print milliseconds of CPU for a JPEG, of 1,000 (100 with --quick)."""
    count = 100 if "--quick" in sys.argv else 1000
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        size = sum(path.stat().st_size for path in write_jpegs(photos, count))
        without = _run(photos, Path(folder, "without"))
        print(f"{count} JPEGs, {size / count / 1000:.0f} KB each; a run takes {1000 * without / count:.1f} ms each")
        for names in [*((name,) for name in IMAGEHASHES), IMAGEHASHES]:
            config = Path(folder, "settings.yaml")
            config.write_text(f"fingerprint: {{imagehash: [{', '.join(names)}]}}\n", "utf-8")
            more = _run(photos, Path(folder, "-".join(names)), "--config", str(config)) - without
            print(f"  with {', '.join(names):<32} {1000 * more / count:6.1f} ms more for each")


def _run(source: Path, output: Path, *options: str) -> float:
    return cpu_seconds(
        [str(Path(sys.executable).parent / "mirrorfold"), "run", str(source), "-o", str(output), *options]
    )


if __name__ == "__main__":
    main()
