"""Run the unit tests of the rooms that differ from main: the inner loop of `make check`.

A file of `transforms/ROOM/` has its tests in `tests/ROOM/`; those of schemas, blocks and stores are tested by the rooms
that touch them most. Tests that start a whole run, a server or an engine are left to `make test`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ALWAYS = ("tests/test_layering.py", "tests/schemas")
ROOMS = {
    "transforms/merge": ("tests/audit/test_merge_rules.py",),
    "transforms/publish": ("tests/publish", "tests/manifests/test_lists.py"),
    "transforms/estimate": ("tests/estimate",),
    "configs": ("tests/pipelines/test_settings.py", "tests/retain/test_policy.py", "tests/estimate/test_prices.py"),
    "pipelines": ("tests/pipelines",),
    "schemas": ("tests/schemas",),
}
"""Where the tests lie, where that isn't `tests/` and the room's own name."""

WHOLE_RUNS = ("MIRRORFOLD", "moto", "versity", "fake_gcs", "FLINK", "selenium")
"""Words of a test file that starts a whole run, a server, an engine or a browser."""


def changed(base: str = "main") -> list[str]:
    """Name the files that differ from a branch, and those that git doesn't know yet."""
    asked = (
        ["diff", "--name-only", f"{base}..."],
        ["diff", "--name-only", "HEAD"],
        ["ls-files", "-o", "--exclude-standard"],
    )
    found: set[str] = set()
    for words in asked:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        found |= set(done.stdout.splitlines())
    return sorted(found)


def chosen_for(files: Iterable[str]) -> list[str]:
    """Give the test files and folders of changed files."""
    chosen = set(ALWAYS)
    for file in files:
        if file.startswith("tests/") and Path(file).name.startswith("test_"):
            chosen.add(file)
            continue
        for room, tests in ROOMS.items():
            if file.startswith(f"{room}/"):
                chosen |= set(tests)
        parts = Path(file).parts
        if len(parts) > 2 and parts[0] == "transforms" and "/".join(parts[:2]) not in ROOMS:
            chosen.add(f"tests/{parts[1]}")
    return sorted(path for path in chosen if (ROOT / path).exists())


def unit_tests(paths: Iterable[str]) -> list[str]:
    """Leave out the files that start a whole run."""
    files = {
        file
        for path in paths
        for file in ((ROOT / path).rglob("test_*.py") if (ROOT / path).is_dir() else [ROOT / path])
    }
    return sorted(
        str(file.relative_to(ROOT)) for file in files if not any(word in file.read_text("utf-8") for word in WHOLE_RUNS)
    )


if __name__ == "__main__":
    files = unit_tests(chosen_for(changed()))
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", *files], cwd=ROOT))
