"""What a person sees while a run works: a bar per stage on a terminal, log lines elsewhere."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from mirrorfold.transforms.blocks import progress as done
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import OutputStore

log = logging.getLogger("mirrorfold")

TITLES = {
    "list": "Listing the sources",
    "objects": "Merging the listings",
    "holds": "Joining hold lists and catalogue",
    "merge": "Merging the tables",
    "sample": "Reading a sample",
    "fingerprint": "Fingerprinting images",
    "match": "Matching and clustering",
    "retain": "Deciding what to keep",
    "record": "Gathering what copies state",
    "savings": "Counting the savings",
    "changes": "Comparing with the last run",
    "publish": "Writing report and plans",
    "sides": "Writing each side's plan",
}
LOG_SECONDS = 30
POLL_SECONDS = 0.2
COMMITTED_SECONDS = 3.0
"""How often DIR is asked what is committed: a LIST request where it lies in a bucket."""

Committed = Callable[[], Done]


class Watch:
    """Is told how a run goes, beside what people see; this one tells nobody."""

    @contextlib.contextmanager
    def run(self, store: OutputStore) -> Iterator[None]:
        """Watch a run to its end, however it ends; `store` has its run.json by then."""
        yield

    @contextlib.contextmanager
    def stage(self, count: Count) -> Iterator[None]:
        """Watch one stage while it works; `count.look()` counts again."""
        yield

    def rows(self, counts: Mapping[str, int]) -> None:
        """Take the rows of the tables that are written so far."""


class Progress:
    """Show the stages of a run on a console, or say nothing."""

    def __init__(self, console: Console | None, bars: bool, watch: Watch | None = None):
        self.console, self.bars, self.watch = console, bars, watch or Watch()

    @staticmethod
    def silent() -> Progress:
        """Show nothing: for tests and callers with displays of their own."""
        return Progress(None, False)

    @staticmethod
    def to(console: Console) -> Progress:
        """Show bars where the console is a terminal, else log lines."""
        return Progress(console, console.is_terminal)

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None, committed: Committed | None = None) -> Iterator[None]:
        """Show one stage while it works.

        Args:
          total: what its count runs up to, if that is known.
          committed: counts what is done, for a stage that other processes or hosts work at.
        """
        show = self._bar if self.bars else self._log if self.console else self._nothing
        started = time.monotonic()
        stop = threading.Event()
        count = Count(name, total, committed if self.console else None)
        thread = threading.Thread(target=show, args=(count, stop), name=f"progress-{name}", daemon=True)
        thread.start()
        try:
            with self.watch.stage(Count(name, total, committed)):
                yield
        finally:
            stop.set()
            thread.join()
        log.info(
            "%s: finished", name, extra={"fields": {"stage": name, "seconds": round(time.monotonic() - started, 1)}}
        )

    def _bar(self, count: Count, stop: threading.Event) -> None:
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<30}"),
            BarColumn(bar_width=28),
            TimeElapsedColumn(),
            TextColumn("{task.fields[done]}"),
        )
        with Bars(*columns, console=self.console, refresh_per_second=8) as bars:
            task = bars.add_task(TITLES[count.name], total=count.total, done="")
            while not stop.wait(POLL_SECONDS):
                count.look()
                bars.update(task, completed=count.completed, done=count.rate() + count.left())
            count.look(last=True)
            end = count.total or count.objects or 1
            bars.update(task, total=end, completed=end, done=count.rate())

    def _log(self, count: Count, stop: threading.Event) -> None:
        log.info("%s", TITLES[count.name], extra={"fields": {"stage": count.name, "total": count.total}})
        while not stop.wait(LOG_SECONDS):
            count.look()
            fields = {"stage": count.name, "objects": count.objects, "bytes": count.bytes, "total": count.total}
            log.info("%s: %s", count.name, count.rate() + count.left() or "at work", extra={"fields": fields})

    def _nothing(self, count: Count, stop: threading.Event) -> None:
        stop.wait()


class Count:
    """What a stage has done since it began: counted in this process, or found committed in DIR.

    Attributes:
      objects, bytes: since it began; what an interrupted run had committed before sets no rate.
    """

    def __init__(self, name: str, total: int | None, committed: Committed | None):
        self.name, self.total, self._committed = name, total, committed
        self.objects = self.bytes = 0
        self._started = self._looked = time.monotonic()
        self._pause = COMMITTED_SECONDS
        self._earlier = self._look() or Done(0, 0)

    @property
    def completed(self) -> int:
        """Objects done, those of an interrupted run before this one included."""
        earlier = self._earlier.objects if self._committed else 0
        return min(earlier + self.objects, self.total or self.objects)

    def look(self, last: bool = False) -> None:
        """Count again; DIR is listed now and then only."""
        asked = time.monotonic()
        if self._committed and not last and asked - self._looked < self._pause:
            return
        found, self._looked = self._look(), time.monotonic()
        self._pause = max(COMMITTED_SECONDS, 20 * (self._looked - asked))  # millions of commits take long to list
        if found:
            self.objects, self.bytes = found.objects - self._earlier.objects, found.bytes - self._earlier.bytes

    def rate(self) -> str:
        """Say what was done, and how fast."""
        if not self.objects:
            return ""
        seconds = max(self._looked - self._started, 0.001)
        speed = f"{self.objects:,} objects, {self.objects / seconds:,.0f}/s"
        return f"{speed}, {self.bytes / seconds / 1e6:,.1f} MB/s" if self.bytes else speed

    def left(self) -> str:
        """Say how long the rest takes at that rate."""
        if not self.objects or self.total is None or self.completed >= self.total:
            return ""
        seconds = (self._looked - self._started) * (self.total - self.completed) / self.objects
        return f", {datetime.timedelta(seconds=round(seconds))} left"

    def _look(self) -> Done | None:
        if self._committed is None:
            return done.snapshot().get(self.name, Done(0, 0))
        try:
            return self._committed()
        except (OSError, StoreError):  # the work itself says what is wrong with DIR
            return None


class JsonLines(logging.Formatter):
    """Format a log record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        line |= {"logger": record.name, "message": record.getMessage()} | getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
