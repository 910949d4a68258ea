"""The locks: nothing but reads leaves for a source, and no endpoint is a metadata service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.gcs import GcsSource
from mirrorfold.transforms.stores.guard import READS, EndpointRefusedError, WriteRefusedError, check_endpoint
from mirrorfold.transforms.stores.s3 import S3Source

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("put_object", {"Key": "a", "Body": b""}),
        ("delete_object", {"Key": "a"}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "a"}]}}),
        ("copy_object", {"Key": "a", "CopySource": "x/y"}),
        ("restore_object", {"Key": "a"}),
        ("put_object_tagging", {"Key": "a", "Tagging": {"TagSet": []}}),
        ("create_multipart_upload", {"Key": "a"}),
        ("put_bucket_versioning", {"VersioningConfiguration": {}}),
    ],
)
def test_boto3_refuses_what_isnt_a_read(operation: str, arguments: dict):
    client = S3Source(SourceSpec("l", "live", "s3", "bucket", endpoint="http://127.0.0.1:9")).client
    with pytest.raises(WriteRefusedError, match="sources are only read"):
        getattr(client, operation)(Bucket="bucket", **arguments)


RIGHTS = {
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
}


def test_the_documented_policy_grants_each_read_and_nothing_else_on_a_source():
    policy = json.loads((Path(__file__).parents[2] / "docs" / "aws-read-only-policy.json").read_text())
    granted = set()
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow" and "SOURCE-BUCKET" in statement["Resource"]:
            granted |= set(statement["Action"])
    # A version is read with a right of its own.
    assert granted == {RIGHTS.get(name, f"s3:{name}") for name in READS} | {"s3:GetObjectVersion"}


@pytest.mark.parametrize("call", [lambda blob: blob.upload_from_string(b""), lambda blob: blob.delete()])
def test_the_google_client_refuses_what_isnt_a_read(call):
    source = GcsSource(SourceSpec("l", "live", "gs", "bucket", endpoint="http://127.0.0.1:9"))
    with pytest.raises(WriteRefusedError, match="sources are only read"):
        call(source.bucket.blob("a"))


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://169.254.169.254:80/latest",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
        "http://100.100.100.200/",
        "http://user@169.254.170.2/",
    ],
)
def test_metadata_addresses_are_refused_in_every_notation(url: str):
    with pytest.raises(EndpointRefusedError, match="metadata"):
        check_endpoint(url)


@pytest.mark.parametrize("url", ["ftp://host", "host:9000", "http://"])
def test_an_endpoint_is_a_url(url: str):
    with pytest.raises(EndpointRefusedError, match=r"http://"):
        check_endpoint(url)


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9000", "https://s3.eu-central-1.amazonaws.com"])
def test_other_endpoints_pass(url: str | None):
    check_endpoint(url)
