"""What ends the driver's wait for an engine: Ctrl-C, and worker processes that are gone.

Beam makes an error like any other of what it interrupts, and waits forever for what a lost worker process should say.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

_lost: list[Exception] = []
_heeded = threading.Event()


@contextlib.contextmanager
def heed_interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Raise KeyboardInterrupt at the block's end if Ctrl-C was pressed within, whatever was made of it there.

    Leaves handlers of others (a notebook's, a server's) alone.

    Args:
      stop: called when it is pressed, to end what the block would wait for.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed, hook = threading.Event(), threading.excepthook

    def interrupt(number, frame):
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
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.excepthook = hook
    if pressed.is_set():
        raise KeyboardInterrupt


def fail(error: Exception) -> None:
    """Raise an error in the main thread, out of the block that heeds interrupts; from any thread."""
    if _heeded.is_set():
        _lost.append(error)
        os.kill(os.getpid(), signal.SIGINT)
