"""What a person sees while a run works: a bar per stage on a terminal, log lines elsewhere."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from mirrorfold.transforms.blocks import progress as done

log = logging.getLogger("mirrorfold")

TITLES = {
    "list": "Listing the sources",
    "objects": "Merging the listings",
    "merge": "Merging the tables",
    "sample": "Reading a sample",
    "fingerprint": "Fingerprinting images",
    "match": "Matching and clustering",
    "retain": "Deciding what to keep",
    "savings": "Counting the savings",
    "changes": "Comparing with the last run",
    "publish": "Writing report and plans",
    "sides": "Writing each side's plan",
}
LOG_SECONDS = 30
POLL_SECONDS = 0.2


class Progress:
    """Show the stages of a run on a console, or say nothing."""

    def __init__(self, console: Console | None, bars: bool):
        self.console, self.bars = console, bars

    @staticmethod
    def silent() -> Progress:
        """Show nothing: for tests and callers with displays of their own."""
        return Progress(None, False)

    @staticmethod
    def to(console: Console) -> Progress:
        """Show bars where the console is a terminal, else log lines."""
        return Progress(console, console.is_terminal)

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[None]:
        """Show one stage while it works; `total` is what its count runs up to, if that is known."""
        show = self._bar if self.bars else self._log if self.console else self._nothing
        started, before = time.monotonic(), done.snapshot().get(name, (0, 0))
        stop = threading.Event()
        thread = threading.Thread(target=show, args=(name, total, before, stop), name=f"progress-{name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        log.info(
            "%s: finished", name, extra={"fields": {"stage": name, "seconds": round(time.monotonic() - started, 1)}}
        )

    def _bar(self, name: str, total: int | None, before: tuple[int, int], stop: threading.Event) -> None:
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<30}"),
            BarColumn(bar_width=28),
            TimeElapsedColumn(),
            TextColumn("{task.fields[done]}"),
        )
        with Bars(*columns, console=self.console, refresh_per_second=8) as bars:
            task = bars.add_task(TITLES[name], total=total, done="")
            started = time.monotonic()
            while not stop.wait(POLL_SECONDS):
                objects, size = _since(name, before)
                text = f"{_rate(objects, size, started)}{_left(objects, total, started)}"
                bars.update(task, completed=min(objects, total or objects), done=text)
            objects, size = _since(name, before)
            end = total or objects or 1
            bars.update(task, total=end, completed=end, done=_rate(objects, size, started))

    def _log(self, name: str, total: int | None, before: tuple[int, int], stop: threading.Event) -> None:
        started = time.monotonic()
        log.info("%s", TITLES[name], extra={"fields": {"stage": name, "total": total}})
        while not stop.wait(LOG_SECONDS):
            objects, size = _since(name, before)
            log.info(
                "%s: %s",
                name,
                _rate(objects, size, started) + _left(objects, total, started) or "at work",
                extra={"fields": {"stage": name, "objects": objects, "bytes": size, "total": total}},
            )

    def _nothing(self, name: str, total: int | None, before: tuple[int, int], stop: threading.Event) -> None:
        stop.wait()


def _since(name: str, before: tuple[int, int]) -> tuple[int, int]:
    objects, size = done.snapshot().get(name, (0, 0))
    return objects - before[0], size - before[1]


def _rate(objects: int, size: int, started: float) -> str:
    seconds = max(time.monotonic() - started, 0.001)
    if not objects:
        return ""
    speed = f"{objects:,} objects, {objects / seconds:,.0f}/s"
    return f"{speed}, {size / seconds / 1e6:,.1f} MB/s" if size else speed


def _left(objects: int, total: int | None, started: float) -> str:
    if not objects or total is None or objects >= total:
        return ""
    seconds = (time.monotonic() - started) * (total - objects) / objects
    return f", {datetime.timedelta(seconds=round(seconds))} left"


class JsonLines(logging.Formatter):
    """Format a log record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        line |= {"logger": record.name, "message": record.getMessage()} | getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
