"""OpenLineage events of a run and its steps, appended to a file: one JSON object a line, as its file transport writes.

The run is the parent of its steps. Datasets are the sources and our tables; their rows are counted from the tables, so
that retried work counts once. The specification: https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.stores.api import SourceSpec

PRODUCER = "https://pypi.org/project/mirrorfold/"
SPEC = "https://openlineage.io/spec/"
RUN_EVENT = SPEC + "2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "schema": "1-1-1/SchemaDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "parent": "1-0-1/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
}

READS: Mapping[str, tuple[str, ...]] = {
    "holds": ("objects",),
    "fingerprint": ("objects",),
    "match": ("objects", "contents"),
    "retain": ("objects", "contents", "failures", "pairs", "clusters"),
    "savings": ("decisions",),
    "changes": ("objects", "decisions"),
    "publish": ("objects", "contents", "failures", "pairs", "clusters", "decisions", "savings"),
}
"""The tables that each step of the mission reads; a step that isn't here reads the sources."""


class OpenLineage:
    """Writes the events; without a file it writes nothing.

    Args:
      path: the file to append to, or None.
      output: DIR's URL or path.
      sources: of the run.

    Raises:
      UsageError: the file can't be written.
    """

    def __init__(self, path: str | None, output: str, sources: tuple[SourceSpec, ...] = ()):
        self.path, self.output, self.sources = path, output, sources
        self.run_id, self.step_ids = str(uuid.uuid4()), dict[str, str]()
        if path is not None:
            try:
                with open(path, "ab"):
                    pass
            except OSError as error:
                raise UsageError(f"can't write {path}: {error.strerror}; check --openlineage") from error

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Report a run: its start, and how it ended."""
        sources = self._sources()
        self._write("START", self.run_id, "run", sources, [], {})
        with self._ending(lambda kind, facets: self._write(kind, self.run_id, "run", sources, [], facets)):
            yield

    def start(self, step: Step) -> None:
        """Report that a step has work to do."""
        self.step_ids[step.name] = str(uuid.uuid4())
        self._step("START", step, {}, {})

    @contextlib.contextmanager
    def step(self, step: Step, counts: Mapping[str, int]) -> Iterator[None]:
        """Report how a step ended, if it was started within; `counts` has its tables' rows by then."""

        def write(kind: str, facets: dict) -> None:
            if step.name in self.step_ids:
                self._step(kind, step, counts if kind == "COMPLETE" else {}, facets)

        with self._ending(write):
            yield

    @contextlib.contextmanager
    def _ending(self, write) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            said = {"message": " ".join(str(error).split()), "programmingLanguage": "PYTHON"}
            write("FAIL", {"errorMessage": _facet("errorMessage", said)})
            raise
        except BaseException:
            write("ABORT", {})
            raise
        write("COMPLETE", {})

    def _step(self, kind: str, step: Step, counts: Mapping[str, int], facets: dict) -> None:
        parent = {"run": {"runId": self.run_id}, "job": self._job("run")}
        facets = {"parent": _facet("parent", parent)} | facets
        inputs = [self._table(name) for name in READS[step.name]] if step.name in READS else self._sources()
        outputs = [self._table(name, counts.get(name)) for name in (*step.writes, *step.replaces)]
        self._write(kind, self.step_ids[step.name], step.name, inputs, outputs, facets)

    def _sources(self) -> list[dict[str, str]]:
        return [dict(zip(("namespace", "name"), _place(spec), strict=True)) for spec in self.sources]

    def _table(self, name: str, rows: int | None = None) -> dict[str, Any]:
        namespace, place = _split(self.output)
        fields = [
            {
                "name": field.name,
                "type": str(field.type),
                "description": (field.metadata or {}).get(b"doc", b"").decode(),
            }
            for field in TABLES[name].schema
        ]
        found: dict[str, Any] = {"namespace": namespace, "name": f"{place}/{name}" if place else name}
        found["facets"] = {"schema": _facet("schema", {"fields": fields})}
        if rows is not None:
            found["outputFacets"] = {"outputStatistics": _facet("outputStatistics", {"rowCount": rows})}
        return found

    def _job(self, name: str) -> dict[str, str]:
        return {"namespace": "mirrorfold", "name": f"{self.output.rstrip('/')}:{name}"}

    def _write(self, kind: str, run_id: str, name: str, inputs: list, outputs: list, facets: dict) -> None:
        if self.path is None:
            return
        beam = {"name": "apache-beam", "version": importlib.metadata.version("apache-beam")}
        event = {
            "eventType": kind,
            "eventTime": datetime.datetime.now(datetime.UTC).isoformat(),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {"runId": run_id, "facets": {"processing_engine": _facet("processing_engine", beam)} | facets},
            "job": self._job(name),
            "inputs": inputs,
            "outputs": outputs,
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")


def _facet(name: str, content: dict[str, Any]) -> dict[str, Any]:
    version, _, kind = FACETS[name].partition("/")
    return {"_producer": PRODUCER, "_schemaURL": f"{SPEC}facets/{version}/{kind}.json#/$defs/{kind}"} | content


def _place(spec: SourceSpec) -> tuple[str, str]:
    """Name a source as OpenLineage names stores: by bucket and prefix, or by path."""
    if spec.manifest:
        return _split(spec.manifest)
    if spec.store == "file":
        return "file", spec.bucket
    return f"{spec.store}://{spec.bucket}", spec.prefix or "/"


def _split(url: str) -> tuple[str, str]:
    scheme, found, rest = url.partition("://")
    if not found or scheme == "file":
        return "file", os.path.abspath(rest or url)
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key.rstrip("/")
