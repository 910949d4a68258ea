"""Servers that aren't AWS: how they are told, addressed and asked, and what is said of what they can't show."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from PIL import Image

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.sniff import JPEG, PACKED, sniff
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.publish.manifests.recheck import Recheck
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.check import what_it_lacks
from mirrorfold.transforms.stores.encoding import PackedError, unpacked
from mirrorfold.transforms.stores.kinds import KINDS, kind_of
from mirrorfold.transforms.stores.s3 import S3Source
from mirrorfold.transforms.stores.s3_client import s3_access
from mirrorfold.transforms.stores.sources import open_stores
from tests.stores.personality import PERSONALITIES, personality_world
from tests.worlds import World, new_bucket, owner

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")


@pytest.mark.parametrize(
    ("endpoint", "said", "name"),
    [
        (None, None, "generic"),
        ("https://s3.ap-east-1.amazonaws.com", None, "aws"),
        ("https://s3.cn-north-1.amazonaws.com.cn", None, "aws"),
        ("https://oss-cn-shenzhen.aliyuncs.com", None, "oss"),
        ("https://oss-cn-hongkong-internal.aliyuncs.com:443", None, "oss"),
        ("https://cos.ap-guangzhou.myqcloud.com", None, "cos"),
        ("https://obs.cn-south-1.myhuaweicloud.com", None, "obs"),
        ("https://tos-s3-cn-guangzhou.volces.com", None, "tos"),
        ("https://aliyuncs.com.example.org", None, "generic"),
        ("http://127.0.0.1:9000", "minio", "minio"),
        ("https://oss.our-proxy.example", "oss", "oss"),
    ],
)
def test_a_kind_is_told_by_the_endpoint_or_said(endpoint: str | None, said: str | None, name: str):
    assert kind_of(endpoint, said).name == name


@pytest.mark.parametrize(
    ("given", "virtual"),
    [
        ({"endpoint": "http://oss-cn-shenzhen.aliyuncs.com"}, True),
        ({"endpoint": "http://oss-cn-shenzhen.aliyuncs.com", "addressing": "path"}, False),
        ({"endpoint": "http://127.0.0.1:9"}, False),
        ({"endpoint": "http://127.0.0.1:9", "addressing": "virtual"}, True),
        ({"endpoint": "http://s3.example", "kind": "cos"}, True),
    ],
)
def test_the_config_says_where_the_bucket_stands(given: dict, virtual: bool):
    (spec,) = parse_sources(["s3://archive"], Settings.model_validate({"sources": {"archive": given}}), None)
    assert s3_access(spec).virtual == virtual


@pytest.fixture(params=["oss", "bare"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """A store that takes virtual hosts only, and one that knows next to nothing."""
    request.getfixturevalue("versity")
    with personality_world(PERSONALITIES[request.param]) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def rows_of(spec: SourceSpec) -> list[dict]:
    return [row for block in list_live(spec, 0, KeyRange()) for row in block.to_pylist()]


def test_what_a_store_hides_is_unknown_until_the_operator_states_it(world: World):
    put = world.put("a", b"x")
    silent = SourceSpec("lib", "live", "s3", world.spec.bucket, endpoint=world.spec.endpoint)
    hides = KINDS["oss"].locks == "own" and world.name == "oss"
    found = open_stores((silent,)).hold(put)
    assert found.hold == ("unknown" if hides else "no")
    assert [row["hold"] for row in rows_of(silent)] == [found.hold]
    stated = open_stores((SourceSpec(**{**vars(silent), "object_lock": "none"}),)).hold(put)
    assert (stated.hold, stated.detail) == ("no", "the operator states that nothing here is locked")
    if hides:
        assert "object_lock: none" in found.detail


def test_what_a_store_hasnt_is_noted_and_no_error(world: World):
    world.put("a", b"x")
    source = S3Source(world.spec)
    assert (source.versioned(), source.rules()) == (False, ())
    assert "get_bucket_versioning" in source.lacks
    assert "has no" in (said := what_it_lacks(world.spec))
    assert "versions" in said
    assert "object_lock: none" not in said


def test_a_recheck_sees_a_change_without_etags(world: World):
    put = world.put("a", b"x")
    look = Recheck(open_stores((world.spec,)))._look
    assert look(put) == ""
    assert look(put._replace(etag="modified-2020-01-01T00:00:00Z")) == "gone or changed since the run"


def picture(format_: str = "JPEG") -> bytes:
    sink = io.BytesIO()
    Image.radial_gradient("L").resize((90, 60)).save(sink, format_)
    return sink.getvalue()


def test_gcs_gives_the_stored_bytes_of_what_it_would_unpack(stub, monkeypatch):
    data = gzip.compress(picture(), mtime=0)
    stub.add("a.jpg", data, contentEncoding="gzip")
    stub.add("b//c.jpg", data, contentEncoding="gzip")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stub.url)
    spec = SourceSpec("lib", "live", "gs", stub.bucket)
    stores = open_stores((spec,))
    refs = [ObjectRef(**{name: row[name] for name in ObjectRef._fields}) for row in rows_of(spec)]
    assert [stores.read(ref) for ref in refs] == [data, data]
    assert [stores.read(ref, 2, 9) for ref in refs] == [data[2:9], data[2:9]]


def test_s3_gives_the_stored_bytes_too(moto, monkeypatch):
    client, bucket = owner(moto), new_bucket()
    client.create_bucket(Bucket=bucket)
    data = gzip.compress(picture(), mtime=0)
    client.put_object(Bucket=bucket, Key="a.jpg", Body=data, ContentEncoding="gzip")
    for name, value in {
        "ENDPOINT_URL_S3": moto.url,
        "ACCESS_KEY_ID": "testing",
        "SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    spec = SourceSpec("lib", "live", "s3", bucket)
    (row,) = rows_of(spec)
    assert open_stores((spec,)).read(ObjectRef(**{name: row[name] for name in ObjectRef._fields})) == data


def test_packed_bytes_are_sniffed_by_what_lies_within():
    assert sniff(picture()) is JPEG
    assert sniff(gzip.compress(picture())) is PACKED
    for within in (b"no picture at all", gzip.compress(picture()), b""):
        with pytest.raises(DecodeError) as caught:
            sniff(gzip.compress(within))
        assert caught.value.code == "not-an-image"


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b[:40] + bytes(40) + b[80:]], ids=["cut", "overwritten"]
)
def test_damaged_packing_is_an_error_of_its_own(damage):
    with pytest.raises(PackedError, match="damaged"):
        unpacked(damage(gzip.compress(picture("PNG") * 3)))


def test_a_bomb_is_refused():
    with pytest.raises(PackedError, match="more than 1,000 bytes"):
        unpacked(gzip.compress(bytes(100_000)), most=1000)


HEAD = ("kind", "bucket stands in", "listed by", "versions", "locks are seen by", "checksum listed",
        "acting tools check", "lifecycle rules", "exports for")  # fmt: skip
LOCKS = {"s3": "S3's calls", "own": "its own calls alone", "none": "has none"}
S3_CALLS = "ListObjectVersions, else ListObjectsV2"
OTHERS = (
    ("gcs", "path", "objects.list, versions=true", "generations", "the listing", "MD5, CRC32C", "generation", "read",
     "Storage Transfer, rclone"),
    ("azure", "path", "List Blobs: versions, snapshots, deleted", "versions, snapshots",
     "the listing; a container's policy by its owner alone", "MD5, as the uploader states it", "ETag, version",
     "its owner alone", "AzCopy"),
    ("folder", "-", "the operating system", "none", "hold lists alone", "none", "size, time, SHA-256", "none",
     "a script"),
)  # fmt: skip


def test_the_docs_say_what_each_kind_of_store_can_do() -> None:
    """One table; what differs between S3's kinds comes from KINDS."""
    rows = [
        (
            kind.name, "the host's name" if kind.virtual else "path", S3_CALLS,
            "versions" if kind.name == "aws" else "versions, where it answers", LOCKS[kind.locks],
            "ETag that is an MD5", "version, else ETag", "read" if kind.name == "aws" else "read, where it answers",
            "S3 Batch Operations, rclone, s5cmd" if kind.name == "aws" else "rclone, s5cmd",
        )
        for kind in KINDS.values()
    ]  # fmt: skip
    lines = [HEAD, ("---",) * len(HEAD), *rows, *OTHERS]
    made = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    assert made in (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text("utf-8"), made
