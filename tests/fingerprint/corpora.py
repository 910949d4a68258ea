"""Real files that development machines have and the project doesn't ship: tests that use them skip visibly without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PLACE = Path(os.environ.get("MIRRORFOLD_CORPORA", Path(__file__).resolve().parents[3] / "shared" / "corpora"))


def files(folder: str, suffix: str = "") -> list[Path]:
    """List a corpus's files; skip the test where it is absent."""
    if not (PLACE / folder).is_dir():
        pytest.skip(f"no corpus {folder}: set MIRRORFOLD_CORPORA")
    return sorted(path for path in (PLACE / folder).rglob(f"*{suffix}") if path.is_file())
