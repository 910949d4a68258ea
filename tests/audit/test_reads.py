"""What an audit is said to have read is what it read, not what the runs before it had."""

from __future__ import annotations

import pytest

from mirrorfold.pipelines.record.metrics import measure
from mirrorfold.pipelines.savings import reads
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.tables import fill


def folder(path, rows: list[dict]) -> LocalOutput:
    output = LocalOutput(str(path))
    plain = {"store": "s3", "bucket": "b", "library": "l", "storage_class": "STANDARD", "identity_evidence": "read"}
    write_shard(output, OBJECTS, fill(OBJECTS, [plain | row for row in rows]), 0, 1)
    return output


SEEN = [{"uri": f"s3://b/{n}", "version": "", "etag": "e", "size": 100} for n in range(4)]


SIDECAR = {"uri": "s3://b/1.xmp", "version": "", "etag": "e", "size": 30, "identity_evidence": None}
STATED = SIDECAR | {"stated": [("title", "t")]}


@pytest.mark.parametrize(
    ("before", "now", "gets", "size"),
    [
        ([], STATED, 1, 30),
        ([STATED], STATED, 0, 0),
        ([STATED], STATED | {"etag": "f"}, 1, 30),
        ([], SIDECAR | {"stated": [("unread", "corrupt")]}, 1, 30),
        ([], SIDECAR | {"stated": [("unread", "denied")]}, 0, 0),
        ([SIDECAR | {"stated": [("unread", "denied")]}], STATED, 1, 30),
        ([], STATED | {"size": 0}, 0, 0),
        ([], STATED | {"beside": ["s3://b/1.jpg"], "stated": None}, 0, 0),
        ([], STATED | {"uri": "s3://b/1.jpg", "beside": ["s3://b/1.xmp"]}, 0, 0),
    ],
    ids=["new", "known", "changed", "broken", "refused", "refused before", "empty", "not looked at", "a picture's"],
)
def test_sidecars_that_are_read_count(tmp_path, before: list[dict], now: dict, gets: int, size: int) -> None:
    earlier, after = folder(tmp_path / "before", before), folder(tmp_path / "now", [now])
    found = reads(after, {}, earlier)
    assert (found["requests"]["get"], found["bytes_read"], found["contents"]) == (gets, size, 0)
    if not before:
        assert reads(after, {})["bytes_read"] == measure(after)["bytes_read"] == size


@pytest.mark.parametrize(
    ("now", "gets", "size"),
    [
        (SEEN, 0, 0),
        ([*SEEN, {"uri": "s3://b/new", "version": "", "etag": "e", "size": 7}], 1, 7),
        ([SEEN[0] | {"etag": "f"}, *SEEN[1:]], 1, 100),
        ([SEEN[0] | {"version": "2"}, SEEN[1] | {"size": 9}, *SEEN[2:]], 2, 109),
        ([*SEEN, {"uri": "s3://b/proved", "etag": "e", "size": 5, "identity_evidence": "sha256"}], 0, 0),
        ([*SEEN, {"uri": "s3://b/unread", "etag": "e", "size": 5, "identity_evidence": None}], 0, 0),
    ],
    ids=["nothing new", "a new object", "other bytes", "other versions and sizes", "proved unread", "unread"],
)
def test_an_audits_reads(tmp_path, now: list[dict], gets: int, size: int) -> None:
    before, after = folder(tmp_path / "before", SEEN), folder(tmp_path / "now", now)
    found = reads(after, {"b": "ap-east-1"}, before)
    assert (found["requests"]["get"], found["bytes_read"]) == (gets, size)
    assert found["request_places"][("s3", "ap-east-1", "STANDARD")]["list"] == len(now)
    everything = reads(after, {"b": "ap-east-1"})
    assert everything["request_places"].keys() == found["request_places"].keys()
    assert everything["requests"]["list"] == found["requests"]["list"]
