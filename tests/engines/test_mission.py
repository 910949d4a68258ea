"""The whole mission on an engine gives the tables of the local run, byte for byte."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import _started as started
from tests.engines import engines
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
EXEMPT = "hold_checks"
TABLES = {"objects", "contents", "failures", "pairs", "clusters", "decisions", "savings"}


def digests(output: Path) -> dict[str, str]:
    """Digest every shard of every table but the exempt one."""
    shards = sorted(path for path in output.glob("*/part-*.parquet") if path.parent.name != EXEMPT)
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}


def run(sources: list[str], output: Path, *options: str) -> dict[str, str]:
    """Run the command as a user does, and digest its tables."""
    command = [MIRRORFOLD, "run", *sources, "--output", str(output), *options]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert (output / "_SUCCESS").exists()
    return digests(output)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp("sources")
    return [f"{name}={fill_folder(root / name, files)}" for name, files in libraries().items()]


@pytest.fixture(scope="module")
def local(sources, tmp_path_factory) -> dict[str, str]:
    tables = run(sources, tmp_path_factory.mktemp("local") / "out")
    assert {path.split("/")[0] for path in tables} >= TABLES
    return tables


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(engines.flink_embedded, id="flink"),
        pytest.param(engines.spark_local, id="spark", marks=pytest.mark.slow),
        pytest.param(engines.prism, id="prism", marks=pytest.mark.slow),
    ],
)
def test_same_tables(start, sources, local, tmp_path):
    with started(start) as args:
        assert run(sources[::-1], tmp_path / "out", *args) == local
