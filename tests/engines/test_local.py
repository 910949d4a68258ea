"""The local engine's choices, and how errors come back from any engine's text."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest
from apache_beam.options.pipeline_options import DirectOptions, SetupOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.worker_handlers import BeamFnControlServicer, ControlConnection

from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.engine.beam_fixes import let_late_workers_end
from mirrorfold.pipelines.engine.check import check_engine
from mirrorfold.pipelines.engine.engine import WorkEstimate
from mirrorfold.pipelines.engine.errors import EngineFailed, StepFailed, typed_error
from mirrorfold.pipelines.engine.interrupts import fail, heed_interrupts
from mirrorfold.pipelines.errors import MirrorfoldError, SafetyStop, UsageError
from tests.servers import free_port

LONG, SHORT = WorkEstimate(1e6), WorkEstimate(10)


@pytest.mark.parametrize(
    ("cores", "work", "args", "mode", "workers"),
    [
        pytest.param(64, None, [], "in_memory", 1, id="unknown-work"),
        pytest.param(64, SHORT, [], "in_memory", 1, id="short"),
        pytest.param(64, LONG, [], "multi_processing", 64, id="long"),
        pytest.param(64, WorkEstimate(150), [], "multi_processing", 5, id="as-many-as-find-work"),
        pytest.param(64, WorkEstimate(89), [], "in_memory", 1, id="too-little-for-three"),
        pytest.param(2, LONG, [], "in_memory", 1, id="two-cores-are-busy-by-threads"),
        pytest.param(64, LONG, ["--direct_num_workers=3"], "multi_processing", 3, id="number-given"),
        pytest.param(64, LONG, ["--runner=DirectRunner"], "multi_processing", 64, id="no-direct-runner"),
    ],
)
def test_local_defaults(cores, work, args, mode, workers, monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: cores)
    options = engine.pipeline_options(args, work=work)
    direct = options.view_as(DirectOptions)
    assert (direct.direct_running_mode, direct.direct_num_workers) == (mode, workers)
    assert options.view_as(StandardOptions).runner == "FnApiRunner"
    assert options.view_as(SetupOptions).save_main_session is False
    assert engine.is_local(options)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--engine=flink"], r"^no job server answers at localhost:\d+: start one \(`make flink`"),
        (["--runner=PortableRunner"], "needs --job_endpoint=HOST:PORT"),
        (["--runner=PortableRunner", "--job_endpoint=flink"], "'flink' isn't HOST:PORT of a job server"),
        (["--runner=FlinkRunner", "--flink_master=127.0.0.1"], "isn't HOST:PORT of a JobManager"),
    ],
    ids=["nobody-listens", "no-endpoint", "no-port", "no-master-port"],
)
def test_an_engine_that_cannot_be_reached_is_refused(args, said):
    """Beam itself would wait for it forever."""
    unused = [f"--job_endpoint=localhost:{free_port()}"] if args == ["--engine=flink"] else []
    with pytest.raises(UsageError, match=said):
        check_engine(engine.pipeline_options([*args, *unused], work=None), "s3://results/clean")


@pytest.mark.parametrize(("output", "warned"), [("/data/clean", True), ("s3://results/clean", False)])
def test_a_folder_on_a_cluster_is_worth_a_warning(output, warned, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        args = ["--engine=flink-cluster", f"--job_endpoint=127.0.0.1:{server.getsockname()[1]}"]
        check_engine(engine.pipeline_options(args, work=None), output)
    assert ("every host of the cluster has to share it" in caplog.text) is warned


def wrap_an_interrupt() -> None:
    """Do with Ctrl-C what Beam does where a step runs in the main thread."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("KeyboardInterrupt [while running 'Read']") from None


