"""`make check` runs the tests of what was touched, and no whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.changed_tests import ALWAYS, ROOT, chosen_for, unit_tests


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("transforms/retain/review_cut.py", "tests/retain"),
        ("transforms/publish/charts.py", "tests/publish"),
        ("configs/settings.py", "tests/pipelines/test_settings.py"),
        ("pipelines/commands/cli.py", "tests/pipelines"),
        ("tests/retain/test_policy.py", "tests/retain/test_policy.py"),
        ("docs/audits.md", None),
    ],
)
def test_a_room_has_its_tests(file: str, expected: str | None) -> None:
    found = set(chosen_for([file])) - set(ALWAYS)
    assert expected in found if expected else not found


@pytest.mark.parametrize("room", sorted(path.name for path in (ROOT / "transforms").iterdir() if path.is_dir()))
def test_every_room_is_known(room: str) -> None:
    """A room without tests of its name would pass in silence."""
    if room != "__pycache__":
        assert len(chosen_for([f"transforms/{room}/x.py"])) > len(ALWAYS)


def test_no_whole_run_is_among_them() -> None:
    chosen = unit_tests(["tests/pipelines", "tests/mission"])
    assert "tests/pipelines/test_settings.py" in chosen
    assert "tests/mission/test_same_bytes.py" not in chosen
    assert all(Path(ROOT / file).exists() for file in chosen)
