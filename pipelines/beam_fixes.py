"""Faults of Beam that a user of the local engine would meet, mended from outside; each goes when Beam mends it.

Beam 2.71's local runner closes the connection of a worker process that is still starting without telling it to end.
When another worker fails meanwhile, the run hangs forever in place of saying why.
"""

from __future__ import annotations

from apache_beam.runners.portability.fn_api_runner import worker_handlers


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
