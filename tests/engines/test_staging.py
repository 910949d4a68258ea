"""Code of one's own branch travels to an engine: Beam's stager packs it, and it works where nothing else of ours is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import SetupOptions
from apache_beam.runners.portability.stager import Stager

from mirrorfold.pipelines.engine import engine

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "schemas", "transforms", "pipelines", "configs")


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    """Pack a copy of the sources the way `--setup_file=setup.py` does, from another working folder."""
    copy = tmp_path_factory.mktemp("sources")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    options = engine.pipeline_options([f"--setup_file={copy / 'setup.py'}"], work=None).view_as(SetupOptions)
    with tempfile.TemporaryDirectory() as scratch:
        made = Stager._build_setup_package(options.setup_file, scratch)
        return Path(shutil.copy(made, tmp_path_factory.mktemp("staged")))


def test_relative_setup_files_are_made_absolute(monkeypatch):
    """Beam changes its working folder before it reads the path."""
    monkeypatch.chdir(ROOT)
    options = engine.pipeline_options(["--setup_file", "setup.py"], work=None)
    assert options.view_as(SetupOptions).setup_file == str(ROOT / "setup.py")


def test_what_is_staged_works_in_a_clean_environment(staged, tmp_path):
    """Installed alone into a new environment that sees the dependencies but not this checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python, site = tmp_path / "venv" / "bin" / "python", next((tmp_path / "venv" / "lib").glob("*/site-packages"))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", site, staged], check=True, capture_output=True)
    # A plain path: the editable install beside the dependencies works by a .pth file, which isn't read from there.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    program = (
        "import mirrorfold.pipelines.mission as m, mirrorfold.pipelines.engine.option_files as e;"
        "print(m.__file__); print(','.join(e.names()))"
    )
    said = subprocess.run([python, "-W", "ignore", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-2000:]
    where, names = said.stdout.splitlines()[-2:]
    assert Path(where).is_relative_to(site)
    assert "dataflow" in names.split(",")
