"""Faults of Beam that a user of the local engine would meet, mended from outside; each goes when Beam mends it.

Beam 2.71's local runner closes the connection of a worker process that is still starting without telling it to end.
When another worker fails meanwhile, the run hangs forever in place of saying why.

Its worker processes share the terminal's Ctrl-C with the driver, which waits for each of them; a worker that is
interrupted within gRPC never ends, and others print a page of traceback. One that is lost, to kill -9 or for want of
memory, makes the driver wait forever.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import types
from typing import ClassVar

from apache_beam.runners.portability.fn_api_runner import worker_handlers

from mirrorfold.pipelines.engine import interrupts
from mirrorfold.pipelines.engine.errors import EngineFailed


def let_late_workers_end() -> None:
    """Leave the word to end for a worker process that connects after its connection was closed."""
    connection = worker_handlers.ControlConnection
    if connection.close is not _close:
        connection.close = _close  # type: ignore[method-assign]


def _close(self: worker_handlers.ControlConnection) -> None:
    servicer = worker_handlers.BeamFnControlServicer
    self.push(servicer._DONE_MARKER)  # read at once by a connected worker, else by the one that connects later
    with worker_handlers.ControlConnection._lock:
        started = self._state == servicer.STARTED_STATE
        self._state = servicer.DONE_STATE
    if started:
        self._read_thread.join()


class WorkerProcess(subprocess.Popen):
    """A worker process that the driver alone ends: no key pressed in the terminal reaches it."""

    alive: ClassVar[set[WorkerProcess]] = set()

    def __init__(self, command: str, *, env: dict[str, str], shell: bool):
        # It logs through the driver already; what it prints beside that matters where it dies.
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        super().__init__(
            shlex.split(command), env=env, start_new_session=True, stdout=self.printed, stderr=self.printed
        )
        self.alive.add(self)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and end the driver's wait where nobody asked for it."""
        code = super().wait(timeout)
        if code and self in self.alive:
            self.printed.seek(0)
            last = self.printed.read().decode(errors="replace").strip().rpartition("\n")[2]
            interrupts.fail(EngineFailed(f"worker process {self.pid} ended with code {code}: {last}"))
        self.alive.discard(self)
        self.printed.close()
        self.returncode = 0
        return self.returncode


def own_worker_processes() -> None:
    """Start worker processes as our own kind."""
    from apache_beam.runners.portability import local_job_service  # a run in one process does without

    local_job_service.subprocess = types.SimpleNamespace(Popen=WorkerProcess)  # type: ignore[assignment]


def end_worker_processes() -> None:
    """Kill every worker process that is alive; finished shards are committed, and the rest is done again."""
    while WorkerProcess.alive:
        WorkerProcess.alive.pop().kill()
