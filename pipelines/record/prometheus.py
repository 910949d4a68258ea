"""A run as Prometheus sees it: over HTTP while it works, and in a file for node exporter's textfile collector.

Names and units follow https://prometheus.io/docs/practices/naming/; every sample carries `dir`, so that several runs
may lie beside each other. What a run measured comes from run.json, under the names of `metrics.NAMES`.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import GaugeMetricFamily

from mirrorfold.pipelines.commands.progress import Count, Watch
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.metrics import NAMES
from mirrorfold.transforms.stores.output import OutputStore

WRITE_SECONDS = 15.0
"""How often the file is written anew: Prometheus scrapes that often by default."""

STAGE = {
    "stage_running": "whether the stage is at work",
    "stage_seconds": "how long the stage has worked",
    "stage_objects": "objects that the stage has done",
    "stage_bytes": "bytes that the stage has done",
    "stage_objects_expected": "objects that the stage has to do, where that is known",
}
SPLIT = {"failures": "code", "pairs": "tier", "objects": "action"}
"""The label of a metric that run.json splits by a slash."""


class Prometheus(Watch):
    """Gives the metrics of one run.

    Args:
      output: DIR, the label of every sample.
      path: a file to keep them in, its name ending in .prom for the textfile collector; or None.
      port: where to serve them on this machine while the run works; or None.

    Raises:
      UsageError: the file can't be written, or the port can't be had.
    """

    def __init__(self, output: str, path: str | None = None, port: int | None = None):
        self.output, self.path, self.port = output, path, port
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._stages: dict[str, dict[str, float]] = {}
        self._at_work: tuple[Count, float] | None = None
        self._rows: dict[str, int] = {}
        self._run: dict[str, float] = {}
        self._measured: dict[str, int] = {}
        self.registry.register(self)
        self._write()

    @contextlib.contextmanager
    def run(self, store: OutputStore) -> Iterator[None]:
        """Serve and write while the run works, and once more when it has ended."""
        self._run = {"run_started_timestamp_seconds": time.time()}
        stop = threading.Event()
        writer = threading.Thread(target=self._keep_writing, args=(stop,), name="metrics", daemon=True)
        with self._served():
            writer.start()
            try:
                yield
                self._measured = json.loads(store.get("run.json"))["metrics"] if store.exists("_SUCCESS") else {}
                self._run["run_success"] = 1
            except BaseException:
                self._run["run_success"] = 0
                raise
            finally:
                self._run["run_finished_timestamp_seconds"] = time.time()
                stop.set()
                writer.join()
                self._write()

    @contextlib.contextmanager
    def stage(self, count: Count) -> Iterator[None]:
        """Count a stage anew whenever somebody asks."""
        self._at_work = (count, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._look(last=True)
                self._stages[count.name]["stage_running"] = 0
                self._at_work = None

    def rows(self, counts: Mapping[str, int]) -> None:
        """Take the rows of the tables that are written so far."""
        self._rows = dict(counts)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give every metric, as the client library asks for them."""
        with self._lock:
            self._look()
            stages = {name: dict(values) for name, values in self._stages.items()}
        for name, said in STAGE.items():
            found = {stage: values[name] for stage, values in stages.items() if name in values}
            yield self._family(name, said, found, "stage")
        yield self._family("table_rows", "rows of a table, once it is written", self._rows, "table")
        for name, value in self._run.items():
            yield self._family(name, name.replace("_", " "), {"": value})
        yield from self._totals()

    def _totals(self) -> Iterator[GaugeMetricFamily]:
        for name, said in NAMES.items():
            label = SPLIT.get(name)
            split = {key.partition("/")[2]: n for key, n in self._measured.items() if key.startswith(f"{name}/")}
            whole = {"": self._measured[name]} if name in self._measured else {}
            if label or whole:
                yield self._family(name, said, split if label else whole, label)

    def _family(self, name: str, said: str, values: Mapping[str, float], label: str | None = None) -> GaugeMetricFamily:
        family = GaugeMetricFamily(f"mirrorfold_{name}", said, labels=["dir", *([label] if label else [])])
        for value_of, value in values.items():
            family.add_metric([self.output, *([value_of] if label else [])], value)
        return family

    def _look(self, last: bool = False) -> None:
        """Count the stage at work again; the lock is held."""
        if self._at_work is None:
            return
        count, started = self._at_work
        count.look(last=last)
        self._stages[count.name] = {
            "stage_running": 1,
            "stage_seconds": time.monotonic() - started,
            "stage_objects": count.objects,
            "stage_bytes": count.bytes,
            **({"stage_objects_expected": count.total} if count.total is not None else {}),
        }

    @contextlib.contextmanager
    def _served(self) -> Iterator[None]:
        if self.port is None:
            yield
            return
        try:
            server, thread = start_http_server(self.port, "127.0.0.1", self.registry)
        except OSError as error:
            raise UsageError(f"can't serve at port {self.port}: {error.strerror}; check --metrics-port") from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _keep_writing(self, stop: threading.Event) -> None:
        while not stop.wait(WRITE_SECONDS):
            with contextlib.suppress(UsageError):  # a full disk now: the last write says so
                self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        try:
            write_to_textfile(self.path, self.registry)  # renames a whole file into place
        except OSError as error:
            raise UsageError(f"can't write {self.path}: {error.strerror}; check --metrics-file") from error
