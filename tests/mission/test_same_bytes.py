"""The same input gives the same bytes in every table, whatever the order of sources, the workers or the blocks."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
EXEMPT = "hold_checks"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    return [f"{name}={fill_folder(root / name, files)}" for name, files in libraries().items()]


def digests(output: Path) -> dict[str, str]:
    """Digest every table's shards but those of the exempt one."""
    shards = sorted(path for path in output.glob("*/part-*.parquet") if path.parent.name != EXEMPT)
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}


def run(sources: list[str], output: Path, *options: str) -> dict[str, str]:
    subprocess.run([MIRRORFOLD, "run", *sources, "--output", str(output), *options], check=True, capture_output=True)
    return digests(output)


@pytest.fixture(scope="module")
def reference(sources, tmp_path_factory):
    return run(sources, tmp_path_factory.mktemp("reference") / "out")


@pytest.mark.parametrize(
    "options",
    [[], ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]],
    ids=["sources reversed", "two worker processes"],
)
def test_every_table_is_equal(sources, reference, tmp_path, options) -> None:
    assert run(sources[::-1], tmp_path / "out", *options) == reference


def test_threads_and_shards_change_nothing(sources, reference, tmp_path) -> None:
    config = tmp_path / "other.yaml"
    config.write_text("fingerprint: {threads: 3, shard_objects: 7}", encoding="utf-8")
    assert run(sources, tmp_path / "out", "--config", str(config)) == reference


SMALL_BLOCKS = """
import sys
from mirrorfold.pipelines.commands import cli
from mirrorfold.transforms.blocks import wiring

wiring.PIECE_BYTES = wiring.SPILL_BYTES = 1_000
cli.main()
"""


def test_small_blocks_change_nothing(sources, reference, tmp_path) -> None:
    """Rows travel in pieces of a kilobyte: nearly each by itself, and many to a partition."""
    command = [sys.executable, "-c", SMALL_BLOCKS, "run", *sources[::-1], "--output", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    assert digests(tmp_path / "out") == reference


SMALL_PARTITIONS = """
from mirrorfold.pipelines.commands import cli
from mirrorfold.transforms.cluster import wiring as cluster
from mirrorfold.transforms.match import wiring as match

match.CONTENTS_PER_PARTITION = match.FEATURES_PER_PARTITION = cluster.CONTENTS_PER_PARTITION = 3
cluster.MOST_IN_ONE, cluster.NODES_PER_PARTITION = 0, 5
cli.main()
"""


def test_small_partitions_change_nothing(sources, reference, tmp_path) -> None:
    """Nearly every edge crosses two partitions, and nearly every family several."""
    command = [sys.executable, "-c", SMALL_PARTITIONS, "run", *sources, "--output", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    assert digests(tmp_path / "out") == reference
