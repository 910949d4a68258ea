"""Imports point one way: pipelines -> transforms -> schemas; the rooms know nothing of each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for path in (
        *(
            path
            for folder in ("schemas", "transforms", "pipelines", "configs")
            for path in (ROOT / folder).rglob("*.py")
        ),
        *(ROOT / "src" / "mirrorfold").glob("*.py"),
    )
)
SHARED_ROOMS = {"blocks", "stores"}
CLOUD = ("azure", "boto3", "botocore", "google.api_core", "google.auth", "google.cloud", "obstore", "s3fs", "gcsfs")
BEAM_WIRING = {"wiring.py"}


def imports(path: Path) -> set[str]:
    """Name every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def complaints(path: Path, root: Path = ROOT) -> list[str]:
    """Say what a file imports that its room may not."""
    place = path.relative_to(root).parts
    layer, room = place[0], place[1] if len(place) > 2 else None
    wrong = []
    for module in sorted(imports(path)):
        parts = module.split(".")
        if parts[0] in ("schemas", "transforms", "pipelines", "configs"):
            wrong.append(f"{module}: import mirrorfold.{module}")
        if parts[0] == "apache_beam" and layer not in ("pipelines", "src") and path.name not in BEAM_WIRING:
            wrong.append(f"{module}: only wiring files and pipelines know Beam")
        if any(f"{module}.".startswith(f"{sdk}.") for sdk in CLOUD) and room != "stores":
            wrong.append(f"{module}: only the stores room knows cloud SDKs")
        if parts[0] != "mirrorfold" or len(parts) < 2:
            continue
        if parts[1] not in ALLOWED[layer]:
            wrong.append(f"{module}: {layer} may not know {parts[1]}")
        if layer == "transforms" and parts[1] == "transforms" and len(parts) > 2:
            target = parts[2]
            if target != room and target not in SHARED_ROOMS:
                wrong.append(f"{module}: stage {room} may not know stage {target}")
            if room == "stores" and target != "stores":
                wrong.append(f"{module}: stores lie below everything")
    return wrong


ALLOWED = {
    "schemas": {"schemas"},
    "transforms": {"transforms", "schemas"},
    "configs": {"configs", "schemas"},
    "pipelines": {"pipelines", "transforms", "schemas", "configs"},
    "src": {"pipelines", "transforms", "schemas", "configs"},
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    assert complaints(path) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("schemas/a.py", "import mirrorfold.transforms.match"),
        ("transforms/match/a.py", "from mirrorfold.transforms.cluster import stars"),
        ("transforms/match/a.py", "from mirrorfold.configs.settings import Settings"),
        ("transforms/match/a.py", "import apache_beam as beam"),
        ("transforms/match/a.py", "import boto3"),
        ("transforms/stores/a.py", "from mirrorfold.transforms.blocks import ipc"),
        ("pipelines/a.py", "from google.cloud import storage"),
        ("pipelines/a.py", "from transforms import match"),
    ],
)
def test_a_wrong_import_is_seen(tmp_path: Path, place: str, line: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    assert complaints(path, tmp_path)
