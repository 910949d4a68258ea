"""What a person at a terminal sees of a run at work: the rate and the time left, wherever the work is done."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mirrorfold.pipelines.commands import progress
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.stores.api import StoreError
from tests.conftest import _started as started
from tests.engines import engines
from tests.engines.photographs import variants
from tests.mission.stores import fill_folder


def test_every_step_has_a_title():
    assert {step.name for step in MISSION} - progress.TITLES.keys() == set()


OFTEN = """
from mirrorfold.pipelines.commands import cli, progress
progress.COMMITTED_SECONDS = 0.1
cli.main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return fill_folder(tmp_path_factory.mktemp("sources") / "hk", dict(variants(480)))


def seen(command: list[str]) -> str:
    """Run a command at a terminal of 200 columns; give all that it shows."""
    driver, terminal = pty.openpty()
    environment = os.environ | {"COLUMNS": "200", "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
        while data := os.read(driver, 65536):
            shown += data
    os.close(driver)
    assert process.wait() == 0, shown[-2000:].decode()
    return shown.decode()


@contextlib.contextmanager
def here() -> Iterator[list[str]]:
    yield []


@contextlib.contextmanager
def worker_processes() -> Iterator[list[str]]:
    yield ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(here, id="threads"),
        pytest.param(worker_processes, id="worker-processes", marks=pytest.mark.slow),
        pytest.param(engines.flink_embedded, id="flink", marks=pytest.mark.slow),
    ],
)
def test_rate_and_time_left(start, folder, tmp_path):
    config = tmp_path / "small-shards.yaml"
    config.write_text("fingerprint: {shard_objects: 20}\n")
    with started(start) as options:
        command = [sys.executable, "-W", "ignore", "-c", OFTEN, "run", folder, "--output", str(tmp_path / "out")]
        shown = seen([*command, "--config", str(config), *options])
    lines = [line for line in re.split(r"[\r\n]", shown) if "Fingerprinting images" in line]
    counts = {int(found.replace(",", "")) for found in re.findall(r"([\d,]+) objects, [\d,]+/s", " ".join(lines))}
    assert len(counts) > 1, "the count never moved"
    assert max(counts) == 480
    assert re.search(r"objects, [\d,]+/s, [\d.,]+ MB/s, \d+:\d\d:\d\d left", " ".join(lines))


def test_an_interrupted_runs_commits_are_done_but_set_no_rate():
    found = [Done(600, 6_000)]
    count = progress.Count("fingerprint", 1_000, lambda: found[-1])
    assert (count.completed, count.rate(), count.left()) == (600, "", "")
    found.append(Done(800, 8_000))
    time.sleep(0.01)
    count.look(last=True)
    assert (count.completed, count.objects, count.bytes) == (800, 200, 2_000)
    assert count.rate().startswith("200 objects, ")
    assert count.left() == ", 0:00:00 left"


@pytest.mark.parametrize("error", [StoreError("unreachable", "no answer"), OSError("gone")], ids=["store", "folder"])
def test_a_store_that_does_not_answer_stops_no_bar(error):
    answers = iter([Done(0, 0), error, Done(7, 70)])

    def committed() -> Done:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    count = progress.Count("fingerprint", 10, committed)
    count.look(last=True)
    assert count.objects == 0
    count.look(last=True)
    assert count.objects == 7


def test_a_bucket_is_not_listed_at_every_look():
    asked = []
    count = progress.Count("fingerprint", 10, lambda: asked.append(1) or Done(0, 0))
    for _ in range(50):
        count.look()
    assert len(asked) == 1
