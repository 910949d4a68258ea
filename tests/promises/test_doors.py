"""One disk through two doors: no file passes for its own copy."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.merging.merge import merged_request
from mirrorfold.pipelines.merging.moved_places import check_moved_places
from mirrorfold.pipelines.merging.same_bucket import as_merged, check_same_buckets
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.listing.dedupe import rank_sources
from mirrorfold.transforms.listing.raw import write_unit
from mirrorfold.transforms.listing.rows import RANK, RAW
from mirrorfold.transforms.publish.manifests.withdrawn import note_export
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.promises.kit import copies, finish
from tests.promises.test_partner import side
from tests.retain.runs import write_table
from tests.retain.tables import fill, obj

S3 = {"store": "s3", "bucket": "gate"}
GS = {"store": "gs", "bucket": "gate"}
FOLDER = {"store": "file", "bucket": "/nas"}
MOUNT = {"store": "file", "bucket": "/mnt/other"}


def list_made_up(output: LocalOutput, specs: list[SourceSpec], listings) -> list[pa.Table]:
    """Write made-up rows as what sources list; give them as rows of objects."""
    ranked, tables = rank_sources(specs), []
    for spec, listed in zip(specs, listings, strict=True):
        place = {"store": spec.store, "bucket": spec.bucket}
        tables.append(fill(OBJECTS, [obj(make_uri(**place, key=row["key"])) | row | place for row in listed]))
        rank = ranked.index(spec)
        block = tables[-1].append_column(RANK, pa.array([rank] * len(listed), pa.int32())).cast(RAW)
        write_unit(output, f"{rank:04d}-00000", spec.library, [block])
    return tables


def stop_of(tmp_path, one: dict, other: dict, rows, their_rows, merged=False, elsewhere=()) -> str:
    """List two sources of made-up rows and give what stops the run, or a merge of two runs over one each, or ''."""
    specs = [SourceSpec(name, "live", **place) for name, place in (("one", one), ("other", other))]
    output = LocalOutput(str(tmp_path))
    tables = list_made_up(output, specs, (rows, their_rows))
    run = RunContext(str(tmp_path), Settings(), sources=tuple(specs))
    write_table(output, "objects", pa.concat_tables(tables))
    try:
        check_same_buckets(run, partial(as_merged, run) if merged else None, elsewhere)
    except SafetyStop as stop:
        return str(stop)
    return ""


def files(start: int = 1_700_000_000_123_456, device: str = "1", below: str = "", unit: int = 1, count: int = 4):
    return [
        {"key": f"{below}{n}.jpg", "size": 100 + n, "last_modified": (start + n * 999_999) // unit * unit,
         "physical_id": f"{device}:{n}" if device else None}
        for n in range(count)
    ]  # fmt: skip


SECOND = 1_000_000


@pytest.mark.parametrize(
    ("one", "other", "mine", "their"),
    [
        (FOLDER, S3, files(), files(device="", unit=SECOND)),
        (FOLDER, S3, files(), files(device="", below="archive/photos/", unit=1000)),
        (FOLDER, S3, files(count=3), files(device="", count=50)),
        (FOLDER, MOUNT, files(device="1"), files(device="2")),
        (S3, GS, files(device=""), files(device="")),
        (S3, {**S3, "bucket": "second", "endpoint": "http://b"}, files(device=""), files(device="")),
    ],
    ids=["a gateway", "a gateway to a folder above", "a sub-folder", "two mounts", "S3 and GCS", "two endpoints"],
)
@pytest.mark.parametrize("merged", [False, True], ids=["one run", "a merge"])
def test_every_pair_of_sources_is_compared_and_stops(tmp_path, one, other, mine, their, merged):
    said = stop_of(tmp_path, one, other, mine, their, merged)
    assert "same_as: one" in said or "same_as: other" in said
    assert "replica: true" in said


@pytest.mark.parametrize(
    ("one", "other", "mine", "their"),
    [
        (FOLDER, S3, files(), files(start=1_700_000_100_000_000, device="")),
        (FOLDER, MOUNT, files(device="1"), files(device="1")),
        (FOLDER, {**S3, "replica": True}, files(), files(device="")),
        (FOLDER, {**S3, "same_as": "one"}, files(), files(device="")),
        (FOLDER, S3, files(), [{**row, "size": row["size"] + 7} for row in files(device="")]),
    ],
    ids=["copied later", "one device: inodes tell", "a replica", "said to be one", "other files"],
)
def test_what_is_told_apart_goes_on(tmp_path, one, other, mine, their):
    assert stop_of(tmp_path, one, other, mine, their) == ""


def test_same_as_names_a_library_that_is_there(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    settings = Settings(sources={"b": {"same_as": "aa"}})
    with pytest.raises(UsageError, match="same_as: aa is the library of no other source: there are a"):
        parse_sources([f"a={tmp_path / 'a'}", f"b={tmp_path / 'b'}"], settings, None)


def test_inodes_of_another_machine_tell_nothing_apart(tmp_path):
    assert stop_of(tmp_path / "here", FOLDER, MOUNT, files(), files(), merged=True) == ""
    assert "same_as" in stop_of(tmp_path / "there", FOLDER, MOUNT, files(), files(), merged=True, elsewhere=["other"])


def test_a_packed_side_says_of_nothing_that_it_is_a_copy_beside_ours(tmp_path):
    ours = side(tmp_path / "hk", "hk", obj("s3://hk/a.jpg", "a"))
    theirs = side(tmp_path / "gz", "gz", obj("s3://gz/a.jpg", "a"), packed=True, replica=True)
    assert not any(spec.replica for spec in merged_request([ours, theirs]).sources)
    (tmp_path / "c.yaml").write_text("sources: {gz: {replica: true}}")
    said = {spec.library: spec.replica for spec in merged_request([ours, theirs], str(tmp_path / "c.yaml")).sources}
    assert said == {"hk": False, "gz": True}, "whoever merges may say it"
    (tmp_path / "c.yaml").write_text("sources: {gz: {same_as: hk}}")
    assert {s.library: s.same_as for s in merged_request([ours, theirs], str(tmp_path / "c.yaml")).sources}[
        "gz"
    ] == "hk"


OLD = [obj(f"s3://old/{row['key']}", "a") | row for row in files(device="")]


@pytest.mark.parametrize(
    ("place", "kind", "withdrawn", "start", "stops"),
    [
        ({"store": "s3", "bucket": "new"}, "live", False, 0, True),
        (FOLDER, "live", False, 0, True),
        (FOLDER, "live", False, 10**9, False),
        (FOLDER, "live", True, 0, False),
        ({**FOLDER, "replica": True}, "live", False, 0, False),
        ({"store": "s3", "bucket": "old"}, "live", False, 0, False),
        ({"store": "s3", "bucket": "old"}, "inventory", False, 0, False),
    ],
    ids=["renamed", "a mount", "copied later", "taken back", "a replica", "the old place", "the old place's report"],
)  # fmt: skip
def test_what_a_plan_names_is_looked_for_under_other_names(tmp_path, place, kind, withdrawn, start, stops):
    before, now = tmp_path / "before", LocalOutput(str(tmp_path / "now"))
    finish(before, copies(*OLD), "keep_order: [uri]")
    note_export(LocalOutput(str(before)), "restore" if withdrawn else "quarantine")
    spec = SourceSpec("hk", kind, **place)
    rows = [row | {"last_modified": row["last_modified"] + start} for row in files(device="")]
    list_made_up(now, [spec], [rows])
    run = RunContext(str(tmp_path / "now"), Settings(), sources=(spec,), previous=str(before))
    if stops:
        with pytest.raises(SafetyStop, match="in a place that isn't listed now"):
            check_moved_places(run)
    else:
        check_moved_places(run)
