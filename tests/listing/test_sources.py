"""SOURCE arguments: what they mean, and the one line that says what is wrong with one."""

from __future__ import annotations

import os

import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.sources import check_sources, parse_sources
from mirrorfold.transforms.stores.api import SourceSpec
from tests.gcs_stub import GcsStub
from tests.servers import Server
from tests.worlds import new_bucket, owner

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")


def parse(*args: str, output: str | None = None, **sources) -> list[tuple]:
    specs = parse_sources(args, Settings.model_validate({"sources": sources}), output)
    return [(spec.library, spec.store, spec.bucket, spec.prefix) for spec in specs]


@pytest.mark.parametrize(
    ("arg", "expected"),
    [
        ("s3://b/x/y", ("b", "s3", "b", "x/y")),
        ("s3://b", ("b", "s3", "b", "")),
        ("hk=gs://b/x", ("hk", "gs", "b", "x")),
        ("h-k._1=s3://b/a=b", ("h-k._1", "s3", "b", "a=b")),
        ("s3://b/a=b", ("b", "s3", "b", "a=b")),
        ("s3://b//x#?% ", ("b", "s3", "b", "/x#?% ")),
    ],
)
def test_what_an_argument_means(arg: str, expected: tuple):
    assert parse(arg) == [expected]


def test_folders_are_named_by_their_real_path(tmp_path, monkeypatch):
    (tmp_path / "真").mkdir()
    (tmp_path / "link").symlink_to("真")
    monkeypatch.chdir(tmp_path)
    real = os.path.realpath(tmp_path / "真")
    for arg in ("link", "./link/", f"file://{tmp_path}/link", "真"):
        assert parse(arg) == [("真", "file", real, "")]
    assert parse("hk=link") == [("hk", "file", real, "")]


def test_the_order_of_arguments_changes_nothing():
    assert parse("s3://b/x", "a=s3://c", "gs://b") == parse("gs://b", "a=s3://c", "s3://b/x")


def test_settings_reach_a_source_by_library_and_by_uri():
    settings = Settings.model_validate(
        {
            "sources": {
                "hk": {"region": "ap-east-1", "concurrency": 4},
                "s3://b/deep/": {"concurrency": 8, "requester_pays": True},
                "s3://b": {"endpoint": "http://localhost:1", "concurrency": 2},
            }
        }
    )
    one, two = parse_sources(["hk=s3://b/deep/er", "hk=s3://b/x"], settings, None)
    assert (one.region, one.concurrency, one.requester_pays, one.endpoint) == (
        "ap-east-1",
        8,
        True,
        "http://localhost:1",
    )
    assert (two.region, two.concurrency, two.requester_pays) == ("ap-east-1", 2, False)


@pytest.mark.parametrize(
    ("args", "output", "message"),
    [
        ([], None, "name at least one source"),
        (["FOLDER/file.jpg"], None, r"is a file: name the folder .* or listing\+"),
        (["FOLDER/none"], None, "there is no folder"),
        (["s3://"], None, "write s3://BUCKET/PREFIX"),
        (["ftp://host/x"], None, "can't list ftp://"),
        (["a b=s3://b"], None, "a library's name has only"),
        (["s3://b/x", "s3://b/x"], None, "named twice"),
        (["FOLDER", "FOLDER/"], None, "named twice"),
        (["FOLDER"], "FOLDER/out", "lies inside the source"),
        (["FOLDER"], "FOLDER", "lies inside the source"),
        (["FOLDER/in"], "FOLDER", "lies inside the output"),
        (["s3://b/x"], "s3://b/x/out", "lies inside the source"),
        (["gs://b/out/x"], "gs://b/out/", "lies inside the output"),
        (["s3-inventory+FOLDER/none.json"], None, "there is no file"),
        (["s3-inventory+FOLDER/file.jpg"], None, "isn't a manifest"),
        (["gcs-inventory+http://x/y"], None, "can't read a report from http://"),
    ],
)
def test_each_mistake_has_one_line_that_says_what_to_do(tmp_path, args: list[str], output: str | None, message: str):
    (tmp_path / "in").mkdir()
    (tmp_path / "file.jpg").write_bytes(b"x")
    place = [text.replace("FOLDER", str(tmp_path)) for text in [*args, output or ""]]
    with pytest.raises(UsageError, match=message) as caught:
        parse(*place[:-1], output=place[-1] or None)
    assert "\n" not in str(caught.value)


def test_an_output_beside_a_source_is_fine(tmp_path):
    (tmp_path / "in").mkdir()
    parse(str(tmp_path / "in"), "s3://b/in/", output=str(tmp_path / "in-clean"))
    parse("s3://b/in/", output="s3://b/in-clean")


def test_one_bucket_name_at_two_endpoints_is_refused():
    with pytest.raises(UsageError, match="two endpoints"):
        parse("one=s3://b/x", "two=s3://b/y", one={"endpoint": "http://h:1"}, two={"endpoint": "http://h:2"})


def live(bucket: str, store: str = "s3", **options) -> SourceSpec:
    return SourceSpec("lib", "live", store, bucket, **options)


def complaint(spec: SourceSpec) -> str:
    with pytest.raises(UsageError) as caught:
        check_sources((spec,))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bucket_that_answers_passes(versity: Server, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", versity.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", versity.secret_key)
    bucket = new_bucket()
    owner(versity).create_bucket(Bucket=bucket)
    assert "holds no objects" in complaint(live(bucket, endpoint=versity.url))
    owner(versity).put_object(Bucket=bucket, Key="a.jpg", Body=b"x")
    check_sources((live(bucket, endpoint=versity.url),))
    assert "there is no bucket" in complaint(live(new_bucket(), endpoint=versity.url))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert "check AWS_SECRET_ACCESS_KEY" in complaint(live(bucket, endpoint=versity.url))


def test_what_cant_be_reached_is_said(stub: GcsStub):
    assert "no AWS credentials were found" in complaint(live("bucket", endpoint="http://127.0.0.1:9"))
    assert "doesn't answer" in complaint(live("bucket", endpoint="http://127.0.0.1:9", anonymous=True))
    assert "metadata address" in complaint(live("bucket", endpoint="http://169.254.169.254"))
    assert "no AWS profile 'none'" in complaint(live("bucket", profile="none"))
    assert "there is no bucket" in complaint(live("other", "gs", endpoint=stub.url))
    assert "holds no objects" in complaint(live("stub", "gs", endpoint=stub.url))
    check_sources((live("stub", "gs", endpoint=stub.url),), previous="an earlier run")
