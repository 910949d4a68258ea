"""What Windows and macOS lack isn't needed: runs without `fcntl` and `resource`, and with limits that are refused.

Nobody has run this there: these tests only take away, here, what isn't there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.transforms.blocks import process_limits
from mirrorfold.transforms.stores.output import LocalOutput
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")

WITHOUT = """
import subprocess, sys, types  # subprocess first: by msvcrt it tells where it is

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource"):
            raise ModuleNotFoundError(name)

for name in ("fcntl", "resource"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
fake = types.ModuleType("msvcrt")
fake.LK_NBLCK, fake.locking = 2, lambda descriptor, mode, size: None
sys.modules["msvcrt"] = fake
"""


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """Take the modules away from every process that is started, children of children included."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    return os.environ | {"PYTHONPATH": str(tmp_path / "site")}


def test_a_run_needs_no_module_of_unix_alone(without: dict[str, str], tmp_path: Path) -> None:
    files = dict(list(next(iter(libraries().values())).items())[:6])
    folder = fill_folder(tmp_path / "photos", files)
    line = [MIRRORFOLD, "run", str(folder), "--output", str(tmp_path / "out")]
    done = subprocess.run(line, env=without, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = subprocess.run([sys.executable, "-c", "import resource"], env=without, capture_output=True)
    assert seen.returncode == 1, "the module was there after all"


@pytest.mark.parametrize("module", ["fingerprint.sandbox_worker", "publish.decoder_worker"])
def test_decoders_start_without_limits(without: dict[str, str], module: str) -> None:
    line = [sys.executable, "-m", f"mirrorfold.transforms.{module}", "1000000000"]
    assert subprocess.run(line, env=without, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def test_limits_that_the_system_refuses_are_done_without(monkeypatch) -> None:
    """As macOS does with RLIMIT_AS."""
    tried: list[int] = []

    def refuse(what: int, _: tuple[int, int]) -> None:
        tried.append(what)
        raise ValueError("current limit exceeds maximum limit")

    known = types.SimpleNamespace(
        RLIMIT_CORE=1, RLIMIT_AS=2, RLIMIT_CPU=3, RUSAGE_SELF=0, setrlimit=refuse, getrlimit=lambda _: (0, 0),
        getrusage=lambda _: types.SimpleNamespace(ru_utime=1.0, ru_stime=1.0),
    )  # fmt: skip
    monkeypatch.setattr(process_limits, "_resource", lambda: known)
    process_limits.limit_memory(10)
    process_limits.limit_processor_time(5)
    assert tried == [1, 2, 3]


def test_a_lock_that_windows_refuses(monkeypatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(LK_NBLCK=2, locking=refuse))
    with pytest.raises(UsageError, match="at work"), lock_output(LocalOutput(str(tmp_path))):
        pass


def test_too_little_memory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    line = f"ulimit -v 2000000; {MIRRORFOLD} run {tmp_path}/photos --output {tmp_path}/out"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr[-1000:]
    assert "ulimit -v" in done.stderr
    assert len(done.stderr.splitlines()) == 1
