"""The read-only roles of docs/ suffice for a source, and for nothing else, where a server here enforces them."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
import subprocess
from pathlib import Path

import obstore
import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.azure_client import azure_access
from mirrorfold.transforms.stores.s3_client import s3_access
from mirrorfold.transforms.stores.sources import open_stores
from tests.servers import Server, find_program, versity_server
from tests.worlds import azure_owner, new_bucket, owner

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")
DOCS = Path(__file__).resolve().parents[2] / "docs"
MD5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
GRANTS = ("Action", "action", "Actions", "DataActions", "includedPermissions")
READS = re.compile(r"(Get|List|Head)[A-Za-z]*|get|list|read")


def read_all(spec: SourceSpec) -> list[tuple[str, bytes, str, str]]:
    """List, read and look up every object, as a run does."""
    rows = [row for block in list_live(spec, 0) for row in block.to_pylist()]
    refs = [ObjectRef(**{name: row[name] for name in ObjectRef._fields}) for row in rows]
    stores = open_stores((spec,))
    return [(ref.key, stores.read(ref), stores.head(ref).hold, stores.hold(ref).hold) for ref in refs]


def test_the_s3_policy_suffices_and_lets_nothing_be_written(versity: Server, monkeypatch, tmp_path):
    with versity_server(iam=tmp_path) as server:
        client, bucket = owner(server), new_bucket()
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        client.put_object(Bucket=bucket, Key="a.jpg", Body=b"x", ContentMD5=MD5)
        admin = [find_program("versitygw"), "admin", "--access", server.access_key, "--secret", server.secret_key]
        admin += ["--endpoint-url", server.url, "create-user", "--access", "reader", "--secret", "reading"]
        subprocess.run([*admin, "--role", "user"], check=True, capture_output=True)
        text = (DOCS / "aws-read-only-policy.json").read_text("utf-8").replace("SOURCE-BUCKET", bucket)
        stated = {part["Sid"]: part for part in json.loads(text)["Statement"]}
        parts = [{**stated[name], "Principal": {"AWS": ["reader"]}} for name in ("ListSource", "ReadSource")]
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": parts}))
        for name, value in {"ACCESS_KEY_ID": "reader", "SECRET_ACCESS_KEY": "reading"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        spec = SourceSpec("lib", "live", "s3", bucket)
        assert read_all(spec) == [("a.jpg", b"x", "no", "no")]
        with pytest.raises(obstore.exceptions.BaseError, match="AccessDenied"):
            obstore.put(s3_access(spec).byte_store(bucket), "b.jpg", b"x")


def test_azures_rights_to_read_and_list_suffice(azurite: Server, monkeypatch):
    client = azure_owner(azurite, new_bucket())
    client.upload_blob("a.jpg", b"x")
    sas = generate_container_sas(
        azurite.access_key,
        client.container_name,
        account_key=azurite.secret_key,
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
    )
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", sas)
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", azurite.url)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", azurite.access_key)
    spec = SourceSpec("lib", "live", "az", client.container_name)
    (key, data, *holds), *more = read_all(spec)
    assert (key, data, more) == ("a.jpg", b"x", [])
    assert set(holds) <= {"no", "unknown"}, "a SAS may not ask about its container; a role may"
    with pytest.raises(obstore.exceptions.BaseError, match=r"403|Authorization"):
        obstore.put(azure_access(spec).byte_store(client.container_name), "b.jpg", b"x")


@pytest.mark.parametrize("name", ["azure", "cos", "gcs", "obs", "oss", "tos"])
def test_no_role_of_the_docs_writes(name: str):
    (path,) = DOCS.glob(f"{name}-read-only-*.json")
    document = json.loads(path.read_text("utf-8"))
    parts = document.get("Statement") or document.get("statement") or [document]
    granted = [part.get(key, []) for part in parts for key in GRANTS]
    actions = [action for group in granted for action in group]
    assert len(actions) >= 3
    assert [action for action in actions if not READS.fullmatch(re.split(r"[:./]", action)[-1])] == []
