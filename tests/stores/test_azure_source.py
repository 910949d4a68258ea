"""Azure Blob as a source, beyond the common contract: on Azurite, and on a stub for what Azurite doesn't keep."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import replace

import pytest
from azure.storage.blob import ContentSettings, StandardBlobTier

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.sources import check_sources, parse_sources
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.uri_list import list_named
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.azure_client import azure_access
from mirrorfold.transforms.stores.guard import WriteRefusedError
from mirrorfold.transforms.stores.sources import open_stores
from tests.azure_stub import AzureStub, StubBlob, azure_stub
from tests.servers import AZURITE_KEY, Server
from tests.worlds import azure_environment, azure_owner, new_bucket

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")
STUB = SourceSpec("lib", "live", "az", "c")


@pytest.fixture
def container(azurite: Server, monkeypatch: pytest.MonkeyPatch):
    """A new container of Azurite, and its owner's client."""
    for name, value in azure_environment(azurite).items():
        monkeypatch.setenv(name, value)
    return azure_owner(azurite, new_bucket())


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch):
    """A stub of a container that keeps all that Azure keeps."""
    with azure_stub() as running:
        for name, value in azure_environment(Server(running.url, "account", AZURITE_KEY)).items():
            monkeypatch.setenv(name, value)
        yield running


def rows_of(spec: SourceSpec) -> list[dict]:
    return [row for block in list_live(spec, 0) for row in block.to_pylist()]


def ref_of(row: dict) -> ObjectRef:
    return ObjectRef(**{name: row[name] for name in ObjectRef._fields})


def test_tiers_and_md5_are_listed_and_what_is_archived_is_never_read(container):
    for tier in ("HOT", "COOL", "COLD", "ARCHIVE"):
        container.upload_blob(tier, tier.encode(), standard_blob_tier=StandardBlobTier[tier])
    spec = replace(STUB, bucket=container.container_name)
    rows = {row["key"]: row for row in rows_of(spec)}
    assert {key: (row["storage_class"], row["archived"]) for key, row in rows.items()} == {
        "HOT": ("Hot", False),
        "COOL": ("Cool", False),
        "COLD": ("Cold", False),
        "ARCHIVE": ("Archive", True),
    }
    assert rows["COOL"]["md5"] == hashlib.md5(b"COOL").hexdigest()
    with pytest.raises(StoreError) as caught:
        open_stores((spec,)).read(ref_of(rows["ARCHIVE"]))
    assert caught.value.code == "archived"


@pytest.mark.parametrize("key", ["a", "odd//key"])
def test_a_snapshot_is_a_version_of_its_own(container, key: str):
    container.upload_blob(key, b"first")
    container.get_blob_client(key).create_snapshot()
    container.upload_blob(key, b"second!", overwrite=True)
    spec = replace(STUB, bucket=container.container_name)
    rows = sorted(rows_of(spec), key=lambda row: row["is_latest"])
    assert [row["is_latest"] for row in rows] == [False, True]
    assert rows[0]["version"].startswith("snapshot:")
    stores = open_stores((spec,))
    assert [stores.read(ref_of(row)) for row in rows] == [b"first", b"second!"]
    assert stores.read(ref_of(rows[0]), 1, 3) == b"ir"
    assert [stores.head(ref_of(row)).size for row in rows] == [5, 7]


def test_named_objects_are_looked_up(container):
    container.upload_blob("a b/c.jpg", b"xyz", standard_blob_tier=StandardBlobTier.COOL)
    name = container.container_name
    (listed,) = rows_of(replace(STUB, bucket=name))
    spec = SourceSpec("lib", "listing", "", "")
    blocks = list_named(spec, 0, [("az", name, "a b/c.jpg", ""), ("az", name, "none", "")])
    rows = {row["key"]: row for block in blocks for row in block.to_pylist()}
    same = ("uri", "etag", "size", "storage_class", "md5", "hold", "last_modified", "is_latest")
    assert {part: rows["a b/c.jpg"][part] for part in same} == {part: listed[part] for part in same}
    assert rows["none"]["size"] == 0


def test_encoded_bytes_are_read_as_they_are_stored(container):
    packed = gzip.compress(b"picture" * 99)
    for key in ("a", "odd//key"):
        container.upload_blob(key, packed, content_settings=ContentSettings(content_encoding="gzip"))
    spec = replace(STUB, bucket=container.container_name)
    assert [open_stores((spec,)).read(ref_of(row)) for row in rows_of(spec)] == [packed, packed]


def test_a_sources_clients_only_read(container):
    client = azure_access(replace(STUB, bucket=container.container_name)).container(container.container_name, 1)
    for write in (lambda: client.upload_blob("a", b"x"), lambda: client.delete_blob("a"), client.delete_container):
        with pytest.raises(WriteRefusedError):
            write()


