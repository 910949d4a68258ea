"""What somebody gets who installs without the lock: from the registry, in a clean environment, slow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mission.archive import libraries
from tests.mission.stores import fill_folder
from tests.mission.test_same_bytes import digests
from tests.packaging.test_package import ROOT, built, checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

UV = Path(sys.executable).parent / "uv"
LARGEST = 860_000_000
"""Bytes of an installation without compiled caches, at most: docs/install.md itemises them."""


@pytest.fixture(scope="module", autouse=True)
def registry() -> None:
    """Need uv (`make install` has it) and a registry; CI has both."""
    if not UV.exists():
        assert os.environ.get("CI") != "true", "make install installs uv"
        pytest.skip("uv isn't installed: run make install")


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def wheel(package: Path) -> Path:
    return built(package, "wheel")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp("sources")
    return [f"{name}={fill_folder(root / name, files)}" for name, files in libraries().items()]


def uv(*arguments: str | Path) -> str:
    done = subprocess.run([UV, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def environment(place: Path, *what: str | Path) -> Path:
    """Install into a new environment of its own; give its folder of programs."""
    uv("venv", "--quiet", "--python", sys.executable, place)
    uv("pip", "install", "--quiet", "--python", place, *what)
    return place / "bin"


def run(programs: Path, sources: list[str], output: Path) -> dict[str, str]:
    done = subprocess.run(
        [programs / "mirrorfold", "run", *sources, "--output", output], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    checked = subprocess.run([programs / "mirrorfold", "verify", output], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return digests(output)


def size_of(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc")


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_without_the_lock_and_runs(package: Path, sources, tmp_path: Path, kind: str) -> None:
    shutil.rmtree(package / "dist", ignore_errors=True)
    programs = environment(tmp_path / "venv", built(package, kind))
    assert size_of(tmp_path / "venv") < LARGEST
    installed = uv("pip", "freeze", "--python", tmp_path / "venv")
    assert "apache-beam==2.71" in installed
    assert "google-cloud-bigquery" not in installed, "Beam's cloud packages belong to the extra"
    if kind == "wheel":
        run(programs, sources, tmp_path / "out")
    else:
        assert "mirrorfold" in subprocess.check_output([programs / "mirrorfold", "--version"], text=True)


def test_uvx_runs_the_wheel(wheel: Path, sources, tmp_path: Path) -> None:
    folder = sources[0].split("=", 1)[1]
    uv(
        "tool",
        "run",
        "--python",
        sys.executable,
        "--from",
        wheel,
        "mirrorfold",
        "run",
        folder,
        "--output",
        tmp_path / "o",
    )
    assert (tmp_path / "o" / "_SUCCESS").exists()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_promised_python_resolves(wheel: Path, tmp_path: Path, version: str) -> None:
    wants = tmp_path / "in.txt"
    wants.write_text(f"mirrorfold @ {wheel.as_uri()}\n", encoding="utf-8")
    uv("pip", "compile", "--quiet", "--python-version", version, "--only-binary", ":all:", wants)


def test_no_newer_beam_admits_the_safe_pillow(tmp_path: Path) -> None:
    """When this fails, Beam has lifted its bound: lift ours in pyproject.toml, and this test with it."""
    wants = tmp_path / "in.txt"
    wants.write_text("apache-beam\nPillow>=13\n", encoding="utf-8")
    found = uv("pip", "compile", "--quiet", "--python-version", "3.11", wants)
    assert re.search(r"^apache-beam==(2\.\d+)", found, re.MULTILINE)[1] == "2.71"


def test_the_newest_beam_gives_the_same_bytes(wheel: Path, sources, tmp_path: Path) -> None:
    """Against its own bound on Pillow; the writer of the tables is the lock's, for it signs each file."""
    writer = re.search(r"^pyarrow==\S+", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)[0].rstrip("\\ ")
    override = tmp_path / "override.txt"
    override.write_text("apache-beam>2.71\nPillow>=13\n", encoding="utf-8")
    newest = environment(tmp_path / "newest", "--override", override, writer, wheel)
    assert "apache-beam==2.71" not in uv("pip", "freeze", "--python", tmp_path / "newest")
    ours = Path(sys.executable).parent
    assert run(newest, sources, tmp_path / "a") == run(ours, sources, tmp_path / "b")
