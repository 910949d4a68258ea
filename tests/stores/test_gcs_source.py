"""GCS as a source, beyond the common contract: what no emulator shows, on a stub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.sources import open_stores
from tests.gcs_stub import GcsStub

SPEC = SourceSpec("lib", "live", "gs", "stub")


@pytest.fixture(autouse=True)
def emulator(stub: GcsStub, no_ambient_credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stub.url)


def rows_of(stub: GcsStub) -> list[dict]:
    return [row for block in list_live(SPEC, 0, KeyRange()) for row in block.to_pylist()]


def ref_of(row: dict) -> ObjectRef:
    return ObjectRef(**{name: row[name] for name in ObjectRef._fields})


FAR = "2999-01-01T00:00:00Z"
HOLDS = {
    "none": ({}, "no", "none"),
    "temporary": ({"temporaryHold": True}, "yes", "temporary"),
    "event-based": ({"eventBasedHold": True}, "yes", "event-based"),
    "bucket policy": ({"retentionExpirationTime": FAR}, "yes", "retention"),
    "object retention": (
        {"retention": {"mode": "Locked", "retainUntilTime": "2999-01-01T00:00:00Z"}},
        "yes",
        "retention",
    ),
    "retention that is over": ({"retentionExpirationTime": "2001-01-01T00:00:00Z"}, "no", "none"),
}


@pytest.mark.parametrize(("more", "hold", "kind"), HOLDS.values(), ids=HOLDS)
def test_holds_are_seen_in_the_listing_and_when_asked(stub: GcsStub, more: dict, hold: str, kind: str):
    stub.add("a", **more)
    (row,) = rows_of(stub)
    stores = open_stores((SPEC,))
    assert row["hold"] == hold
    assert stores.head(ref_of(row)).hold == hold
    assert (stores.hold(ref_of(row)).hold, stores.hold(ref_of(row)).kind) == (hold, kind)


def test_a_composite_states_no_md5(stub: GcsStub):
    stub.add("whole", b"hello", crc32c="mnG7TA==")
    stub.add("composite", b"hello", md5Hash=None, componentCount=2, crc32c="mnG7TA==")
    md5 = {row["key"]: (row["md5"], row["crc32c"]) for row in rows_of(stub)}
    assert md5 == {"whole": ("5d41402abc4b2a76b9719d911017c592", "9a71bb4c"), "composite": (None, "9a71bb4c")}


def test_each_generation_is_a_version_and_the_newest_is_current(stub: GcsStub):
    stub.add("a", b"first")
    stub.add("a", b"second")
    rows = rows_of(stub)
    assert [row["is_latest"] for row in rows] == [False, True]
    stores = open_stores((SPEC,))
    assert [stores.read(ref_of(row)) for row in rows] == [b"first", b"second"]


def test_archive_classes_of_gcs_can_be_read(stub: GcsStub):
    stub.add("a", storageClass="ARCHIVE")
    (row,) = rows_of(stub)
    assert (row["storage_class"], row["archived"]) == ("ARCHIVE", False)


@pytest.mark.parametrize(("status", "code"), [(403, "denied"), (401, "denied"), (404, "vanished")])
@pytest.mark.parametrize("key", ["a", "b//c"], ids=["obstore", "sdk"])
def test_refusals_have_their_codes(stub: GcsStub, status: int, code: str, key: str):
    made = stub.add(key)
    stub.refuse = status
    with pytest.raises(StoreError) as caught:
        open_stores((SPEC,)).read(ObjectRef("lib", "gs", "stub", key, str(made.generation), "", 1))
    assert caught.value.code == code
    assert open_stores((SPEC,)).hold(ObjectRef("lib", "gs", "stub", key, str(made.generation), "", 1)).hold == "unknown"


def test_the_requester_pays_where_the_source_says_so(stub: GcsStub):
    stub.add("a")
    stub.add("b//c")
    spec = replace(SPEC, requester_pays=True, project="payer")
    rows = [row for block in list_live(spec, 0) for row in block.to_pylist()]
    stub.requests.clear()
    stub.headers.clear()
    stores = open_stores((spec,))
    for row in rows:
        stores.read(ref_of(row))
        stores.hold(ref_of(row))
    assert len(stub.requests) == 4
    for (_, path), headers in zip(stub.requests, stub.headers, strict=True):
        assert "userProject=payer" in path or headers.get("x-goog-user-project") == "payer"
