"""Prometheus' metrics: what a scrape sees while a run works, what the file holds at its end, and what can't be had."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mirrorfold.pipelines.commands.progress import Count, Progress
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.prometheus import Prometheus
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.stores.output import LocalOutput
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Read what Prometheus reads: values by name and labels, less `dir`, which each sample has."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("dir")
            found[sample.name.removeprefix("mirrorfold_"), *labels.values()] = sample.value
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_scrape_sees_the_stage_at_work(tmp_path: Path) -> None:
    done = [Done(5, 500)]  # committed by an interrupted run before
    watch = Prometheus("out", port=(port := free_port()))

    def scrape() -> dict[tuple[str, ...], float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return samples(answer.read().decode())

    with watch.run(LocalOutput(str(tmp_path))):
        with watch.stage(Count("fingerprint", 100, lambda: done[-1])):
            done.append(Done(25, 2500))
            watch._at_work[0]._pause = 0.0  # DIR is asked now and then only
            seen = scrape()
            assert seen["stage_running", "fingerprint"] == 1
            assert [seen[f"stage_{name}", "fingerprint"] for name in ("objects", "bytes", "objects_expected")] == [
                20, 2000, 100,
            ]  # fmt: skip
            assert ("run_success",) not in seen
        watch.rows({"contents": 7, "failures": 2})
        seen = scrape()
        assert (seen["stage_running", "fingerprint"], seen["table_rows", "failures"]) == (0, 2)
    with pytest.raises(OSError, match="refused"):
        scrape()


def test_the_file_says_how_a_run_ended(tmp_path: Path) -> None:
    path = tmp_path / "mirrorfold.prom"
    watch = Prometheus("out", str(path))
    progress = Progress(None, False, watch)
    with pytest.raises(ZeroDivisionError), watch.run(LocalOutput(str(tmp_path))), progress.stage("match", 3):
        raise ZeroDivisionError
    seen = samples(path.read_text("utf-8"))
    assert seen[("run_success",)] == 0
    assert seen["stage_running", "match"] == 0
    assert seen[("run_finished_timestamp_seconds",)] >= seen[("run_started_timestamp_seconds",)]


def test_a_run_by_its_command(tmp_path: Path) -> None:
    photos = fill_folder(tmp_path / "photos", dict(list(libraries()["tw"].items())[:8]))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    line = [MIRRORFOLD, "run", photos, "-o", str(tmp_path / "out"), "-q", "--metrics-file", str(tmp_path / "run.prom")]
    subprocess.run(line, check=True)
    seen = samples((tmp_path / "run.prom").read_text("utf-8"))
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert seen[("run_success",)] == 1
    for name, value in record["metrics"].items():
        whole, _, part = name.partition("/")
        if part or whole not in ("failures", "pairs"):
            assert seen[(whole, part) if part else (whole,)] == value, name
    assert sum(value for key, value in seen.items() if key[0] == "failures") == record["metrics"]["failures"] > 0
    assert {name: seen["table_rows", name] for name in record["counts"]} == record["counts"]
    assert {key[1] for key in seen if key[0] == "stage_seconds"} >= {"list", "fingerprint", "match", "publish"}
    assert {value for key, value in seen.items() if key[0] == "stage_running"} == {0}


def test_what_cant_be_written_or_served_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="check --metrics-file"):
        Prometheus("out", str(tmp_path / "nowhere" / "x.prom"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        watch = Prometheus("out", port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="check --metrics-port"), watch.run(LocalOutput(str(tmp_path))):
            raise AssertionError("it worked")
