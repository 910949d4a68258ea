"""What can be wrong with an engine before anything is submitted to it, where Beam would wait forever in silence."""

from __future__ import annotations

import logging
import socket

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions, PortableOptions, StandardOptions

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.blocks.process_limits import address_space

PATIENCE = 5.0
"""Seconds that a server is given to take a connection."""

LEAST_SPACE = 2_500_000 << 10
"""Bytes of address space that a run over a few files takes; what it really uses is a tenth of that."""

LOCAL_ENVIRONMENTS = ("LOOPBACK", None)

_log = logging.getLogger("mirrorfold.engine")


def check_memory() -> None:
    """Refuse a memory limit under which the libraries below abort without a word.

    Raises:
      UsageError: how much there is and how much it takes.
    """
    space = address_space()
    if space is not None and space < LEAST_SPACE:
        raise UsageError(
            f"this shell lets a process have {space / 1e9:.1f} GB of address space (`ulimit -v`), and a run takes "
            f"{LEAST_SPACE / 1e9:.1f} GB: raise it with `ulimit -v {LEAST_SPACE >> 10}` or more"
        )


def check_engine(options: PipelineOptions, output: str) -> None:
    """Ask whether the engine's server takes connections, and warn where its hosts may not see DIR.

    Raises:
      UsageError: nobody answers; one line that says what to start or which option to give.
    """
    runner, portable = options.view_as(StandardOptions).runner, options.view_as(PortableOptions)
    if runner == "PortableRunner":
        if not portable.job_endpoint:
            raise UsageError("--runner=PortableRunner needs --job_endpoint=HOST:PORT of a job server")
        if portable.job_endpoint != "embed":  # Beam's word for its own, in this process
            _check(
                portable.job_endpoint, "job server", "start one (`make flink`, `make spark`), or give --job_endpoint"
            )
        if portable.environment_type not in LOCAL_ENVIRONMENTS and "://" not in output:
            _log.warning("%s is a folder: every host of the cluster has to share it, under this name", output)
    master = options.view_as(FlinkRunnerOptions).flink_master
    if runner == "FlinkRunner" and master and not master.startswith("["):
        _check(master.rpartition("//")[2], "JobManager", "check --flink_master=HOST:PORT, its REST address")


def _check(endpoint: str, what: str, mend: str) -> None:
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"{endpoint!r} isn't HOST:PORT of a {what}: {mend}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"no {what} answers at {endpoint}: {mend}") from error
