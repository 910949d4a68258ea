"""DIR: one contract, local, on S3 and on GCS."""

from __future__ import annotations

import pytest

from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore
from mirrorfold.transforms.stores.output_cloud import CloudOutput
from tests.worlds import cloud_output, new_bucket


@pytest.fixture(params=["local", "moto", "versity", "fake-gcs", "azurite"])
def output(request: pytest.FixtureRequest, no_ambient_credentials, monkeypatch) -> OutputStore:
    if request.param == "local":
        return LocalOutput(str(request.getfixturevalue("tmp_path") / "out"))
    # A slash at the end changes nothing.
    return cloud_output(request, monkeypatch, "runs/one" if request.param == "fake-gcs" else "runs/one/")


def test_files_are_written_whole_read_listed_and_removed(output: OutputStore):
    assert output.list() == []
    for path in ("_SUCCESS", "objects/part-0.parquet", "objects/part-1.parquet", "_work/a b#.json"):
        output.put(path, path.encode())
    output.put("_SUCCESS", b"")
    assert output.get("_SUCCESS") == b""
    assert sorted(output.list("objects/")) == ["objects/part-0.parquet", "objects/part-1.parquet"]
    assert len(output.list()) == 4
    with output.open("objects/part-0.parquet") as file:
        file.seek(8)
        assert file.read(4) == b"part"
    assert (output.exists("_work/a b#.json"), output.exists("_none")) == (True, False)
    output.delete("_SUCCESS")
    output.delete("_SUCCESS")
    assert not output.exists("_SUCCESS")


def test_a_part_of_a_file_is_read_as_that_part(output: OutputStore):
    data = bytes(range(256)) * 40
    output.put("a", data)
    assert output.size("a") == len(data)
    with output.open_part("a") as file:
        file.seek(-16, 2)
        assert (file.read(8), file.tell(), file.read(), file.read(1)) == (data[-16:-8], len(data) - 8, data[-8:], b"")
        file.seek(256)
        assert file.read(3) == data[:3]
    for call in (output.size, output.open_part):
        with pytest.raises(FileNotFoundError):
            call("none")


def test_a_file_is_written_on_condition(output: OutputStore):
    if not isinstance(output, CloudOutput):
        pytest.skip("a local DIR is locked by the kernel")
    first = output.put_if("_work/lock.json", b"one", None)
    assert first
    assert output.put_if("_work/lock.json", b"two", None) is None, "there is one"
    assert output.get_tagged("_work/lock.json") == (b"one", first)
    second = output.put_if("_work/lock.json", b"two", first)
    assert output.put_if("_work/lock.json", b"three", first) is None, "another state stands"
    assert output.get_tagged("_work/lock.json") == (b"two", second)
    output.delete("_work/lock.json")
    assert output.put_if("_work/lock.json", b"four", second) is None
    with pytest.raises(FileNotFoundError):
        output.get_tagged("_work/lock.json")
    assert output.put_if("_work/lock.json", b"five", None)


def test_what_is_absent_is_a_file_not_found(output: OutputStore):
    for call in (output.get, output.open):
        with pytest.raises(FileNotFoundError):
            call("none/at/all")
    assert output.list("none/") == []


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_nothing_is_written_outside(output: OutputStore, path: str):
    with pytest.raises(ValueError, match="outside the output folder"):
        output.put(path, b"x")


def test_an_absent_bucket_is_said(no_ambient_credentials, moto, fake_gcs, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.url)
    for url in (f"s3://{new_bucket()}/out", f"gs://{new_bucket()}/out"):
        with pytest.raises(StoreError, match="bucket doesn't exist: create it first"):
            CloudOutput(url).put("a", b"x")
