"""The real tools carry out our lists: rclone and s5cmd against a versioned S3 server, and over folders."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

import boto3
import pytest
from botocore.client import Config

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.files import file_etag
from tests import servers
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

KEYS = (
    "plain.jpg", "#lead.jpg", " space.jpg", "trail .jpg ", "a b/c d.jpg", "中文/图.jpg", "q'uote.jpg", 'dq"uote.jpg',
    "back\\slash.jpg", "st*r.jpg", "qu?stion.jpg", "br[a]cket.jpg", "a,b.jpg", "=1+1.jpg", "$HOME.jpg", "`tick`.jpg",
    "%41.jpg", "+plus.jpg", "-dash.jpg",
)  # fmt: skip
POLICY = "keep_order: [{library: [keep]}]\n"


@pytest.fixture(scope="module", params=[servers.versity_server], ids=["versitygw"])
def server(request):
    try:
        with request.param() as found:
            yield found
    except servers.MissingServer as error:
        pytest.skip(str(error))


@pytest.fixture
def tool():
    def run(name: str, *arguments: str, env: dict | None = None) -> None:
        try:
            program = servers.find_program(name)
        except servers.MissingServer as error:
            pytest.skip(str(error))
        done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]

    return run


@pytest.fixture
def archive(server, tmp_path, monkeypatch):
    """A versioned bucket of odd keys that all hold the same bytes, one copy kept elsewhere, and a finished run."""
    for name, value in (("AWS_ACCESS_KEY_ID", server.access_key), ("AWS_SECRET_ACCESS_KEY", server.secret_key)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    s3 = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", config=Config(s3={"addressing_style": "path"})
    )
    tag = os.path.basename(tmp_path).replace("_", "-").lower()[-30:].strip("-")
    source, keep, aside = (f"{kind}-{tag}" for kind in ("source", "keep", "aside"))
    for bucket in (source, keep, aside):
        s3.create_bucket(Bucket=bucket)
    for bucket in (source, keep):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rows = []
    for bucket, key in ((keep, "0.jpg"), *((source, key) for key in KEYS)):
        put = s3.put_object(Bucket=bucket, Key=key, Body=b"the same bytes")
        head = s3.head_object(Bucket=bucket, Key=key)
        rows.append(
            obj(
                f"s3://{bucket}/{key}", "a", version=put["VersionId"], etag=put["ETag"].strip('"'), size=14,
                last_modified=head["LastModified"], library="keep" if bucket == keep else "source",
            )
        )  # fmt: skip
    finish_run(
        tmp_path, rows, [SourceSpec(library, "live", "s3", b) for library, b in (("keep", keep), ("source", source))]
    )
    return s3, source, keep, aside


def finish_run(folder: Path, rows: list[dict], specs: list[SourceSpec]) -> None:
    twins = [twin(row["uri"], "a", "a", version=row.get("version", ""), is_master=row is rows[0]) for row in rows]
    tables = {
        "objects": objects(*rows), "contents": contents(content("a")), "failures": failures(),
        "clusters": clusters(*twins), "pairs": pairs(),
    }  # fmt: skip
    write_run(folder, tables, POLICY)
    request = Request(tuple(specs), Settings(), resolve_policy("version: 1\n" + POLICY, "p"))
    path = folder / REQUEST_PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(request.to_json())


def keys_in(s3, bucket: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {o["Key"]: s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in found}


def rclone(tool, command: str, folder: Path) -> None:
    """Run the very command that README.txt gives, with remotes set up by environment alone."""
    words = shlex.split(command)
    words[words.index("--files-from-raw") + 1] = str(folder / words[words.index("--files-from-raw") + 1])
    env = os.environ | {
        "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENV_AUTH": "true", "RCLONE_CONFIG_S3_ENDPOINT": os.environ.get("AWS_ENDPOINT_URL_S3", ""),
        "RCLONE_CONFIG_S3_NO_CHECK_BUCKET": "true",
    }  # fmt: skip
    tool(*words, env=env)


def command_of(folder: Path, name: str) -> str:
    lines = (folder / "README.txt").read_text().splitlines()
    return next(line for line in lines if name in line and line.startswith("  "))


def test_s5cmd_sets_the_very_versions_aside_and_back(archive, tool, tmp_path):
    s3, source, _, aside = archive
    made = export(str(tmp_path), "quarantine", "s5cmd", target=f"s3://{aside}", reread=False)
    assert (made.rows, made.refused) == (len(KEYS), 0)
    # Everything changes between the export and the act: the decided versions are acted on, not the new bytes.
    for key in KEYS:
        s3.put_object(Bucket=source, Key=key, Body=b"written since")
    (commands,) = (tmp_path / made.folder).glob("s3-source*.txt")
    tool("s5cmd", "--endpoint-url", os.environ["AWS_ENDPOINT_URL_S3"], "run", str(commands))
    assert keys_in(s3, aside) == {f"{source}/{key}": b"the same bytes" for key in KEYS}
    made = export(str(tmp_path), "restore", "s5cmd", target=f"s3://{aside}")
    (commands,) = (tmp_path / made.folder).glob("s3-source*.txt")
    for key in KEYS:
        s3.delete_object(Bucket=source, Key=key)
    tool("s5cmd", "--endpoint-url", os.environ["AWS_ENDPOINT_URL_S3"], "run", str(commands))
    assert keys_in(s3, source) == dict.fromkeys(KEYS, b"the same bytes")


# versitygw lists other times for versions than it gave when they were current, so rclone finds none of them there.
@pytest.mark.parametrize("server", [servers.moto_server], ids=["moto"], indirect=True)
def test_rclone_sets_aside_the_bucket_as_it_was(archive, tool, tmp_path):
    s3, source, _, aside = archive
    made = export(str(tmp_path), "quarantine", "rclone", target=f"s3:{aside}", reread=False)
    assert (made.rows, made.refused) == (len(KEYS), 0)
    time.sleep(1.1)  # S3 states times of versions in whole seconds.
    for key in KEYS:
        s3.put_object(Bucket=source, Key=key, Body=b"written since")
    folder = tmp_path / made.folder
    rclone(tool, command_of(folder, "rclone"), folder)
    assert set(keys_in(s3, aside).values()) == {b"the same bytes"}
    assert {key.split("/", 1)[1] for key in keys_in(s3, aside)} == set(KEYS)


def test_nothing_that_changed_since_the_run_is_exported(archive, tmp_path):
    s3, source, *_ = archive
    for key in KEYS[:5]:
        s3.put_object(Bucket=source, Key=key, Body=b"written since")
    s3.delete_object(Bucket=source, Key=KEYS[5])
    made = export(str(tmp_path), "quarantine", "rclone", reread=False)
    assert (made.rows, made.refused) == (len(KEYS) - 6, 6)


@pytest.mark.parametrize("gone", ["deleted", "overwritten"])
def test_nothing_is_exported_once_the_kept_copy_is_gone(archive, tmp_path, gone):
    s3, _, keep, _ = archive
    if gone == "deleted":
        s3.delete_object(Bucket=keep, Key="0.jpg")
    else:
        s3.put_object(Bucket=keep, Key="0.jpg", Body=b"something else")
    for to in ("s3-batch", "csv"):
        made = export(str(tmp_path), "quarantine", to, reread=False)
        assert (made.rows, made.refused) == (0, len(KEYS))
    assert "its kept copy is gone or changed" in (tmp_path / made.folder / "refused.csv").read_text()


def test_rclone_carries_folders_over_and_back(tool, tmp_path):
    archive, run, aside = tmp_path / "archive", tmp_path / "run", tmp_path / "aside"
    rows = []
    for key in ("0.jpg", *KEYS):
        path = archive / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the same bytes")
        found = path.stat()
        uri = f"file://{archive}/{key}"
        rows.append(
            obj(
                uri, "a", store="file", bucket=str(archive), key=key, size=14,
                library="keep" if key == "0.jpg" else "l",
                etag=file_etag(found), physical_id=f"{found.st_dev}:{found.st_ino}",
            )
        )  # fmt: skip
    run.mkdir()
    finish_run(run, rows, [SourceSpec("l", "live", "file", str(archive))])
    (archive / KEYS[0]).write_bytes(b"changed since the run")
    made = export(str(run), "quarantine", "rclone", target=str(aside), reread=False)
    assert (made.rows, made.refused) == (len(KEYS) - 1, 1)
    folder = run / made.folder
    assert "have no version that a tool could check" in (folder / "README.txt").read_text()
    rclone(tool, command_of(folder, "rclone"), folder)
    copied = {str(path.relative_to(aside / "file-archive")) for path in aside.rglob("*") if path.is_file()}
    assert copied == set(KEYS[1:])
    for key in KEYS[1:]:
        (archive / key).unlink()
    made = export(str(run), "restore", "rclone", target=str(aside))
    folder = run / made.folder
    (archive / KEYS[0]).unlink()
    (aside / "file-archive" / KEYS[0]).write_bytes(b"the same bytes")
    rclone(tool, command_of(folder, "rclone"), folder)
    assert all((archive / key).read_bytes() == b"the same bytes" for key in KEYS)
