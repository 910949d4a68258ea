"""OpenLineage events: what the specification requires, one end for each start, and rows as the tables have them."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema  # moto brings it
import pytest

from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.openlineage import READS, OpenLineage
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.schemas.catalogue import TABLES
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

URI = {"type": "string", "pattern": "^https://"}
NAMED = {"type": "object", "required": ["namespace", "name"]}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": URI, "_schemaURL": URI},
    },
}
DATASETS = {
    "type": "array",
    "items": {**NAMED, "properties": {"facets": FACETS, "outputFacets": FACETS, "name": {"minLength": 1}}},
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": URI,
        "schemaURL": URI,
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": DATASETS,
        "outputs": DATASETS,
    },
}
"""What version 2-0-2 of the specification requires of a RunEvent."""


def read(path: Path) -> list[dict]:
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for event in events:
        jsonschema.validate(event, RUN_EVENT, format_checker=jsonschema.FormatChecker())
    return events


def test_a_whole_run(tmp_path):
    source = fill_folder(tmp_path / "hk", dict(list(libraries()["hk"].items())[:4]))
    output, path = tmp_path / "out", tmp_path / "events.jsonl"
    program = str(Path(sys.executable).parent / "mirrorfold")
    command = [program, "run", f"hk={source}", "--output", str(output), "--openlineage", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    events = read(path)
    names = ["run", *(step.name for step in MISSION)]
    kinds = {name: [e["eventType"] for e in events if e["job"]["name"].endswith(f":{name}")] for name in names}
    assert kinds == {name: ["START", "COMPLETE"] for name in names}
    assert {e["run"]["facets"]["parent"]["run"]["runId"] for e in events[1:-1]} == {events[0]["run"]["runId"]}
    assert events[0]["inputs"] == [{"namespace": "file", "name": str(source)}]
    rows = {
        Path(dataset["name"]).name: dataset["outputFacets"]["outputStatistics"]["rowCount"]
        for event in events
        if event["eventType"] == "COMPLETE"
        for dataset in event["outputs"]
    }
    counts = json.loads((output / "run.json").read_text())["counts"]
    assert rows == {name: counts[name] for name in rows}
    assert rows["decisions"] == 4

    subprocess.run(command, check=True, capture_output=True)
    assert [event["eventType"] for event in read(path)[len(events) :]] == ["START", "COMPLETE"]  # no step had work


def end_early(events: OpenLineage, step: Step, error: BaseException) -> None:
    with events.run(), events.step(step, {}):
        events.start(step)
        raise error


@pytest.mark.parametrize(
    ("error", "kind"), [(SafetyStop("too many\nfailures"), "FAIL"), (KeyboardInterrupt(), "ABORT")]
)
def test_a_run_that_ends_early(error, kind, tmp_path):
    path, step = tmp_path / "events.jsonl", Step("match", stage="match", writes=("pairs",))
    events = OpenLineage(str(path), "s3://results/clean")
    with pytest.raises(type(error)):
        end_early(events, step, error)
    assert [event["eventType"] for event in read(path)] == ["START", "START", kind, kind]
    failed = read(path)[2]
    assert failed["outputs"][0]["namespace"] == "s3://results"
    assert failed["outputs"][0]["name"] == "clean/pairs"
    message = failed["run"]["facets"].get("errorMessage", {}).get("message")
    assert message == ("too many failures" if kind == "FAIL" else None)


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UsageError, match="check --openlineage"):
        OpenLineage(str(tmp_path / "absent" / "events.jsonl"), "out")


def test_what_steps_read_are_tables_and_steps():
    assert set(READS) <= {step.name for step in MISSION}
    assert {table for tables in READS.values() for table in tables} <= set(TABLES)
