"""No secret is written down, and no endpoint leads to a machine's own credentials."""

from __future__ import annotations

import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.masked import masked
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.transforms.stores.guard import EndpointRefusedError, check_endpoint


def test_options_named_like_secrets_are_masked():
    line = ["--runner=X", "--s3_secret_access_key=hush", "--s3_session_token", "hush", "--Password=hush", "--jobs", "3"]
    assert masked(line) == [
        "--runner=X", "--s3_secret_access_key=***", "--s3_session_token", "***", "--Password=***", "--jobs", "3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (["--spark_conf=spark.hadoop.fs.s3a.secret.key=hush"], ["--spark_conf=spark.hadoop.fs.s3a.secret.key=***"]),
        (["--flink_conf", "s3.access-key: hush"], ["--flink_conf", "s3.access-key: ***"]),
        (["--jobEndpoint=http://ann:hush@host:80"], ["--jobEndpoint=http://***@host:80"]),
        (["--experiments=x,auth_token=hush"], ["--experiments=x,auth_token=***"]),
        (["--url=https://b/a?X-Amz-Signature=hush"], ["--url=https://b/a?X-Amz-Signature=***"]),
        (["-s3_secret_access_key", "hush"], ["-s3_secret_access_key", "***"]),
        (["--sasToken=hush", "--passwd", "hush", "--pwd=hush"], ["--sasToken=***", "--passwd", "***", "--pwd=***"]),
        (["--credentials=hush", "--runner=X"], ["--credentials=***", "--runner=X"]),
        (["--temp_location=s3://bucket/tmp", "--jobs", "3"], ["--temp_location=s3://bucket/tmp", "--jobs", "3"]),
    ],
)  # fmt: skip
def test_secrets_within_values_are_masked_too(line, shown):
    assert masked(line) == shown


def test_an_endpoint_that_holds_a_password_is_refused_and_not_repeated():
    settings = Settings(sources={"hk": {"endpoint": "https://ann:hush@s3.example"}})
    with pytest.raises(UsageError, match="holds a user's name or password") as caught:
        parse_sources(["hk=s3://bucket"], settings, None)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe", "::ffff:169.254.169.254",
     "::ffff:0:a9fe:a9fe", "2001:db8::5efe:a9fe:a9fe", "2001:db8::200:5efe:a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::",
     "64:ff9b:1:0:a9:fea9:fe00:0", "fd00:ec2::23"],
    ids=["NAT64", "local NAT64", "6to4", "compatible", "mapped", "translated", "ISATAP", "global ISATAP", "NAT64 by 48",
         "NAT64 by 64", "pods"],
)  # fmt: skip
def test_metadata_addresses_are_refused_in_every_form(address):
    with pytest.raises(EndpointRefusedError):
        check_endpoint(f"http://[{address}]/")


def test_other_clouds_metadata_too_and_plain_hosts_not():
    with pytest.raises(EndpointRefusedError):
        check_endpoint("http://192.0.0.192/")
    for url in ("http://127.0.0.1:9000", "http://[::1]:9000", "http://[64:ff9b::808:808]/"):
        check_endpoint(url)
