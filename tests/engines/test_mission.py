"""The whole mission on an engine gives the tables of the local run, byte for byte."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mirrorfold.pipelines.record.metrics import NAMES
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


def metrics(output: Path) -> dict[str, int]:
    """Read what run.json says was measured."""
    return json.loads((output / "run.json").read_text())["metrics"]


@pytest.fixture(scope="module")
def local_run(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("local") / "out"


@pytest.fixture(scope="module")
def local(sources, local_run) -> dict[str, str]:
    tables = run(sources, local_run)
    assert {path.split("/")[0] for path in tables} >= TABLES
    return tables


def test_metrics_are_what_the_tables_say(local, local_run):
    """Counted again by other means."""
    shards = "read_parquet('{}/{}/*.parquet')".format
    queries = {
        "objects_listed": f"SELECT count(*) FROM {shards(local_run, 'objects')}",
        "bytes_read": f"SELECT sum(size) FROM {shards(local_run, 'objects')} WHERE identity_evidence = 'read'",
        "contents": f"SELECT count(DISTINCT content_id) FROM {shards(local_run, 'contents')}",
        "failures/truncated": f"SELECT count(*) FROM {shards(local_run, 'failures')} WHERE error = 'truncated'",
        "edges": f"SELECT count(*) FROM {shards(local_run, 'edges')}",
        "pairs": f"SELECT count(*) FROM {shards(local_run, 'pairs')}",
        "objects/keep": f"SELECT count(*) FROM {shards(local_run, 'decisions')} WHERE action = 'keep'",
        "bytes_freed": f"SELECT sum(bytes_freed) FROM {shards(local_run, 'decisions')} WHERE action = 'quarantine'",
    }
    found = metrics(local_run)
    assert {name: duckdb.sql(query).fetchall()[0][0] for name, query in queries.items()} == {
        n: found[n] for n in queries
    }
    assert {name.partition("/")[0] for name in found} == set(NAMES)
    assert found["bytes_freed"] > 0
    assert found["edges"] > 0


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(engines.flink_embedded, id="flink"),
        pytest.param(engines.spark_local, id="spark", marks=pytest.mark.slow),
        pytest.param(engines.prism, id="prism", marks=pytest.mark.slow),
    ],
)
def test_same_tables(start, sources, local, local_run, tmp_path):
    with started(start) as args:
        assert run(sources[::-1], tmp_path / "out", *args) == local
    assert metrics(tmp_path / "out") == metrics(local_run)
