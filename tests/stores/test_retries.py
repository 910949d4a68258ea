"""A store that stumbles is asked again, and throttling is never mistaken for absence."""

from __future__ import annotations

import pytest

from mirrorfold.transforms.stores import errors
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.sources import OpenStores
from tests.servers import Recorder, Server, recording_proxy
from tests.worlds import gcs_world, new_bucket, owner

SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@pytest.fixture
def s3(no_ambient_credentials, moto: Server, monkeypatch):
    bucket = new_bucket()
    owner(moto).create_bucket(Bucket=bucket)
    for key in ("plain", "odd//key"):
        owner(moto).put_object(Bucket=bucket, Key=key, Body=b"x")
    with recording_proxy(moto.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        yield proxy, bucket


@pytest.mark.parametrize("key", ["plain", "odd//key"], ids=["obstore", "sdk"])
@pytest.mark.parametrize("status", [503, 500, 429])
def test_s3_is_asked_again(s3: tuple[Recorder, str], key: str, status: int):
    proxy, bucket = s3
    stores = OpenStores((SourceSpec("l", "live", "s3", bucket),))
    ref = ObjectRef("l", "s3", bucket, key, "", "", 1)
    assert stores.read(ref) == b"x"
    proxy.refusals += [(status, SLOW)] * 2
    before = len(proxy.requests)
    assert stores.read(ref) == b"x"
    assert len(proxy.requests) == before + 3


@pytest.mark.parametrize("key", ["plain", "odd//key"], ids=["obstore", "sdk"])
@pytest.mark.parametrize("status", [503, 429])
def test_gcs_is_asked_again(no_ambient_credentials, fake_gcs: Server, monkeypatch, key: str, status: int):
    with gcs_world(fake_gcs) as world:
        ref = world.put(key, b"x")
        with recording_proxy(fake_gcs.url) as proxy:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
            proxy.refusals += [(status, b"{}")] * 2
            assert OpenStores((world.spec,)).read(ref) == b"x"
            assert len(proxy.requests) == 3


def test_an_absent_object_is_asked_for_once(s3: tuple[Recorder, str]):
    proxy, bucket = s3
    stores = OpenStores((SourceSpec("l", "live", "s3", bucket),))
    for key in ("none", "no//ne"):
        before = len(proxy.requests)
        with pytest.raises(StoreError, match="gone or changed"):
            stores.read(ObjectRef("l", "s3", bucket, key, "", "", 1))
        assert len(proxy.requests) == before + 1


CASES = [
    (404, "NoSuchKey", "", "vanished"),
    (404, "NoSuchVersion", "", "vanished"),
    (412, "PreconditionFailed", "", "vanished"),
    (405, "MethodNotAllowed", "", "vanished"),
    (403, "AccessDenied", "", "denied"),
    (401, "", "", "denied"),
    (404, "XAdminUserNotFound", "", "denied"),
    (400, "ExpiredToken", "", "denied"),
    (403, "InvalidObjectState", "", "archived"),
    (503, "SlowDown", "", "throttled"),
    (429, "", "", "throttled"),
    (400, "ThrottlingException", "", "throttled"),
    (500, "InternalError", "", "unreachable"),
    (None, "", "", "unreachable"),
    (400, "InvalidRequest", "The object was stored using a form of Server Side Encryption.", "encrypted"),
    (400, "", "The target object is encrypted by a customer-supplied encryption key.", "encrypted"),
]


@pytest.mark.parametrize(("status", "name", "text", "code"), CASES)
def test_each_answer_has_its_code_and_a_message_without_what_differs(status, name: str, text: str, code: str):
    error = errors.classify(status, name, text)
    assert error.code == code
    assert text == "" or text not in error.message
