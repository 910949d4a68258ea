"""Which engine a pipeline runs on, with which options, and how its errors come back."""

from __future__ import annotations

import copy
import difflib
import importlib.metadata
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from mirrorfold.pipelines.engine import quiet
from mirrorfold.transforms.blocks.cores import cores

quiet.import_beam()

import apache_beam as beam  # noqa: E402
from apache_beam.options.pipeline_options import (  # noqa: E402
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
)
from apache_beam.runners.runner import PipelineState  # noqa: E402

from mirrorfold.pipelines.engine import option_files  # noqa: E402
from mirrorfold.pipelines.engine.beam_answers import remember_answers  # noqa: E402
from mirrorfold.pipelines.engine.beam_fixes import (  # noqa: E402
    end_worker_processes,
    let_late_workers_end,
    own_worker_processes,
)
from mirrorfold.pipelines.engine.errors import EngineFailed, typed_error  # noqa: E402
from mirrorfold.pipelines.engine.interrupts import heed_interrupts  # noqa: E402
from mirrorfold.pipelines.engine.receipt import JobSubmitted, Receipt  # noqa: E402
from mirrorfold.pipelines.errors import MirrorfoldError, UsageError  # noqa: E402

LOCAL_RUNNER = "FnApiRunner"
_RUNNERS = {name.lower(): name for name in StandardOptions.KNOWN_RUNNER_NAMES}
WORKER_COMMAND = "mirrorfold-worker"
PACKING_SETUPTOOLS = 77  # the first that reads our pyproject.toml

ATTEMPTS = 3
"""Times a pipeline is run when the engine loses workers under it."""

_log = logging.getLogger("mirrorfold.engine")

WORKER_CPU_SECONDS = 30.0
"""Work that a worker process must find to be worth its start, which costs 4 CPU seconds of imports."""


CPU_SECONDS_PER_ROW = {"fingerprint": ("objects", 4e-3), "match": ("contents", 300e-6), "retain": ("objects", 74e-6)}
"""Cost of the steps that can be long, as configs/capacity.yaml states it for JPEGs of 185 KB, and crops among 10^6
contents. Only whether worker processes pay hangs on it."""


@dataclass(frozen=True)
class WorkEstimate:
    """How much a pipeline has to do.

    Attributes:
      cpu_seconds: over all cores.
    """

    cpu_seconds: float

    @staticmethod
    def of(step: str, counts: Mapping[str, int]) -> WorkEstimate:
        """Estimate a step's work from the rows that earlier steps counted."""
        table, seconds = CPU_SECONDS_PER_ROW.get(step, ("", 0.0))
        return WorkEstimate(counts.get(table, 0) * seconds)


def pipeline_options(beam_args: Sequence[str], *, work: WorkEstimate | None) -> PipelineOptions:
    """Make Beam's options: what the user gave, and our defaults where nothing was given.

    Without a runner the local one is named explicitly, because Beam's own default downloads an engine from the web.

    Raises:
      UsageError: an option that can't work.
    """
    args = option_files.expand(beam_args)
    given = PipelineOptions(args)
    runner = given.view_as(StandardOptions).runner
    # DirectRunner tries to fetch Prism from the web first and hangs behind a firewall that drops packets.
    if runner in (None, "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner"):
        args = [*_without(args, "--runner"), f"--runner={LOCAL_RUNNER}"]
        args += _local_defaults(given, work)
    elif runner == "PrismRunner" and not _has(args, "--prism_location"):
        raise UsageError("PrismRunner would download its binary: name one with --prism_location=FILE")
    elif _is_portable(runner):
        args += _portable_defaults(given, args)
    if runner is not None:
        _check_runner(runner)
    setup_file = given.view_as(SetupOptions).setup_file
    if setup_file is not None:
        args = [*_without(args, "--setup_file"), f"--setup_file={_existing(setup_file)}"]
    if not _has(args, "--save_main_session"):
        args.append("--no_save_main_session")
    return PipelineOptions(args)


def is_local(options: PipelineOptions) -> bool:
    """Tell whether workers run on this machine within the local runner, and so share its disk."""
    return options.view_as(StandardOptions).runner == LOCAL_RUNNER


def is_in_process(options: PipelineOptions) -> bool:
    """Tell whether the work is done in this very process, where it can be counted as it is done."""
    return is_local(options) and options.view_as(DirectOptions).direct_running_mode == "in_memory"


def run_pipeline(
    build: Callable[[beam.Pipeline], None], options: PipelineOptions, receipt: Receipt | None = None
) -> dict[str, int]:
    """Build a pipeline and run it to its end; give its counters by name (attempted: retried work counts again).

    What a step raises ends the run at once. A lost worker or host runs the pipeline again: every write is idempotent
    and finished shards stay, so we don't depend on how, or whether, a cluster restarts jobs.

    Args:
      receipt: where a job that nobody waits for says that it is done. A receipt that is there already ends the call.

    Raises:
      MirrorfoldError: what a step raised, as the type it raised where that is ours.
      JobSubmitted: the pipeline was written as a template, and nobody waits for it.
    """
    if receipt is not None and receipt.is_given():
        return {}
    if options.view_as(GoogleCloudOptions).template_location:
        _submit(build, options, receipt)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _run_once(build, options)
        except EngineFailed as error:
            if attempt == ATTEMPTS:
                raise
            _log.warning(
                "the engine lost a worker; running the step again (%d of %d): %s", attempt, ATTEMPTS - 1, error
            )
    raise AssertionError("unreachable")


