"""S3 as a source, beyond the common contract: versions, holds, checksums, archives, rights, two servers in a run."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib

import pytest

from mirrorfold.pipelines.finished import realised
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.s3 import S3Source
from mirrorfold.transforms.stores.sources import open_stores
from tests.servers import Server, recording_proxy, versity_server
from tests.worlds import new_bucket, owner

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")


@pytest.fixture(params=["moto", "versity"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Both S3 servers, found as the default chain finds one."""
    found = request.getfixturevalue(request.param)
    use(monkeypatch, found)
    return found


def use(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)


def rows_of(spec: SourceSpec) -> list[dict]:
    rows = [row for block in list_live(spec, 0, KeyRange()) for row in block.to_pylist()]
    return sorted(rows, key=lambda row: (row["key"], not row["is_latest"]))


def ref_of(row: dict) -> ObjectRef:
    return ObjectRef(**{name: row[name] for name in ObjectRef._fields})


def live(bucket: str, **options) -> SourceSpec:
    return SourceSpec("lib", "live", "s3", bucket, **options)


def test_every_version_and_delete_marker_is_listed_and_read_as_itself(server: Server):
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="old", Body=b"before versioning")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        client.put_object(Bucket=bucket, Key="a", Body=body)
    client.delete_object(Bucket=bucket, Key="a")
    rows = rows_of(live(bucket))
    assert [(row["key"], row["is_latest"], row["is_delete_marker"]) for row in rows] == [
        ("a", True, True),
        ("a", False, False),
        ("a", False, False),
        ("old", True, False),
    ]
    assert rows[3]["version"] == "null"
    stores = open_stores((live(bucket),))
    assert {stores.read(ref_of(row)) for row in rows[1:]} == {b"first", b"second", b"before versioning"}


def test_holds_are_seen_in_the_listing_and_when_asked(versity: Server, monkeypatch):
    use(monkeypatch, versity)  # moto answers 500 where an object has no hold
    client, bucket = owner(versity), new_bucket()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=2)
    md5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    locks = {"kept": {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}}
    locks["legal"] = {"ObjectLockLegalHoldStatus": "ON"}
    for key, lock in locks.items():
        client.put_object(Bucket=bucket, Key=key, Body=b"x", ContentMD5=md5, **lock)
    rows = rows_of(live(bucket))
    assert [(row["key"], row["hold"]) for row in rows] == [("kept", "yes"), ("legal", "yes")]
    assert rows[0]["retain_until"] == until
    stores = open_stores((live(bucket),))
    assert [stores.hold(ref_of(row)).kind for row in rows] == ["retention", "legal-hold"]
    assert [stores.head(ref_of(row)).hold for row in rows] == ["yes", "yes"]


def test_an_object_without_a_hold_in_a_bucket_with_locks_has_none(versity: Server, monkeypatch):
    use(monkeypatch, versity)
    client, bucket = owner(versity), new_bucket()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=bucket, Key="free", Body=b"x")
    (row,) = rows_of(live(bucket))
    assert row["hold"] == "no"
    assert open_stores((live(bucket),)).hold(ref_of(row)).hold == "no"


def test_a_hold_that_may_not_be_asked_is_unknown(versity: Server, monkeypatch):
    client, bucket = owner(versity), new_bucket()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put = client.put_object(Bucket=bucket, Key="a", Body=b"x")
    use(monkeypatch, Server(versity.url, "nobody", "nothing"))
    ref = ObjectRef("lib", "s3", bucket, "a", put["VersionId"], put["ETag"].strip('"'), 1)
    stores = open_stores((live(bucket),))
    answer = stores.hold(ref)
    assert (answer.hold, answer.detail.startswith("couldn't ask: ")) == ("unknown", True)
    with pytest.raises(StoreError) as caught:
        stores.read(ref)
    assert caught.value.code == "denied"


@pytest.mark.parametrize("secret", ["wrong", None], ids=["wrong secret", "no credentials"])
def test_without_the_right_signature_nothing_is_read(versity: Server, monkeypatch, secret: str | None):
    client, bucket = owner(versity), new_bucket()
    client.create_bucket(Bucket=bucket)
    etag = client.put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"].strip('"')
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", versity.url)
    if secret is not None:
        use(monkeypatch, Server(versity.url, versity.access_key, secret))
    for key in ("a", "b//c"):  # through obstore and through boto3
        with pytest.raises(StoreError) as caught:
            open_stores((live(bucket),)).read(ObjectRef("lib", "s3", bucket, key, "", etag, 1))
        assert caught.value.code == "denied"


