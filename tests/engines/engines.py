"""Engines for tests: each starts on free ports of this machine and is ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import MissingServer, find_program, free_port, running

TOOLS = Path(__file__).resolve().parents[2] / "build" / "tools"

# What Flink's and Spark's own scripts open for Java 17.
_OPENS = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/sun.net.util",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
)


def java(engine: str, heap: str, main: str, *arguments: str) -> list[str]:
    """Give the command that runs a main class out of an engine's jars.

    Raises:
      MissingServer: the jars aren't there.
    """
    jars = TOOLS / engine / "jars"
    if not jars.is_dir():
        raise MissingServer(f"{engine} isn't installed: run `make tools`")
    command = [
        find_program("java"),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-Djava.net.preferIPv4Stack=true",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    ]
    command += [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS]
    return [*command, "-cp", f"{jars}/*", main, *arguments]


@contextlib.contextmanager
def flink_embedded() -> Iterator[list[str]]:
    """Start a job server with a whole Flink in it; give the Beam options that reach it."""
    with _job_server("flink") as args:
        yield [*args, "--environment_type=LOOPBACK", "--parallelism=2"]


@contextlib.contextmanager
def spark_local() -> Iterator[list[str]]:
    """Start a job server with a local Spark of two cores in it; give the Beam options that reach it."""
    with _job_server("spark") as args:
        yield [*args, "--environment_type=LOOPBACK"]


@contextlib.contextmanager
def _job_server(engine: str, *master: str) -> Iterator[list[str]]:
    """Run the script behind `make flink` and `make spark`."""
    if not (TOOLS / engine / "jars").is_dir():
        raise MissingServer(f"{engine} isn't installed: run `make tools`")
    port = free_port()
    ports = {"JOB_PORT": str(port), "ARTIFACT_PORT": str(free_port()), "HEAP": "768m"}
    with running([str(TOOLS.parents[1] / "tools" / "job_server.sh"), str(TOOLS), engine, *master], port, ports):
        yield ["--runner=PortableRunner", f"--job_endpoint=localhost:{port}"]


@contextlib.contextmanager
def prism() -> Iterator[list[str]]:
    """Give the options that run the installed Prism binary."""
    yield ["--runner=PrismRunner", f"--prism_location={find_program('prism')}", "--environment_type=LOOPBACK"]


@dataclass
class FlinkCluster:
    """A standalone Flink: one JobManager, two TaskManagers, each a process on loopback.

    Attributes:
      args: the Beam options that run a pipeline on it, Python workers as processes beside each TaskManager.
      rest: the JobManager's REST address.
      managers: the TaskManagers' processes.
    """

    args: list[str]
    rest: str
    folder: Path
    jobmanager_port: int
    env: dict[str, str]
    managers: list[subprocess.Popen] = field(default_factory=list)

    def add_manager(self) -> subprocess.Popen:
        """Start one more TaskManager."""
        conf = self.folder / f"taskmanager-{len(self.managers)}"
        _write_config(conf, self.jobmanager_port, int(self.rest.rsplit(":", 1)[1]))
        log = open(conf / "log", "wb")  # noqa: SIM115 - handed to the process
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        command = java("flink-cluster", "512m", main, "--configDir", str(conf))
        # Flink's scripts work these out; 640 MB of network memory, because two table sinks in one job run out of
        # buffers with the default.
        sizes = {
            "taskmanager.cpu.cores": "1",
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.framework.off-heap.size": "128m",
            "taskmanager.memory.task.heap.size": "256m",
            "taskmanager.memory.task.off-heap.size": "0m",
            "taskmanager.memory.managed.size": "512m",
            "taskmanager.memory.network.min": "640m",
            "taskmanager.memory.network.max": "640m",
            "taskmanager.memory.jvm-metaspace.size": "256m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
        }
        command += [part for name, value in sizes.items() for part in ("-D", f"{name}={value}")]
        command.insert(2, "-XX:MaxDirectMemorySize=900m")
        process = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)
        self.managers.append(process)
        return process

    def wait_for_managers(self, count: int) -> None:
        """Wait until so many TaskManagers have registered.

        Raises:
          RuntimeError: one of them ended, with the end of its log.
        """
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.rest}/overview", timeout=5) as answer:
                if f'"taskmanagers":{count}' in answer.read().decode():
                    return
            if len(self.live_managers()) < count:
                break
            time.sleep(0.3)
        logs = "\n".join(
            (self.folder / f"taskmanager-{i}" / "log").read_text()[-20000:] for i in range(len(self.managers))
        )
        raise RuntimeError(f"{count} TaskManagers never registered:\n{logs}")

    def live_managers(self) -> list[subprocess.Popen]:
        """List the TaskManagers that weren't killed."""
        return [manager for manager in self.managers if manager.poll() is None]

    def jobs(self, state: str) -> int:
        """Count the jobs in a state."""
        return sum(job["state"] == state for job in self._overview())

    def busy(self) -> bool:
        """Tell whether a job's tasks are running."""
        return any(job["state"] == "RUNNING" and job["tasks"]["running"] for job in self._overview())

    def _overview(self) -> list[dict]:
        with urllib.request.urlopen(f"{self.rest}/jobs/overview", timeout=10) as answer:
            return json.load(answer)["jobs"]


@contextlib.contextmanager
def flink_cluster(parallelism: int = 2, env: dict[str, str] | None = None) -> Iterator[FlinkCluster]:
    """Start a standalone Flink and a job server in front of it; everything ends with the block.

    Args:
      env: the hosts' environment, where workers find their credentials.
    """
    with (
        tempfile.TemporaryDirectory(prefix="flink-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        folder, rest, rpc = Path(name), free_port(), free_port()
        conf = folder / "jobmanager"
        _write_config(conf, rpc, rest)
        main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        stack.enter_context(running(java("flink-cluster", "512m", main, "--configDir", str(conf)), rest))
        cluster = FlinkCluster([], f"http://127.0.0.1:{rest}", folder, rpc, _worker_env(env or {}))
        stack.callback(lambda: [_end(manager) for manager in cluster.managers])
        cluster.add_manager()
        cluster.add_manager()
        cluster.wait_for_managers(2)
        cluster.args = [
            *stack.enter_context(_job_server("flink", f"127.0.0.1:{rest}")),
            "--environment_type=PROCESS",
            f"--parallelism={parallelism}",
        ]
        yield cluster


def _write_config(conf: Path, rpc: int, rest: int) -> None:
    conf.mkdir()
    (conf / "tmp").mkdir()
    settings = {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": rpc,
        "jobmanager.bind-host": "127.0.0.1",
        "jobmanager.memory.process.size": "768m",
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": rest,
        "taskmanager.host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.numberOfTaskSlots": 2,
        # Otherwise all work goes to the first TaskManager that registered.
        "taskmanager.load-balance.mode": "SLOTS",
        "heartbeat.interval": 1000,
        "heartbeat.timeout": 8000,
        "io.tmp.dirs": conf / "tmp",
        "blob.storage.directory": conf / "tmp",
    }
    (conf / "flink-conf.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))


def _worker_env(given: dict[str, str]) -> dict[str, str]:
    # The tests' own steps are imported from the repository's root.
    paths = [os.environ.get("PYTHONPATH"), str(TOOLS.parents[1])]
    return {**os.environ, **given, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