def _run_once(build: Callable[[beam.Pipeline], None], options: PipelineOptions) -> dict[str, int]:
    let_late_workers_end()
    remember_answers()
    if options.view_as(DirectOptions).direct_running_mode == "multi_processing":
        own_worker_processes()
    # Runners write into the options they are given.
    pipeline = beam.Pipeline(options=copy.deepcopy(options))
    build(pipeline)
    with heed_interrupts(end_worker_processes):
        try:
            state = (result := pipeline.run()).wait_until_finish()
        except Exception as error:
            raise typed_error(error) from error
    if state not in (None, PipelineState.DONE):
        raise MirrorfoldError(f"the engine ended the pipeline in state {state}: see the engine's own log")
    return counters(result)


def _submit(build: Callable[[beam.Pipeline], None], options: PipelineOptions, receipt: Receipt | None) -> NoReturn:
    """Write the pipeline as a template, which ends the process's part: a Flex Template's launcher must not wait."""
    if receipt is None:
        raise UsageError("a template needs a receipt to say that its job is done")
    if receipt.is_awaited():
        raise JobSubmitted(f"{receipt.name} was submitted before and isn't done; if it failed, remove {receipt.folder}")
    pipeline = beam.Pipeline(options=copy.deepcopy(options))
    build(pipeline)
    receipt.request(pipeline)
    pipeline.run()
    receipt.await_it()
    raise JobSubmitted(f"{receipt.name} was submitted; when its job is done, the same command goes on from there")


def counters(result) -> dict[str, int]:
    """Sum a finished pipeline's counters by name over its steps."""
    totals: dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric.name
        totals[name] = totals.get(name, 0) + (counter.result or 0)  # Prism reports some as None
    return totals


def _local_defaults(given: PipelineOptions, work: WorkEstimate | None) -> list[str]:
    """Choose threads in this process, or worker processes where the work pays for their start."""
    direct = given.view_as(DirectOptions)
    if direct.direct_running_mode != "in_memory" or direct.direct_num_workers != 1:
        return [] if direct.direct_running_mode != "in_memory" else ["--direct_running_mode=multi_processing"]
    # Decoders release the interpreter's lock: two cores are kept busy by threads alone.
    workers = 0 if work is None else min(cores(), int(work.cpu_seconds / WORKER_CPU_SECONDS))
    return ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"] if workers > 2 else []


def _portable_defaults(given: PipelineOptions, args: Sequence[str]) -> list[str]:
    portable = given.view_as(PortableOptions)
    defaults = []
    kind = portable.environment_type
    if kind is None and _on_this_host(portable.job_endpoint):
        kind = "LOOPBACK"
        defaults.append("--environment_type=LOOPBACK")
    if kind == "PROCESS" and not (portable.environment_config or portable.environment_options):
        command = os.path.join(sys.prefix, "bin", WORKER_COMMAND)
        defaults.append("--environment_config=" + json.dumps({"command": command}))
    if not _has(args, "--environment_cache_millis"):
        # Without it workers end between the stages of one job, and each start costs 4 CPU seconds of imports.
        defaults.append("--environment_cache_millis=30000")
    return defaults


def _is_portable(runner: str) -> bool:
    return runner in ("PortableRunner", "FlinkRunner", "SparkRunner")


def _on_this_host(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.rsplit(":", 1)[0] in ("localhost", "127.0.0.1", "[::1]")


def _check_runner(runner: str) -> None:
    # A dotted name is a class of somebody's own.
    if "." not in runner and not {runner.lower(), f"{runner.lower()}runner"} & set(_RUNNERS):
        near = difflib.get_close_matches(runner.lower(), _RUNNERS, n=1)
        mend = f"did you mean {_RUNNERS[near[0]]}?" if near else f"there are {', '.join(_RUNNERS.values())}"
        raise UsageError(f"there is no runner {runner}: {mend}")
    if runner.lower() in ("dataflow", "dataflowrunner") and importlib.util.find_spec("apitools") is None:
        raise UsageError("Dataflow needs Beam's Google Cloud packages: pip install 'mirrorfold[dataflow]'")


def _existing(setup_file: str) -> str:
    # Beam changes the working folder before it reads the path.
    path = os.path.abspath(setup_file)
    if not os.path.isfile(path):
        raise UsageError(f"--setup_file={setup_file} is not a file")
    # Beam packs with what is installed here, and shows a page of traceback where that is too old.
    try:
        found = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        found = "0"
    if int(found.partition(".")[0]) < PACKING_SETUPTOOLS:
        needed = f"setuptools>={PACKING_SETUPTOOLS}"
        raise UsageError(f"--setup_file packs with setuptools, and {found} is too old: pip install '{needed}'")
    return path


def _has(args: Sequence[str], flag: str) -> bool:
    return any(arg == flag or arg.startswith(f"{flag}=") for arg in args)


def _without(args: Sequence[str], flag: str) -> list[str]:
    kept, skip = [], False
    for arg in args:
        if skip:
            skip = False
        elif arg == flag:
            skip = True
        elif not arg.startswith(f"{flag}="):
            kept.append(arg)
    return kept
