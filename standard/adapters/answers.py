"""What adapters share: the files of a suite, an answer's rows, the CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from standard.score import COLUMNS


def files_of(suite: Path) -> list[Path]:
    """List the files that a tool is given, sorted."""
    return sorted(path for path in (suite / "files").rglob("*") if path.is_file())


def holds_of(suite: Path) -> list[str]:
    """List the files under a legal hold, below DIR/files."""
    with (suite / "holds.csv").open(encoding="utf-8", newline="") as opened:
        return [row["file"] for row in csv.DictReader(opened)]


def write(path: Path, rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Write an answer, each pair and action once."""
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted({(a, b, action): (a, b, relation, action) for a, b, relation, action in rows}.values()))
