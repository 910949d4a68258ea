"""What is built out of this repository: the same package from any checkout, and dependencies that are true."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "transforms", "pipelines", "configs")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

COMES_WITH = {
    "azure-core": "azure-storage-blob",
    "botocore": "boto3",
    "google-api-core": "google-cloud-storage",
    "google-auth": "google-cloud-storage",
    "googleapis-common-protos": "google-cloud-storage",
    "grpcio": "apache-beam",
    "grpcio-status": "apache-beam",
    "markupsafe": "jinja2",
    "sqlalchemy": "pyiceberg",
    "proto-plus": "google-cloud-storage",
    "protobuf": "apache-beam",
    "pydantic-core": "pydantic",
    "requests": "google-cloud-storage",
    "urllib3": "boto3",
}
"""Distributions that we import and that a named dependency always brings."""


def without_links(root: Path) -> None:
    """Make of the links what git makes of them on Windows: small text files."""
    for link in (root / "src" / "mirrorfold").iterdir():
        if link.is_symlink():
            target = str(link.readlink())
            link.unlink()
            link.write_text(target, encoding="utf-8")


def checkout(root: Path) -> Path:
    """Copy what a clone would have."""
    for name in ("src", *ROOMS):
        shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns("*.pyc", "*.egg-info"))
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    return root


def built(root: Path, kind: str) -> Path:
    """Build a wheel or an sdist with what is installed here."""
    dist = str(root / "dist")
    command = {
        "wheel": ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", dist, "."],
        "sdist": ["setup.py", "-q", "sdist", "--dist-dir", dist],
    }[kind]
    done = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next((root / "dist").iterdir())


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return built(checkout(tmp_path_factory.mktemp("checkout")), "wheel")


def test_a_wheel_holds_every_file_of_the_rooms(wheel: Path) -> None:
    tracked = {
        f"mirrorfold/{path.relative_to(ROOT)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert contents(wheel) == tracked | {f"mirrorfold/{name}" for name in ("__init__.py", "beam.py", "py.typed")}


def test_a_checkout_without_links_builds_the_same(wheel: Path, tmp_path: Path) -> None:
    """As on Windows: links that git wrote as text files."""
    without_links(checkout(tmp_path))
    assert contents(built(tmp_path, "wheel")) == contents(wheel)


def test_an_sdist_builds_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = built(checkout(tmp_path), "sdist")
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    assert contents(built(next((tmp_path / "unpacked").iterdir()), "wheel")) == contents(wheel)


def test_the_description_has_no_link_into_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(name).decode()
    assert "Clean a large image archive" in text
    assert [target for target in re.findall(r"\]\(([^)]+)\)", text) if not target.startswith("https://")] == []


def imported() -> dict[str, str]:
    """Name every top module, with one level of namespaces, that our rooms import; and a file that does."""
    found: dict[str, str] = {}
    rooms = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    for path in (*rooms, *(ROOT / "src" / "mirrorfold").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name: str(path) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {f"{node.module}.{alias.name}": str(path) for alias in node.names}
    return found


@functools.cache
def owners_by_module() -> dict[str, list[str]]:
    """Name the distributions of every top module."""
    return dict(importlib.metadata.packages_distributions())


@functools.cache
def files_of(distribution: str) -> frozenset[str]:
    """Name a distribution's files."""
    return frozenset(str(file) for file in importlib.metadata.files(distribution) or ())


def distribution_of(module: str) -> str | None:
    """Name the distribution that a module's file belongs to; None for Python's own and ours."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or top == "mirrorfold":
        return None
    owners = owners_by_module()[top]
    if len(owners) > 1:  # a namespace such as google: the one that has the file
        parts = module.split(".")
        owners = [
            owner
            for depth in range(len(parts), 1, -1)
            for owner in dict.fromkeys(owners)
            for file in ("/".join(parts[:depth]) + "/__init__.py", "/".join(parts[:depth]) + ".py")
            if file in files_of(owner)
        ]
    return normal(owners[0]) if owners else None


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in PROJECT["dependencies"]}


OPTIONAL = {"imagehash", "pyiceberg"}
"""Extras that bear the name of the one package that they bring, which a setting or a command asks for."""


def test_each_dependency_is_imported_and_each_import_is_declared() -> None:
    used = {found for module in imported() if (found := distribution_of(module))}
    direct = {COMES_WITH.get(name, name) for name in used}
    assert declared() - direct == set(), "declared, but nothing of ours imports it"
    assert direct - declared() == OPTIONAL <= PROJECT["optional-dependencies"].keys(), "imported, but not declared"


def test_extras_hold_no_bound_that_the_package_lacks() -> None:
    """Beam's cloud packages are an extra, at the very Beam that everybody gets."""
    beam = next(line for line in PROJECT["dependencies"] if line.startswith("apache-beam"))
    assert PROJECT["optional-dependencies"]["dataflow"] == [beam.replace("apache-beam", "apache-beam[gcp]")]


def test_the_lock_keeps_the_bounds() -> None:
    beam = re.search(r"^apache-beam==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)[1]
    assert any(line == f"apache-beam>={beam[:4]},<2.{int(beam[2:4]) + 1}" for line in PROJECT["dependencies"])


def test_the_python_that_runs_this_is_one_that_is_promised() -> None:
    bounds = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"])
    assert int(bounds[1]) <= sys.version_info.minor < int(bounds[2])
    named = {line.rsplit(".")[-1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    assert named == {str(minor) for minor in range(int(bounds[1]), int(bounds[2]))}
