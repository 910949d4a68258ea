"""The block kit writes the same bytes on every engine, in every order, with blocks of every size."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.errors import SafetyStop
from tests.conftest import _started as started
from tests.engines import engines, kit_job

LOCAL = {
    "one-process": [],
    "two-processes": ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
}
ENGINES = {"flink": engines.flink_embedded, "spark": engines.spark_local, "prism": engines.prism}


@contextlib.contextmanager
def engine_args(name: str) -> Iterator[list[str]]:
    """Give an engine's options; a server runs until the block ends."""
    if name in LOCAL:
        yield LOCAL[name]
        return
    with started(ENGINES[name]) as args:
        yield args


def write_tables(output: Path, args: list[str], block: int = 1_000, seed: int = 0, spill: Path | None = None):
    """Run both pipelines of the job and give every file written."""
    folder = None if spill is None else str(spill)
    options = engine.pipeline_options(args, work=None)
    engine.run_pipeline(lambda root: kit_job.build_words(root, str(output), block, seed, folder), options)
    options = engine.pipeline_options(args, work=None)
    engine.run_pipeline(lambda root: kit_job.build_totals(root, str(output), 7, folder), options)
    return kit_job.table_bytes(str(output))


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, bytes]:
    """Tables of the plainest run: in process, in order."""
    return write_tables(tmp_path_factory.mktemp("expected"), [])


def test_expected_tables_are_whole(expected):
    """The yardstick itself: seven word shards, three of totals, none empty."""
    assert len([path for path in expected if path.startswith("words/")]) == 7
    assert len([path for path in expected if path.startswith("totals/")]) == 3
    assert min(map(len, expected.values())) > 2_000


@pytest.mark.parametrize(
    ("name", "block", "seed", "spills"),
    [
        pytest.param("one-process", 1_000, 1, False, id="input-order-shuffled"),
        pytest.param("one-process", 333, 2, False, id="small-blocks"),
        pytest.param("one-process", kit_job.ROWS, 3, False, id="one-block"),
        pytest.param("one-process", 1_000, 4, True, id="spilled"),
        pytest.param("two-processes", 777, 5, True, id="two-processes-spilled"),
        pytest.param("flink", 1_000, 6, False, id="flink"),
        pytest.param("prism", 1_000, 7, False, id="prism", marks=pytest.mark.slow),
        pytest.param("spark", 1_000, 8, False, id="spark", marks=pytest.mark.slow),
    ],
)
def test_same_bytes(name, block, seed, spills, expected, tmp_path):
    spill = tmp_path / "spill" if spills else None
    if spill:
        spill.mkdir()
    with engine_args(name) as args:
        assert write_tables(tmp_path / "out", args, block, seed, spill) == expected


@pytest.mark.parametrize(
    "name",
    ["one-process", "two-processes", "flink", pytest.param("spark", marks=pytest.mark.slow)],
)
def test_own_error_surfaces(name):
    with engine_args(name) as args:
        started = time.monotonic()
        with pytest.raises(SafetyStop, match=r"^s3://absent doesn't exist: check its name$"):
            engine.run_pipeline(kit_job.build_failing, engine.pipeline_options(args, work=None))
        # A guard against hanging and restarting, not a measure of speed: a cold start is under 15 s here.
        assert time.monotonic() - started < 60