def swallow_an_interrupt() -> None:
    """Do with Ctrl-C what a destructor does."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("mishandle", [wrap_an_interrupt, swallow_an_interrupt])
def test_ctrl_c_comes_back_whatever_was_made_of_it(mishandle):
    stopped = []
    with pytest.raises(KeyboardInterrupt), heed_interrupts(lambda: stopped.append(True)):
        mishandle()
    assert stopped == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_background_job_ignores_ctrl_c_but_not_a_lost_worker():
    """A script's shell starts what it puts into the background with Ctrl-C ignored."""
    before, stopped = signal.signal(signal.SIGINT, signal.SIG_IGN), []
    try:
        with heed_interrupts(lambda: stopped.append(True)):
            signal.raise_signal(signal.SIGINT)
        assert stopped == []
        with pytest.raises(EngineFailed, match="gone"), heed_interrupts(lambda: stopped.append(True)):
            fail(EngineFailed("a worker is gone"))
        assert stopped == [True]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


TRACE = """java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):
  File "common.py", line 1498, in process
mirrorfold.pipelines.errors.SafetyStop: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "common.py", line 1609, in _reraise_augmented
{last}
	at org.apache.beam.runners.fnexecution.control.FnApiControlClient(FnApiControlClient.java:180)
"""


@pytest.mark.parametrize(
    ("last", "kind", "message"),
    [
        pytest.param(
            "mirrorfold.pipelines.errors.SafetyStop: too many\nfailures [while running 'A/B']",
            SafetyStop,
            "too many\nfailures",
            id="ours",
        ),
        pytest.param(
            "RuntimeError: mirrorfold.transforms.stores.api.StoreError: s3 says no [while running 'Fetch']",
            StepFailed,
            "StoreError: s3 says no (in step Fetch)",
            id="ours-with-other-arguments",
        ),
        pytest.param("ValueError: odd [while running 'A']", StepFailed, "ValueError: odd (in step A)", id="pythons"),
        pytest.param(
            "ModuleNotFoundError: No module named 'mirrorfold'",
            StepFailed,
            "ModuleNotFoundError: No module named 'mirrorfold' "
            "(on a worker: is this version of mirrorfold installed there?)",
            id="not-installed",
        ),
    ],
)
def test_errors_come_back_typed(last, kind, message):
    found = typed_error(RuntimeError(TRACE.format(last=last)))
    assert type(found) is kind
    assert str(found) == message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Pipeline p failed in state FAILED: java.lang.Exception: The TaskExecutor is shutting down.", EngineFailed),
        ("Pipeline p failed in state FAILED: java.io.IOException: Record too large.", StepFailed),
        ("", EngineFailed),
    ],
    ids=["lost-host", "too-little-memory", "nothing-said"],
)
def test_only_losses_are_worth_another_try(text, kind):
    assert type(typed_error(RuntimeError(text))) is kind


@pytest.mark.parametrize(
    ("error", "calls"),
    [(EngineFailed("lost"), engine.ATTEMPTS), (StepFailed("broken"), 1), (SafetyStop("stop"), 1)],
    ids=["lost-worker", "broken-step", "safety-stop"],
)
def test_a_step_runs_again_only_after_a_loss(error, calls, monkeypatch):
    seen = []

    def fail(build, options):
        seen.append(build)
        raise error

    monkeypatch.setattr(engine, "_run_once", fail)
    with pytest.raises(MirrorfoldError) as raised:
        engine.run_pipeline(lambda root: None, engine.pipeline_options([], work=None))
    assert raised.value is error
    assert len(seen) == calls


def test_a_worker_that_connects_late_is_told_to_end():
    """Beam's own close says nothing to it, and the run hangs."""
    let_late_workers_end()
    connection = ControlConnection()
    connection.close()
    assert connection._push_queue.get(timeout=5) is BeamFnControlServicer._DONE_MARKER


def test_a_users_terminal_stays_clean():
    """Neither of the two notices shows; a warning of anybody else's does."""
    program = "import mirrorfold.pipelines.engine.engine, warnings; warnings.warn('theirs', FutureWarning)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=_plain()).stderr
    assert "grpcio" not in said
    assert "crcmod" not in said
    assert "theirs" in said


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
