"""What ends the driver's wait for an engine: Ctrl-C, and worker processes that are gone.

Beam makes an error like any other of what it interrupts, and waits forever for what a lost worker process should say.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

BEAM_THREADS = ("beam_control_read", "read_grpc_client_inputs", "run_worker")
"""Names of Beam's threads that read from worker processes: they fail as those end, before or after the driver hears of
Ctrl-C, and what matters of that `fail` is told."""

_lost: list[Exception] = []
_heeded = threading.Event()


@contextlib.contextmanager
def heed_interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Raise KeyboardInterrupt at the block's end if Ctrl-C was pressed within, whatever was made of it there.

    Leaves handlers of others (a notebook's, a server's) alone. Where Ctrl-C is ignored, as in a shell's background job,
    it stays so, and only what `fail` is told ends the block.

    Args:
      stop: called when it is pressed, to end what the block would wait for.
    """
    ours, before = threading.current_thread() is threading.main_thread(), signal.getsignal(signal.SIGINT)
    if not ours or before not in (signal.default_int_handler, signal.SIG_IGN):
        yield
        return
    pressed, hook = threading.Event(), threading.excepthook
    threading.excepthook = quiet = _without_beams(hook)

    def interrupt(number, frame):
        if before is signal.SIG_IGN and not _lost:
            return
        threading.excepthook = lambda _: None  # threads that lose their connections to what is stopped
        stop()
        if _lost:
            raise _lost.pop()
        pressed.set()
        signal.default_int_handler(number, frame)

    _lost.clear()
    signal.signal(signal.SIGINT, interrupt)
    _heeded.set()
    try:
        yield
    except Exception:
        if pressed.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        _heeded.clear()
        signal.signal(signal.SIGINT, before)
        threading.excepthook = quiet if pressed.is_set() else hook  # Beam's threads may outlive the block
    if pressed.is_set():
        raise KeyboardInterrupt


def _without_beams(hook: Callable[[threading.ExceptHookArgs], object]) -> Callable[[threading.ExceptHookArgs], object]:
    """Pass the errors of all threads on but those of Beam's readers, which are logged for who debugs."""

    def tell(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or not args.thread.name.startswith(BEAM_THREADS):
            hook(args)
        else:
            log.debug("%s ended", args.thread.name, exc_info=args.exc_value)

    return tell


def fail(error: Exception) -> None:
    """Raise an error in the main thread, out of the block that heeds interrupts; from any thread."""
    if _heeded.is_set():
        _lost.append(error)
        os.kill(os.getpid(), signal.SIGINT)
