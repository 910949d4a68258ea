"""docs/engines.md gets a newcomer to a running Flink job in two commands: they are run here."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from mirrorfold.pipelines.commands import cli
from mirrorfold.pipelines.engine import option_files
from tests.conftest import _started as started
from tests.engines.engines import TOOLS
from tests.engines.test_mission import MIRRORFOLD
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder
from tests.servers import MissingServer, free_port

ROOT = TOOLS.parents[1]
DOCS = (ROOT / "docs" / "engines.md").read_text()


def commands(heading: str) -> list[str]:
    """Give the commands of a section's first block."""
    block = DOCS.split(f"## {heading}\n")[1].split("\n\n    ")[1].split("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


@pytest.mark.timeout(600)
def test_flink_in_two_commands(tmp_path):
    with started(installed):
        pass
    serve, run = commands("Flink in two commands")
    assert serve == "make flink"
    few = dict(list(libraries()["hk"].items())[:3])
    source, port = fill_folder(tmp_path / "hk", few), free_port()
    run = run.replace("hk=s3://archive-hk", f"hk={source}").replace(".venv/bin/mirrorfold", MIRRORFOLD)
    ports = {"JOB_PORT": str(port), "ARTIFACT_PORT": str(free_port()), "HEAP": "768m"}
    server = subprocess.Popen(
        serve.split(), cwd=ROOT, env={**os.environ, **ports}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(port, server)
        finished = subprocess.run(
            [*run.split(), f"--job_endpoint=localhost:{port}"], cwd=tmp_path, capture_output=True, text=True
        )
    finally:
        os.killpg(server.pid, signal.SIGINT)  # Ctrl-C, as the page says
        server.wait(timeout=30)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert (tmp_path / "clean" / "_SUCCESS").exists()


@contextlib.contextmanager
def installed():
    """Refuse where `make flink` would have to fetch jars in a test."""
    if not (TOOLS / "flink" / "jars").is_dir():
        raise MissingServer("flink isn't installed: run `make tools-flink`")
    yield


def _wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the job server didn't start")


def test_every_option_file_is_in_the_docs():
    assert set(re.findall(r"--engine=([a-z-]+)", DOCS)) == set(option_files.names())


def test_every_option_file_is_in_the_help():
    named = cli.EPILOG.partition("--engine=NAME")[2].partition("--engine=")[2].partition(", or a file")[0]
    assert set(re.split(r",\s+", named)) == set(option_files.names())


def test_every_path_in_the_docs_is_there():
    named = re.findall(r"\]\(\.\./([^)]+)\)|(?:-f |file=)(containers/\S+)", DOCS)
    assert named
    assert not [path for pair in named for path in pair if path and not (ROOT / path).exists()]