def test_a_buckets_tag_says_who_pays(server: Server):
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)
    assert S3Source(live(bucket)).bucket_tag("CostCentre") is None
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "CostCentre", "Value": "prints"}]})
    with contextlib.closing(open_stores((live(bucket),))) as stores:
        prices = realised.Priced(
            PriceList({"prices": []}, "USD", {}), {"owner_tag": "CostCentre", "owners": {"hk": "x"}}
        )
        tagged = realised.with_tags(prices, stores, [("s3", bucket), ("s3", "nowhere-at-all"), ("file", "/x")])
    assert tagged.settings["tags"] == {bucket: "prints"}


def test_what_lies_in_unfinished_uploads_is_summed(server: Server):
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)
    assert S3Source(live(bucket)).unfinished() == {}
    for key, sizes in (("a", (5 << 20, 9)), ("b", (7,))):
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        for number, size in enumerate(sizes, start=1):
            client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=b"p" * size)
    assert S3Source(live(bucket)).unfinished() == {"STANDARD": (5 << 20) + 16}


def test_sha256_counts_only_when_it_covers_the_whole_object(server: Server):
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="whole", Body=b"hello", ChecksumAlgorithm="SHA256")
    part = b"p" * (5 << 20)
    upload = client.create_multipart_upload(Bucket=bucket, Key="parts", ChecksumAlgorithm="SHA256")["UploadId"]
    sent = client.upload_part(
        Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=part, ChecksumAlgorithm="SHA256"
    )
    parts = [{"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}]
    client.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    rows = {row["key"]: row for row in rows_of(live(bucket))}
    assert rows["whole"]["checksum_algorithm"].startswith("SHA256")
    assert rows["whole"]["md5"] == hashlib.md5(b"hello").hexdigest()
    assert rows["parts"]["md5"] is None, "an ETag of parts is no MD5"
    stores = open_stores((live(bucket),))
    assert stores.head(ref_of(rows["whole"])).sha256 == hashlib.sha256(b"hello").hexdigest()
    assert stores.head(ref_of(rows["parts"])).sha256 is None


def test_an_archived_object_is_listed_and_never_read(moto: Server, monkeypatch):
    use(monkeypatch, moto)
    client, bucket = owner(moto), new_bucket()
    client.create_bucket(Bucket=bucket)
    for name in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD_IA"):
        client.put_object(Bucket=bucket, Key=name, Body=b"x", StorageClass=name)
    rows = {row["key"]: row for row in rows_of(live(bucket))}
    assert {key: row["archived"] for key, row in rows.items()} == {
        "GLACIER": True,
        "DEEP_ARCHIVE": True,
        "GLACIER_IR": False,
        "STANDARD_IA": False,
    }
    assert rows["GLACIER_IR"]["storage_class"] == "GLACIER_IR"
    with pytest.raises(StoreError) as caught:
        open_stores((live(bucket),)).read(ref_of(rows["GLACIER"]))
    assert caught.value.code == "archived"


def test_an_etag_under_kms_is_no_md5(moto: Server, monkeypatch):
    use(monkeypatch, moto)
    client, bucket = owner(moto), new_bucket()
    client.create_bucket(Bucket=bucket)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    client.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert [row["md5"] for row in rows_of(live(bucket))] == [None]


def test_two_servers_with_different_keys_serve_one_run(versity: Server, monkeypatch, tmp_path):
    # The environment names a third place: a spec's own endpoint and profile must win for boto3 and obstore alike.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with versity_server("other-user", "other-secret") as other:
        config = ""
        specs = []
        for name, server in (("one", versity), ("two", other)):
            bucket = new_bucket()
            owner(server).create_bucket(Bucket=bucket)
            owner(server).put_object(Bucket=bucket, Key="a", Body=name.encode())
            config += f"[{name}]\naws_access_key_id={server.access_key}\naws_secret_access_key={server.secret_key}\n"
            specs.append(live(bucket, endpoint=server.url, profile=name))
        (tmp_path / "credentials").write_text(config)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        stores = open_stores(tuple(specs))
        read = [stores.read(ref_of(row)) for spec in specs for row in rows_of(spec)]
        assert read == [b"one", b"two"]


def test_the_requester_pays_where_the_source_says_so(moto: Server, monkeypatch):
    client, bucket = owner(moto), new_bucket()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a", Body=b"x")
    client.put_object(Bucket=bucket, Key="b//c", Body=b"x")
    with recording_proxy(moto.url) as proxy:
        use(monkeypatch, Server(proxy.url))
        spec = live(bucket, requester_pays=True)
        stores = open_stores((spec,))
        for row in rows_of(spec):
            stores.read(ref_of(row))
            stores.head(ref_of(row))
        asked = [headers for (_, path), headers in zip(proxy.requests, proxy.headers, strict=True) if "?" not in path]
        assert len(asked) == 4
        assert all(headers.get("x-amz-request-payer") == "requester" for headers in asked)
