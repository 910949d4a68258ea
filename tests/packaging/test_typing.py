"""Type checkers see the package from a stranger's project, whichever way it was installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.packaging.test_package import built, checkout

PROGRAM = """
import mirrorfold
from mirrorfold.schemas import objects

reveal_type(mirrorfold.__version__)
reveal_type(objects.OBJECTS)
reveal_type(mirrorfold.fingerprint(b"").hash)
objects.OBJECTS.no_such_thing
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_mypy_sees_types(tmp_path: Path, way: str) -> None:
    source = checkout(tmp_path / "checkout")
    site = tmp_path / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    what = [str(built(source, "wheel"))] if way == "wheel" else ["--editable", str(source)]
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-build-isolation", *what]
    done = subprocess.run([*install, "--ignore-installed"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "theirs.py").write_text(PROGRAM, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--python-executable", python, "--ignore-missing-imports", "theirs.py"]
    said = subprocess.run(mypy, cwd=tmp_path / "project", capture_output=True, text=True).stdout
    assert 'Revealed type is "str"' in said, said
    assert 'Revealed type is "mirrorfold.schemas.' in said, said
    assert said.count('Revealed type is "str"') == 2, said
    assert 'has no attribute "no_such_thing"' in said, said
