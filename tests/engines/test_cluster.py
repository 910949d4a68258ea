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

from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.errors import SafetyStop
from tests.conftest import _started as started
from tests.engines import kit_job
from tests.engines.engines import FlinkCluster, flink_cluster
from tests.engines.photographs import variants
from tests.mission.stores import environment, fill_s3, s3_client
from tests.servers import Server, versity_server

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
IMAGES = 2_400
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


def fingerprinting(cluster: FlinkCluster, store: Server, folder: str) -> bool:
    """Tell whether some shards are committed and others aren't."""
    return len(work_files(store, folder, "fingerprints/")) > 1 and bool(python_workers(cluster))


def matching(cluster: FlinkCluster, store: Server, folder: str) -> bool:
    """Tell whether matching is at work: its step isn't committed, and the cluster runs its job."""
    steps = {path.rsplit("/", 1)[1] for path in work_files(store, folder, "steps/")}
    return (
        "fingerprint.json" in steps and "match.json" not in steps and cluster.busy() and bool(python_workers(cluster))
    )


def work_files(store: Server, folder: str, prefix: str) -> list[str]:
    """List what a run has committed so far."""
    found = s3_client(store).list_objects_v2(Bucket=OUTPUT, Prefix=f"{folder}/_work/{prefix}")
    return [content["Key"] for content in found.get("Contents", [])]


def python_workers(cluster: FlinkCluster) -> list[int]:
    """List the process ids of Beam's workers that the TaskManagers started."""
    managers = {str(manager.pid) for manager in cluster.managers}
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            parent = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("PPid:"))
            command = (status.parent / "cmdline").read_text()
            if parent in managers and "mirrorfold-worker" in command:
                found.append(int(status.parent.name))
    return found


def started_at(worker: int) -> int:
    """Give a process's start, in clock ticks since the machine's own."""
    return int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[19])


def kill_manager(cluster: FlinkCluster) -> None:
    """Kill a host: its TaskManager, and with it the workers that can't reach it any more."""
    manager = cluster.live_managers()[0]
    manager.kill()
    manager.wait()


def kill_worker(cluster: FlinkCluster) -> None:
    """Kill one Python worker: the youngest, as those of the job before stay for a while."""
    os.kill(max(python_workers(cluster), key=started_at), signal.SIGKILL)


def test_undisturbed(store, local, cluster):
    assert finish(start(store, "undisturbed", cluster.args), store, "undisturbed") == local


@pytest.mark.parametrize(
    ("kill", "moments"),
    [
        pytest.param(kill_manager, [fingerprinting], id="taskmanager-in-fingerprint"),
        pytest.param(kill_manager, [matching], id="taskmanager-in-match"),
        pytest.param(kill_worker, [fingerprinting, matching], id="python-worker-in-both"),
    ],
)
def test_killed(kill, moments, store, local, cluster, tmp_path):
    folder = "-".join([kill.__name__, *(moment.__name__ for moment in moments)])
    config = tmp_path / "small-shards.yaml"
    config.write_text("fingerprint: {shard_objects: 100}\n")
    if len(cluster.live_managers()) < 2:
        cluster.add_manager()
    cluster.wait_for_managers(2)
    process = start(store, folder, cluster.args, config)
    for at_work in moments:
        failed = cluster.jobs("FAILED")
        wait_for(lambda at_work=at_work: at_work(cluster, store, folder), process, kill.__name__)
        kill(cluster)
        wait_for(lambda failed=failed: cluster.jobs("FAILED") > failed, process, "the kill hit a job")
    assert finish(process, store, folder) == local


def test_own_error(cluster):
    """It comes back as its own type and message, from one job: neither the cluster nor mirrorfold tries again."""
    failed = cluster.jobs("FAILED")
    with pytest.raises(SafetyStop, match=r"^s3://absent doesn't exist: check its name$"):
        engine.run_pipeline(kit_job.build_failing, engine.pipeline_options(cluster.args, work=None))
    assert cluster.jobs("FAILED") == failed + 1
