"""One run at a time in one DIR."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import IO

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

SERVE_LOCK = "review/serve.lock"
"""What keeps a second review server away from DIR; a run may go on beside the first."""


@contextlib.contextmanager
def lock_output(store: OutputStore) -> Iterator[Callable[[], None]]:
    """Hold DIR for this process, and give a call that raises where it is no longer ours.

    The kernel lets go of a local folder when the process ends, however it ends; for a bucket see lock_bucket.py.

    Raises:
      UsageError: another process is at work in it.
    """
    if not isinstance(store, LocalOutput):
        # Both bring a cloud's SDK with them.
        from mirrorfold.pipelines.record.lock_bucket import lock_bucket
        from mirrorfold.transforms.stores.output_cloud import CloudOutput

        assert isinstance(store, CloudOutput), store
        with lock_bucket(store) as still_ours:
            yield still_ours
        return
    path = os.path.join(store.root, "_work", "lock")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        try:
            _take(file)
        except (BlockingIOError, PermissionError):
            raise UsageError(
                f"another mirrorfold is at work in {store.root}: wait for it, or choose another --output"
            ) from None
        yield lambda: None


def _take(file: IO[str]) -> None:
    """Lock a file until the process ends, or raise where another process has it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt  # Windows

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
