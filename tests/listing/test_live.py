"""Live listing of real servers with small pages: ranges and threads give what one thread gives."""

from __future__ import annotations

import os
from collections import Counter

import pyarrow as pa
import pytest

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.listing.live import list_live, plan_live
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from tests.gcs_stub import GcsStub
from tests.worlds import new_bucket, owner

KEYS = [f"archive/{number % 7}/{number:04d}.jpg" for number in range(70)] + ["a//b", "档案/一", "档案/丁", "z", "zz"]


def counted(blocks) -> Counter:
    return Counter((row["key"], row["version"]) for block in blocks for row in block.to_pylist())


def by_ranges(spec: SourceSpec, limit: int) -> Counter:
    ranges = plan_live(spec, limit=limit)
    assert ranges is not None
    assert len(ranges) > 5
    return counted(block for keys in ranges for block in list_live(spec, 0, keys, limit))


# moto's small pages of versions lose some (`MaxKeys=1` gives the older of two first): versitygw stands in.
@pytest.mark.parametrize(
    ("name", "versioned"),
    [("moto", False), ("versity", False), ("versity", True)],
    ids=["moto", "versity", "versity with versions"],
)
def test_s3_ranges_lose_and_double_nothing(request, no_ambient_credentials, monkeypatch, name: str, versioned: bool):
    server = request.getfixturevalue(name)
    for variable, value in zip(
        ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (server.url, server.access_key, server.secret_key),
        strict=True,
    ):
        monkeypatch.setenv(variable, value)
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [key for key in KEYS if name == "moto" or "//" not in key]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    if versioned:
        for key in keys[::3]:
            client.put_object(Bucket=bucket, Key=key, Body=b"newer")
        client.delete_object(Bucket=bucket, Key=keys[0])
    spec = SourceSpec("lib", "live", "s3", bucket)
    whole = counted(list_live(spec, 0))
    assert Counter(key for key, _ in whole.elements()).keys() == {escape_key(key.encode()) for key in keys}
    assert by_ranges(spec, 4) == whole


def test_gcs_ranges_lose_and_double_nothing(no_ambient_credentials, monkeypatch, stub: GcsStub):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stub.url)
    for key in [*KEYS, *KEYS[::4], *KEYS[::8]]:
        stub.add(key)
    stub.page = 5
    spec = SourceSpec("lib", "live", "gs", "stub")
    assert by_ranges(spec, 4) == counted(list_live(spec, 0))
    assert sum(counted(list_live(spec, 0)).values()) == len(stub.objects)


def folder_rows(folder) -> dict[str, dict]:
    blocks = list_live(SourceSpec("lib", "live", "file", escape_key(os.fsencode(str(folder)))), 0)
    return {row["key"]: row for row in pa.concat_tables(blocks).to_pylist()}


def test_links_and_odd_names_in_a_folder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"abc")
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    (tmp_path / "hard.jpg").hardlink_to(tmp_path / "a.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(".", target_is_directory=True)
    os.mkfifo(tmp_path / "pipe")
    with open(os.fsencode(tmp_path) + b"/\xff.jpg", "wb") as file:
        file.write(b"x")
    rows = folder_rows(tmp_path)
    assert set(rows) == {"a.jpg", "link.jpg", "hard.jpg", "broken.jpg", "\uefff.jpg"}
    assert rows["a.jpg"]["physical_id"] == rows["link.jpg"]["physical_id"] == rows["hard.jpg"]["physical_id"]
    assert rows["broken.jpg"]["size"] == 0
    assert rows["a.jpg"]["uri"] == f"file://{tmp_path}/a.jpg"


def test_a_folder_that_cant_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path):
        if os.fsencode(path).endswith(b"closed"):  # root may read everything: refuse in its place
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(StoreError, match=r"can't read the folder .*closed: Permission denied"):
        folder_rows(tmp_path)
