"""A run that is killed goes on from what it had finished: nothing is read twice but the unfinished shards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mission.archive import libraries
from tests.mission.stores import environment, fill_s3
from tests.servers import moto_server, recording_proxy

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
SHARD_OBJECTS = 4
EXEMPT = "hold_checks"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "small-shards.yaml").write_text(
        f"fingerprint: {{shard_objects: {SHARD_OBJECTS}, threads: 1}}", encoding="utf-8"
    )
    with moto_server() as server, recording_proxy(server.url) as seen:
        fill_s3(server, "hk-archive", libraries()["hk"])
        yield tmp_path, seen, environment(seen.url, None, server)


def command(folder: Path, output: str) -> list[str]:
    config = str(folder / "small-shards.yaml")
    return [MIRRORFOLD, "run", "hk=s3://hk-archive", "--output", str(folder / output), "--config", config]


def gets(seen) -> list[str]:
    """Name the requests for pictures; a listing may go on from a picture's key."""
    reads = [path for method, path in seen.requests if method == "GET" and "list-type=" not in path]
    return [path for path in reads if ".jpg" in path or ".png" in path]


def tables(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.glob("*/part-*.parquet")
        if path.parent.name != EXEMPT
    }


def test_killed_half_way_it_reads_only_what_is_missing(place) -> None:
    folder, seen, env = place
    process = subprocess.Popen(command(folder, "killed"), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    committed = folder / "killed" / "_work" / "fingerprints"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if committed.exists() and len(list(committed.iterdir())) >= 2:
            break
        time.sleep(0.005)
    assert process.poll() is None, "it finished before it could be killed: use smaller shards"
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len([path for path in committed.iterdir() if not path.name.startswith(".")])
    before = len(gets(seen))

    subprocess.run(command(folder, "killed"), env=env, check=True, capture_output=True, timeout=200)
    total, objects = len(gets(seen)), len(libraries()["hk"])
    read_again = total - len(set(gets(seen)))
    assert read_again <= 3 * SHARD_OBJECTS
    assert total - before <= objects - (done - 1) * SHARD_OBJECTS

    subprocess.run(command(folder, "whole"), env=env, check=True, capture_output=True, timeout=200)
    assert tables(folder / "killed") == tables(folder / "whole")
