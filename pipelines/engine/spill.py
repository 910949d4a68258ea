"""A folder on this machine for blocks on their way through a local shuffle."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence

from mirrorfold.pipelines.engine import engine


@contextlib.contextmanager
def spill_folder(beam_args: Sequence[str]) -> Iterator[str | None]:
    """Make the folder for a local run, which would hold whole shuffles in memory without it; None on an engine."""
    if not engine.is_local(engine.pipeline_options(tuple(beam_args), work=None)):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="mirrorfold-", ignore_cleanup_errors=True) as folder:
        yield folder


def empty(folder: str | None) -> None:
    """Remove what a finished pipeline left in the folder: blocks that had several readers."""
    for entry in os.scandir(folder) if folder else ():
        os.unlink(entry)
