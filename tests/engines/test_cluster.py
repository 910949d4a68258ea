"""A standalone Flink of one JobManager and two TaskManagers: the whole mission, with hosts and workers killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import _started as started
from tests.engines.engines import FlinkCluster, flink_cluster
from tests.engines.photographs import variants
from tests.mission.stores import environment, fill_s3, s3_client
from tests.servers import Server, versity_server

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
IMAGES = 900
OUTPUT = "results"
EXEMPT = "hold_checks"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def store() -> Iterator[Server]:
    """An S3 server that the driver and every host share, with the source and a bucket for DIR in it."""
    with started(versity_server) as server:
        files = dict(variants(IMAGES))
        assert len(files) == IMAGES
        fill_s3(server, "photographs", files)
        fill_s3(server, OUTPUT, {})
        yield server


@pytest.fixture(scope="module")
def local(store) -> dict[str, str]:
    """Tables of the local run over the same bucket."""
    return finish(start(store, "local", []), store, "local")


def start(store: Server, folder: str, args: list[str], config: Path | None = None) -> subprocess.Popen:
    """Start the command as a user does, writing to the store."""
    command = [MIRRORFOLD, "run", "s3://photographs", "--output", f"s3://{OUTPUT}/{folder}", *args]
    if config:
        command += ["--config", str(config)]
    return subprocess.Popen(
        command, env=environment(store.url, None, store), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen, store: Server, folder: str) -> dict[str, str]:
    """Wait for the command's good end and digest the tables it wrote."""
    said, _ = process.communicate()
    assert process.returncode == 0, said[-3000:]
    return digests(store, folder)


def digests(store: Server, folder: str) -> dict[str, str]:
    """Digest every shard of every table but the exempt one."""
    client = s3_client(store)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=OUTPUT, Prefix=f"{folder}/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    shards = [key for key in keys if "/part-" in key and key.count("/") == 2 and key.split("/")[1] != EXEMPT]
    return {key.partition("/")[2]: hashlib.sha256(_get(client, key)).hexdigest() for key in shards}


def _get(client, key: str) -> bytes:
    return client.get_object(Bucket=OUTPUT, Key=key)["Body"].read()


@pytest.fixture(scope="module")
def cluster(store) -> Iterator[FlinkCluster]:
    """A cluster whose workers find the store the way their host's environment says."""
    with started(lambda: flink_cluster(env=environment(store.url, None, store))) as running:
        yield running


def wait_for(condition: Callable[[], bool], process: subprocess.Popen, what: str) -> None:
    """Wait while the command is at work.

    Raises:
      AssertionError: it ended first: nothing was killed mid-run, and the test proves nothing.
    """
    while not condition():
        assert process.poll() is None, f"the run ended before {what}: {process.stdout.read()[-2000:]}"
        time.sleep(0.2)


def fingerprint_shards(store: Server, folder: str) -> int:
    """Count the shards that fingerprinting has committed so far."""
    pages = s3_client(store).list_objects_v2(Bucket=OUTPUT, Prefix=f"{folder}/_work/fingerprints/")
    return pages.get("KeyCount", 0)


def python_workers(cluster: FlinkCluster) -> list[int]:
    """List the process ids of Beam's workers that the TaskManagers started."""
    managers = {str(manager.pid) for manager in cluster.managers}
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            parent = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("PPid:"))
            command = (status.parent / "cmdline").read_text()
            if parent in managers and "sdk_worker_main" in command:
                found.append(int(status.parent.name))
    return found


def kill_manager(cluster: FlinkCluster) -> None:
    """Kill a host: its TaskManager and the workers beside it."""
    cluster.managers[0].kill()
    cluster.managers[0].wait()


def kill_worker(cluster: FlinkCluster) -> None:
    """Kill one Python worker."""
    os.kill(python_workers(cluster)[0], signal.SIGKILL)


def test_undisturbed(store, local, cluster):
    assert finish(start(store, "undisturbed", cluster.args), store, "undisturbed") == local


@pytest.mark.parametrize("kill", [kill_manager, kill_worker], ids=["taskmanager", "python-worker"])
def test_killed(kill, store, local, cluster, tmp_path):
    folder = f"killed-{kill.__name__}"
    config = tmp_path / "small-shards.yaml"
    config.write_text("fingerprint: {shard_objects: 100}\n")
    process = start(store, folder, cluster.args, config)
    wait_for(lambda: fingerprint_shards(store, folder) > 1 and python_workers(cluster), process, kill.__name__)
    kill(cluster)
    assert finish(process, store, folder) == local
