"""The rules that stop an audit, and what --previous may be."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import safety
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.pipelines.record.previous import check_previous, reuse, same_matching
from mirrorfold.pipelines.record.run_record import code_version, library_versions
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.fingerprint.version import ALGORITHM
from mirrorfold.transforms.listing import raw
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.tables import fill

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
ONE, TWO = SourceSpec("hk", "live", "s3", "one"), SourceSpec("hk", "live", "s3", "two-with-a-longer-name")


def listed(folder: Path, rows: dict[SourceSpec, int], previous: dict[SourceSpec, int] | None, **listing) -> RunContext:
    """Make a listing and a previous run's objects, by source."""
    output, before = LocalOutput(str(folder / "now")), LocalOutput(str(folder / "before"))
    for rank, spec in enumerate(sorted(rows, key=lambda spec: -len(spec.bucket))):
        block = fill(OBJECTS, [{"uri": f"s3://{spec.bucket}/{n}"} for n in range(rows[spec])])
        raw.write_unit(output, f"{rank:04d}-00000", spec.library, [block])
    if previous is not None:
        objects = [
            {"uri": f"s3://{spec.bucket}/{n}", "library": spec.library, "store": "s3", "bucket": spec.bucket}
            for spec, count in previous.items()
            for n in range(count)
        ]
        write_shard(before, OBJECTS, fill(OBJECTS, objects), 0, 1)
    earlier = None if previous is None else str(folder / "before")
    return RunContext(str(folder / "now"), Settings(listing=listing), None, tuple(rows), {}, None, earlier)


CASES = {
    "same": ({ONE: 10}, {ONE: 10}, {}, None),
    "shrank by less than the share": ({ONE: 9}, {ONE: 10}, {}, None),
    "shrank": ({ONE: 7}, {ONE: 10}, {}, SafetyStop),
    "shrank, confirmed": ({ONE: 7}, {ONE: 10}, {"max_shrink": 1.0}, None),
    "one bucket of a library shrank": ({ONE: 5, TWO: 95}, {ONE: 10, TWO: 90}, {}, SafetyStop),
    "empty now": ({ONE: 0}, {ONE: 10}, {}, SafetyStop),
    "empty, confirmed": ({ONE: 0}, {ONE: 10}, {"max_shrink": 1.0}, UsageError),
    "empty at first": ({ONE: 0}, None, {}, UsageError),
    "one of two sources empty": ({ONE: 0, TWO: 5}, None, {}, UsageError),
    "a source more": ({ONE: 10, TWO: 5}, {ONE: 10}, {}, None),
}


@pytest.mark.parametrize(("rows", "previous", "listing", "stops"), CASES.values(), ids=CASES)
def test_listings_that_stop_a_run(tmp_path, rows, previous, listing, stops) -> None:
    run = listed(tmp_path, rows, previous, **listing)
    if stops is None:
        safety.check_listing(run)
    else:
        with pytest.raises(stops, match=r"shrank from|lists no objects"):
            safety.check_listing(run)


def test_the_exit_code_is_3(tmp_path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        (photos / f"{number}.txt").write_text("not an image")

    def command(name: str, *options: str) -> subprocess.CompletedProcess:
        line = [MIRRORFOLD, "run", str(photos), "--output", str(tmp_path / name), *options]
        return subprocess.run(line, capture_output=True, text=True, timeout=250)

    assert command("first").returncode == 0
    (photos / "0.txt").unlink()
    stopped = command("second", "--previous", str(tmp_path / "first"))
    assert (stopped.returncode, "--confirm-shrunk" in stopped.stderr) == (3, True)
    missing = command("third", "--previous", str(tmp_path / "nowhere"))
    assert (missing.returncode, "holds no finished run" in missing.stderr) == (2, True)


def finished(folder: Path, **record) -> Path:
    """Write a run's record."""
    budgets = Settings().model_dump(mode="json")["fingerprint"]
    known = {
        "mirrorfold": code_version(), "versions": library_versions(), 
        "schemas": {name: table.version for name, table in TABLES.items()},
        "algorithms": [ALGORITHM], "settings": {"fingerprint": budgets | record.pop("budgets", {})},
        "counts": {"objects": 5},
    }  # fmt: skip
    output = LocalOutput(str(folder))
    output.put("run.json", json.dumps(known | record).encode())
    output.put("_SUCCESS", b"")
    return folder


@pytest.mark.parametrize(
    ("record", "says"),
    [({"schemas": {"objects": 99}}, "version 99 of the table objects"), ({"travels": "hashes"}, "packed for merging")],
)
def test_a_previous_run_that_cant_be_built_upon(tmp_path, record: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_previous(str(finished(tmp_path / "before", **record)), str(tmp_path / "now"))


def test_previous_may_not_be_the_output(tmp_path) -> None:
    folder = finished(tmp_path / "before")
    with pytest.raises(UsageError, match="a folder of its own"):
        check_previous(f"{folder}/", str(folder))


@pytest.mark.parametrize(
    ("record", "contents", "failures"),
    [
        ({}, True, True),
        ({"algorithms": ["mf0"]}, False, False),
        ({"budgets": {"max_pages": 3}}, False, False),
        ({"budgets": {"max_pixels": 10**12}}, False, False),
        ({"budgets": {"max_pixels": 10}}, True, True),
        ({"mirrorfold": "0.0"}, True, False),
    ],
    ids=["same", "other signatures", "other pages", "smaller budget now", "larger budget now", "other code"],
)
def test_what_is_taken_over(tmp_path, record: dict, contents: bool, failures: bool) -> None:
    folder = finished(tmp_path / "before", **record)
    found = reuse(RunContext(str(tmp_path / "now"), Settings(), previous=str(folder)))
    assert (found is not None and found.contents, found is not None and found.failures) == (contents, failures)


def test_one_run_at_a_time(tmp_path) -> None:
    output, tried = LocalOutput(str(tmp_path)), []

    def second() -> None:
        try:
            with lock_output(output):
                tried.append(None)
        except UsageError as error:
            tried.append(str(error))

    with lock_output(output):
        other = threading.Thread(target=second)
        other.start()
        other.join()
    assert "another mirrorfold is at work" in tried[0]
    second()
    assert tried[1] is None


@pytest.mark.parametrize(
    ("record", "objects", "same"),
    [
        ({}, 5, True),
        ({"policy_hash": "other"}, 5, False),
        ({"mirrorfold": "0.0"}, 5, False),
        ({"schemas": {"objects": OBJECTS.version}}, 5, False),
        ({}, 4, False),
    ],
    ids=["nothing changed", "another policy", "other code", "no edges yet", "an object less"],
)
def test_when_matching_would_only_repeat(tmp_path, record: dict, objects: int, same: bool) -> None:
    settings, policy = Settings(), {"name": "p"}
    budgets = settings.model_dump(mode="json")
    known = {"policy_hash": policy_hash(policy), "settings": {n: budgets[n] for n in ("fingerprint", "match")}}
    before = LocalOutput(str(finished(tmp_path / "before", **(known | record))))
    rows = fill(OBJECTS, [{"uri": f"s3://one/{n}"} for n in range(5)])
    write_shard(before, OBJECTS, rows, 0, 1)
    write_shard(LocalOutput(str(tmp_path / "now")), OBJECTS, rows.slice(0, objects), 0, 1)
    counts = {"objects": objects}
    run = RunContext(str(tmp_path / "now"), settings, policy, counts=counts, previous=str(tmp_path / "before"))
    assert same_matching(run) is same
