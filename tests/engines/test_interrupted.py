"""A local run that is stopped at any moment, by kill -9, Ctrl-C or a lost worker, goes on to the same bytes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.photographs import variants
from tests.engines.test_mission import MIRRORFOLD, digests
from tests.mission.stores import fill_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MOMENTS = (
    "_work/listing/*",
    "objects/part-*",
    "_work/fingerprints/*",
    "contents/part-*",
    "_work/steps/fingerprint.json",
    "pairs/part-*",
    "_work/steps/match.json",
    "decisions/part-*",
    "savings/part-*",
    "report.html",
)
"""A run is stopped as soon as such a file appears: within each step, and between its shards and its commit."""

STOPPED = "mirrorfold: stopped; running the same command again goes on from what is finished"
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp("photographs")
    config = root / "small-shards.yaml"
    config.write_text("fingerprint: {shard_objects: 20}\n")
    source = fill_folder(root / "source", dict(variants(240)))
    return [MIRRORFOLD, "run", f"hk={source}", "--config", str(config), "--output"]


@pytest.fixture(scope="module")
def expected(command, tmp_path_factory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run([*command, str(output)], check=True, capture_output=True)
    return digests(output)


def stop_at(moment: str, command: list[str], output: Path, stop: Callable[[subprocess.Popen], None]) -> tuple[int, str]:
    """Run until a file appears that wasn't there, stop the run, and give its exit code and what it said."""
    there = set(output.glob(moment))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    while process.poll() is None and not set(output.glob(moment)) - there:
        time.sleep(0.002)
    assert process.poll() is None, f"it ended before {moment}: {process.communicate()[0][-2000:]}"
    stop(process)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def workers_of(process: subprocess.Popen) -> list[int]:
    """List the process ids of a run's worker processes."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            parent = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("PPid:"))
            if parent == str(process.pid) and "sdk_worker_main" in (status.parent / "cmdline").read_text():
                found.append(int(status.parent.name))
    return found


def test_killed_in_every_step(command, expected, tmp_path):
    output = tmp_path / "out"
    for moment in MOMENTS:
        code, _ = stop_at(moment, [*command, str(output)], output, subprocess.Popen.kill)
        assert code == -signal.SIGKILL
        assert not (output / "_SUCCESS").exists()
    subprocess.run([*command, str(output)], check=True, capture_output=True)
    assert digests(output) == expected


def ctrl_c(process: subprocess.Popen) -> None:
    """Interrupt a run as a terminal does: its own processes hear it too."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("options", [[], PROCESSES], ids=["threads", "worker-processes"])
def test_ctrl_c_in_every_step(options, command, expected, tmp_path):
    output = tmp_path / "out"
    whole = [*command, str(output), *options]
    for moment in MOMENTS:
        code, said = stop_at(moment, whole, output, ctrl_c)
        assert code == 1, said[-2000:]
        assert said.splitlines()[-1] == STOPPED
        assert "Traceback" not in said
    subprocess.run(whole, check=True, capture_output=True)
    assert digests(output) == expected


@pytest.mark.parametrize("moment", ["_work/fingerprints/*", "edges/part-*"], ids=["fingerprint", "match"])
def test_a_lost_worker_process(moment, command, expected, tmp_path):
    output = tmp_path / "out"

    def kill_one(process: subprocess.Popen) -> None:
        os.kill(workers_of(process)[0], signal.SIGKILL)

    code, said = stop_at(moment, [*command, str(output), *PROCESSES], output, kill_one)
    assert code == 0, said[-2000:]
    assert "the engine lost a worker; running the step again (1 of 2)" in said
    assert digests(output) == expected