def test_versions_are_listed_and_read_as_themselves(stub: AzureStub):
    current = "<IsCurrentVersion>true</IsCurrentVersion>"
    stub.blobs = [StubBlob("a", b"old", "2026-01-01T00:00:00.0000000Z"), StubBlob("a", b"new", "2026-02", current)]
    stub.page = 1
    rows = rows_of(STUB)
    assert [(row["version"], row["is_latest"]) for row in rows] == [
        ("2026-01-01T00:00:00.0000000Z", False),
        ("2026-02", True),
    ]
    assert [open_stores((STUB,)).read(ref_of(row)) for row in rows] == [b"old", b"new"]


def test_what_is_deleted_but_kept_for_a_while_is_no_copy(stub: AzureStub):
    gone = "<DeletedTime>Fri, 02 Jan 2026 03:04:05 GMT</DeletedTime><RemainingRetentionDays>3</RemainingRetentionDays>"
    stub.blobs = [StubBlob("a", outer="<Deleted>true</Deleted>", more=gone)]
    (row,) = rows_of(STUB)
    assert (row["is_latest"], row["archived"], str(row["expires_at"])) == (False, True, "2026-01-06 00:00:00+00:00")


POLICY = (
    "<ImmutabilityPolicyUntilDate>{}</ImmutabilityPolicyUntilDate>"
    "<ImmutabilityPolicyMode>unlocked</ImmutabilityPolicyMode>"
)


@pytest.mark.parametrize(
    ("more", "container", "hold"),
    [
        ("", {}, "no"),
        ("<LegalHold>true</LegalHold>", {}, "yes"),
        (POLICY.format("Fri, 02 Jan 2099 03:04:05 GMT"), {}, "yes"),
        (POLICY.format("Fri, 02 Jan 2026 03:04:05 GMT"), {}, "no"),
        ("", {"x-ms-has-legal-hold": "true"}, "yes"),
        ("", {"x-ms-has-immutability-policy": "true"}, "unknown"),
    ],
    ids=["none", "legal hold", "policy", "policy that is over", "container's hold", "container's policy"],
)
def test_holds_are_seen(stub: AzureStub, more: str, container: dict[str, str], hold: str):
    stub.blobs, stub.container = [StubBlob("a", more=more)], container
    assert [row["hold"] for row in rows_of(STUB)] == [hold]


def test_an_account_that_knows_less_is_asked_for_less(stub: AzureStub):
    stub.blobs, stub.unknown = [StubBlob("a", more="<LegalHold>true</LegalHold>")], frozenset({"versions"})
    assert [row["hold"] for row in rows_of(STUB)] == ["yes"]
    stub.unknown = frozenset({"versions", "legalhold"})
    assert [row["hold"] for row in rows_of(replace(STUB, library="other"))] == ["unknown"]
    assert [row["hold"] for row in rows_of(replace(STUB, object_lock="none"))] == ["no"]


def test_rules_are_unknown_until_the_operator_states_them(stub: AzureStub):
    settings = Settings.model_validate({"sources": {"c": {"lifecycle": "none"}}})
    (stated,) = parse_sources(["az://c/photos"], settings, None)
    assert (stated.store, stated.bucket, stated.prefix, stated.lifecycle) == ("az", "c", "photos", "none")
    assert [open_stores((spec,)).source("az", "c").rules() for spec in (STUB, stated)] == [None, ()]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, "ContainerNotFound"), "there is no container az://c"),
        ((403, "AuthenticationFailed"), "key or SAS isn't valid"),
        ((403, "AuthorizationPermissionMismatch"), "grant the role Storage Blob Data Reader"),
        ((500, "InternalError"), "doesn't answer"),
    ],
)
def test_what_the_store_refuses_is_one_line(stub: AzureStub, answer: tuple[int, str], says: str):
    stub.refuse = answer
    with pytest.raises(UsageError, match=says) as caught:
        check_sources([STUB])
    assert "\n" not in str(caught.value)


def test_a_container_without_an_account_is_one_line():
    with pytest.raises(UsageError, match="no storage account is named: set AZURE_STORAGE_ACCOUNT"):
        check_sources([STUB])


@pytest.mark.parametrize(
    ("given", "settings", "endpoint", "signed"),
    [
        ({"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": "a2V5"}, {}, "https://acc.blob.core.windows.net", True),
        ({"AZURE_STORAGE_ACCOUNT": "acc"}, {"anonymous": True}, "https://acc.blob.core.windows.net", False),
        ({"AZURE_STORAGE_KEY": "a2V5"}, {"account": "own"}, "https://own.blob.core.windows.net", True),
        ({"AZURE_STORAGE_SAS_TOKEN": "?sig=x"}, {"endpoint": "https://x.example/y"}, "https://x.example/y", True),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=z;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn"},
            {},
            "https://z.blob.core.chinacloudapi.cn",
            True,
        ),
    ],
    ids=["environment", "anonymous", "setting", "SAS at an endpoint", "connection string, mainland"],
)
def test_accounts_are_found_as_azures_tools_find_them(monkeypatch, given, settings, endpoint, signed):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    (spec,) = parse_sources(["az://c"], Settings.model_validate({"sources": {"c": settings}}), None)
    access = azure_access(spec)
    assert (access.endpoint, access.signed) == (endpoint, signed)
    if "CONNECTION" in next(iter(given)):
        assert base64.b64decode(access.key or "") == b"key"
