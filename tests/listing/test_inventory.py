"""Inventory reports: every format gives the same rows, and nothing that isn't the report is taken for it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.transforms.listing.encodings import base64_to_hex, decode_urls, escape_keys
from mirrorfold.transforms.listing.inventory import list_report
from mirrorfold.transforms.listing.manifest import read_manifest
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from tests.listing.listing_reports import write_gcs_report, write_s3_report
from tests.servers import recording_proxy
from tests.worlds import ODD_KEYS, gcs_world, new_bucket, owner

THEN = datetime.datetime(2025, 3, 4, 5, 6, 7, 890_000)
FAR = datetime.datetime(2999, 1, 1)
MD5 = hashlib.md5(b"x").hexdigest()
PLAIN = {
    "Bucket": "archive",
    "IsLatest": True,
    "IsDeleteMarker": False,
    "Size": 1,
    "LastModifiedDate": THEN,
    "ETag": MD5,
    "StorageClass": "STANDARD",
    "EncryptionStatus": "SSE-S3",
}
KEYS = [key for name, key in ODD_KEYS.items() if name != "not utf-8"]


def s3_spec(manifest: Path) -> SourceSpec:
    return SourceSpec("lib", "s3-inventory", "s3", "archive", manifest=str(manifest))


def rows_of(spec: SourceSpec, locked: bool | None = None) -> dict[str, dict]:
    blocks = [block for file in read_manifest(spec).files for block in list_report(spec, 3, file, locked)]
    rows = pa.concat_tables(blocks).to_pylist()
    assert len({(row["key"], row["version"]) for row in rows}) == len(rows)
    return {f"{row['key']} {row['version']}".strip(): row for row in rows}


@pytest.fixture(params=["csv", "orc", "parquet"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_key_of_an_s3_report_survives(tmp_path: Path, kind: str):
    spec = s3_spec(write_s3_report(tmp_path, [{**PLAIN, "Key": key} for key in KEYS], kind))
    assert read_manifest(spec).bucket == "archive"
    rows = rows_of(spec)
    assert set(rows) == {key.replace("\uef80", "\uefee\uefbe\uef80") for key in KEYS}
    assert all(row["uri"] == f"s3://archive/{key}" for key, row in rows.items())
    assert rows["a#b"]["last_modified"] == THEN.replace(tzinfo=datetime.UTC)
    assert {row["md5"] for row in rows.values()} == {MD5}


CASES = {
    "plain": ({}, {"archived": False, "hold": "no", "md5": MD5, "version": "", "is_latest": True, "size": 1}),
    "kms": ({"EncryptionStatus": "SSE-KMS"}, {"md5": None, "encryption": "SSE-KMS"}),
    "unknown encryption": ({"EncryptionStatus": None}, {"md5": None}),
    "multipart": ({"ETag": f"{MD5}-2"}, {"md5": None, "etag": f"{MD5}-2"}),
    "archived": ({"StorageClass": "DEEP_ARCHIVE"}, {"archived": True, "storage_class": "DEEP_ARCHIVE"}),
    "archived tier": (
        {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "DEEP_ARCHIVE_ACCESS"},
        {"archived": True},
    ),
    "tier that can be read": (
        {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "INFREQUENT"},
        {"archived": False},
    ),
    "legal hold": ({"ObjectLockLegalHoldStatus": "ON"}, {"hold": "yes"}),
    "legal hold off": ({"ObjectLockLegalHoldStatus": "OFF"}, {"hold": "no"}),
    "retention": ({"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": FAR}, {"hold": "yes"}),
    "retention over": ({"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": THEN}, {"hold": "no"}),
    "older version": ({"VersionId": "v1", "IsLatest": False}, {"version": "v1", "is_latest": False}),
    "older null version": ({"VersionId": None, "IsLatest": False}, {"version": "null", "is_latest": False}),
    "delete marker": (
        {"IsDeleteMarker": True, "Size": None, "ETag": None, "VersionId": "v2"},
        {"is_delete_marker": True, "size": 0, "etag": "", "md5": None},
    ),
    "replica": ({"ReplicationStatus": "REPLICA"}, {"replication_status": "REPLICA"}),
    "checksum": ({"ChecksumAlgorithm": "SHA256"}, {"checksum_algorithm": "SHA256", "sha256": None}),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_each_column_of_an_s3_report_says_what_it_says(tmp_path: Path, kind: str, given: dict, expected: dict):
    spec = s3_spec(write_s3_report(tmp_path, [{**PLAIN, "Key": "a", **given}], kind, parts=1))
    (row,) = rows_of(spec).values()
    assert {name: row[name] for name in expected} == expected


def test_columns_that_we_dont_know_pass_through(tmp_path: Path, kind: str):
    rows = [{**PLAIN, "Key": "a", "SomethingNew": "1"}, {**PLAIN, "Key": "b", "SomethingNew": "2"}]
    found = rows_of(s3_spec(write_s3_report(tmp_path, rows, kind, parts=1)))
    values = {
        key: [value for name, value in row["extra"] if name.lower().startswith("some")] for key, row in found.items()
    }
    assert values == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize(
    ("fields", "locked", "hold"),
    [
        (["Bucket", "Key", "Size"], None, "unknown"),
        (["Bucket", "Key", "Size"], True, "unknown"),
        (["Bucket", "Key", "Size"], False, "no"),
        (["Bucket", "Key", "Size", "ObjectLockLegalHoldStatus"], None, "unknown"),
    ],
)
def test_an_absent_hold_column_means_unknown(tmp_path: Path, kind: str, fields: list[str], locked, hold: str):
    spec = s3_spec(write_s3_report(tmp_path, [{**PLAIN, "Key": "a"}], kind, fields, parts=1))
    (row,) = rows_of(spec, locked).values()
    assert row["hold"] == hold


def test_a_csv_has_its_columns_in_the_order_that_the_manifest_says(tmp_path: Path):
    spec = s3_spec(write_s3_report(tmp_path, [{**PLAIN, "Key": "a"}], "csv", ["Size", "ETag", "Key", "Bucket"]))
    assert {key: (row["size"], row["etag"]) for key, row in rows_of(spec).items()} == {"a": (1, MD5)}


def test_a_changed_data_file_is_refused(tmp_path: Path, kind: str):
    manifest = write_s3_report(tmp_path, [{**PLAIN, "Key": "a"}], kind, parts=1)
    (data,) = (tmp_path / "dest/archive/daily/data").iterdir()
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match="MD5 differs"):
        rows_of(s3_spec(manifest))


def test_a_changed_manifest_is_refused(tmp_path: Path):
    manifest = write_s3_report(tmp_path, [{**PLAIN, "Key": "a"}], "csv")
    manifest.write_text(manifest.read_text() + " ")
    with pytest.raises(StoreError, match=r"doesn't match its manifest\.checksum"):
        read_manifest(s3_spec(manifest))


@pytest.mark.parametrize(
    ("missing", "message"), [("manifest.checksum", "manifest.checksum is missing"), ("data", "isn't beside it")]
)
def test_a_report_that_isnt_whole_is_refused(tmp_path: Path, missing: str, message: str):
    manifest = write_s3_report(tmp_path, [{**PLAIN, "Key": "a"}], "csv")
    (manifest.parent / missing).unlink() if "." in missing else (tmp_path / "dest/archive/daily/data").rename(
        tmp_path / "x"
    )
    with pytest.raises(StoreError, match=message):
        read_manifest(s3_spec(manifest))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sourceBucket": 3}', "not json"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str):
    place = tmp_path / "manifest.json"
    place.write_text(text)
    (tmp_path / "manifest.checksum").write_text(hashlib.md5(text.encode()).hexdigest())
    for spec in (s3_spec(place), SourceSpec("l", "gcs-inventory", "gs", "b", manifest=str(place))):
        with pytest.raises(StoreError, match="isn't a manifest"):
            read_manifest(spec)


def test_a_report_is_read_from_its_bucket(tmp_path: Path, no_ambient_credentials, monkeypatch, moto, kind: str):
    client, bucket = owner(moto), new_bucket()
    client.create_bucket(Bucket=bucket)
    manifest = write_s3_report(tmp_path, [{**PLAIN, "Key": key} for key in ("a", "b", "c")], kind, bucket=bucket)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), bucket, str(path.relative_to(tmp_path)))
    with recording_proxy(moto.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        place = f"s3://{bucket}/{manifest.relative_to(tmp_path)}"
        (spec,) = parse_sources([f"hk=s3-inventory+{place}"], Settings(), str(tmp_path / "out"))
        assert (spec.library, spec.bucket) == ("hk", "archive")
        assert set(rows_of(spec)) == {"a", "b", "c"}
        assert proxy.methods == {"GET"}
    with pytest.raises(UsageError, match="can't read s3://"):
        parse_sources([f"s3-inventory+s3://{bucket}/none/manifest.json"], Settings(), None)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


GCS_ROWS = [
    {"name": key, "generation": "17", "md5Hash": b64(hashlib.md5(b"x").digest()), "crc32c": b64(b"\0\1\2\3")}
    for key in KEYS
] + [
    {"name": "composite", "generation": "18", "crc32c": b64(b"\xff\xff\xff\xff")},
    {"name": "gone", "generation": "19", "timeDeleted": THEN.replace(tzinfo=datetime.UTC)},
    {"name": "kept", "generation": "20", "retentionExpirationTime": FAR.replace(tzinfo=datetime.UTC)},
]


@pytest.mark.parametrize(
    ("kind", "delimiter", "header"),
    [("parquet", ",", True), ("csv", ",", True), ("csv", ";", False), ("csv", "\t", True)],
    ids=["parquet", "csv", "csv with semicolons and no header", "csv with tabs"],
)
def test_a_gcs_report_in_every_format(tmp_path: Path, kind: str, delimiter: str, header: bool):
    common = {"bucket": "archive", "size": 1, "storageClass": "NEARLINE", "etag": "E=", "contentType": "image/jpeg"}
    common["updated"] = THEN.replace(tzinfo=datetime.UTC, microsecond=0)
    manifest = write_gcs_report(tmp_path, [{**common, **row} for row in GCS_ROWS], kind, delimiter, header)
    spec = SourceSpec("lib", "gcs-inventory", "gs", "archive", manifest=str(manifest))
    rows = {row["key"]: row for row in rows_of(spec).values()}
    assert set(rows) == {row["name"].replace("\uef80", "\uefee\uefbe\uef80") for row in GCS_ROWS}
    assert rows["a#b"]["uri"] == "gs://archive/a#b"
    assert (rows["a#b"]["md5"], rows["a#b"]["crc32c"], rows["a#b"]["version"]) == (MD5, "00010203", "17")
    assert (rows["composite"]["md5"], rows["composite"]["crc32c"]) == (None, "ffffffff")
    assert [rows[key]["is_latest"] for key in ("a#b", "gone")] == [True, False]
    assert [rows[key]["hold"] for key in ("a#b", "kept")] == ["unknown", "yes"]
    assert rows["a#b"]["last_modified"] == common["updated"]
    assert json.loads(json.dumps(rows["a#b"]["storage_class"])) == "NEARLINE"


@given(st.lists(st.none() | st.binary(min_size=16, max_size=16) | st.binary(max_size=20)))
def test_base64_to_hex_in_columns_is_that_of_each_row(values: list[bytes | None]):
    texts = pa.array([None if value is None else b64(value) for value in values], pa.string())
    expected = [value.hex() if value is not None and len(value) == 16 else None for value in values]
    assert base64_to_hex(texts, 16).to_pylist() == expected


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_keys_in_columns_are_escaped_as_each_row_is(keys: list[str]):
    from urllib.parse import quote_plus

    from mirrorfold.schemas.uri import escape_key

    expected = [escape_key(key.encode()) for key in keys]
    assert escape_keys(pa.array(keys, pa.string())).to_pylist() == expected
    assert decode_urls(pa.array([quote_plus(key) for key in keys], pa.string())).to_pylist() == expected


def test_a_gcs_report_is_read_from_its_bucket(tmp_path: Path, no_ambient_credentials, monkeypatch, fake_gcs):
    rows = [{"bucket": "archive", "name": name, "size": 1, "generation": "1"} for name in ("a", "b//c", "照片")]
    manifest = write_gcs_report(tmp_path / "report", rows, "parquet")
    with gcs_world(fake_gcs) as world:
        for path in manifest.parent.iterdir():
            world.put(f"daily/{path.name}", path.read_bytes())
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.url)
        place = f"gs://{world.spec.bucket}/daily/{manifest.name}"
        (spec,) = parse_sources([f"gcs-inventory+{place}"], Settings(), None)
        assert (spec.library, spec.bucket) == ("archive", "archive")
        assert {row["key"] for row in rows_of(spec).values()} == {"a", "b//c", "照片"}
