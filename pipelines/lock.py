"""One run at a time in one DIR."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore


@contextlib.contextmanager
def lock_output(store: OutputStore) -> Iterator[None]:
    """Hold DIR for this process; the kernel lets go when the process ends, however it ends.

    A bucket has no such lock: two runs on one bucket folder write the same bytes to the same names or refuse each
    other by their requests, so nothing is corrupted, but the work is done twice.

    Raises:
      UsageError: another process is at work in it.
    """
    if not isinstance(store, LocalOutput):
        yield
        return
    path = os.path.join(store.root, "_work", "lock")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another mirrorfold is at work in {store.root}: wait for it, or choose another --output"
            ) from None
        yield
