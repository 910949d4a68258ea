"""One bucket under two names: no object passes for its own copy."""

from __future__ import annotations

import datetime
import http.client
import http.server
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.record.request import Request, resolve_policy
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.same_bucket import COMPARED, look_like_one, name_physical, physical_buckets
from tests.audit.world import WITHOUT_PAGES, pictures, table
from tests.mission.stores import s3_client
from tests.retain.tables import fill
from tests.servers import Server, serving

ALIAS, SECOND, TRUE = "hk-ap-0123456789-s3alias", "hk-second-name", "hk-archive"


def test_one_version_under_two_names_is_one_physical_object() -> None:
    rows = [
        {"uri": f"s3://{bucket}/{key}", "store": "s3", "bucket": bucket, "key": key, "version": version}
        for bucket in (TRUE, ALIAS, "other")
        for key, version in (("a", "1"), ("a", "2"), ("b", ""))
    ]
    specs = (SourceSpec("x", "live", "s3", ALIAS, same_as=TRUE), SourceSpec("y", "live", "s3", "other"))
    found = name_physical(fill(OBJECTS, rows), physical_buckets(specs)).column("physical_id").to_pylist()
    assert found[:3] == found[3:6] == [f"s3://{TRUE}/a?1", f"s3://{TRUE}/a?2", f"s3://{TRUE}/b"]
    assert found[6:] == [None] * 3
    assert name_physical(fill(OBJECTS, rows), {}).column("physical_id").null_count == 9


def listed(versions: str, shift: int = 0, etag: str = "e", rows: int = 20, at: int = 1) -> pa.Table:
    """Make rows of COMPARED: `at` seconds between them, `shift` seconds later than another list's."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return pa.table(
        {
            "key": [str(n) for n in range(rows)],
            "version": [f"{versions}{n}" if versions else "" for n in range(rows)],
            "etag": [f"{etag}{n}" for n in range(rows)],
            "size": list(range(rows)),
            "last_modified": [start + datetime.timedelta(seconds=shift + at * n) for n in range(rows)],
        },
        schema=pa.schema([OBJECTS.schema.field(name).with_nullable(True) for name in COMPARED]),
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (listed("v"), True),
        (listed("v", rows=1), True),
        (listed("w"), False),
        (listed("v", shift=5), False),
        (listed("v", etag="f"), False),
        (listed("v", rows=0), None),
    ],
    ids=["the same", "one shared key", "other versions", "other times", "other bytes", "nothing shared"],
)
def test_versions_tell_a_second_name_from_a_copy(other: pa.Table, expected: bool | None) -> None:
    assert look_like_one(listed("v"), other) is expected


def test_without_versions_many_equal_times_tell() -> None:
    assert look_like_one(listed(""), listed("")) is True
    assert look_like_one(listed("", at=0), listed("", at=0)) is None, "both may have been filled in one second"


@pytest.fixture(scope="module")
def two_names(moto):
    """A bucket of a real server that answers under two more names."""
    client = s3_client(moto)
    client.create_bucket(Bucket=TRUE)
    client.put_bucket_versioning(Bucket=TRUE, VersioningConfiguration={"Status": "Enabled"})
    for name in ("china.jpg", "coffee.jpg"):
        client.put_object(Bucket=TRUE, Key=name, Body=pictures()[name])
    client.put_object(Bucket=TRUE, Key="again/china.jpg", Body=pictures()["china.jpg"])
    host = moto.url.removeprefix("http://")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            path = self.path.replace(f"/{ALIAS}", f"/{TRUE}", 1).replace(f"/{SECOND}", f"/{TRUE}", 1)
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(self.command, path, headers={k: v for k, v in self.headers.items() if k != "Host"})
            answer = connection.getresponse()
            data = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            connection.close()

        do_GET = do_HEAD = forward

        def log_message(self, *arguments) -> None:
            """Stay silent."""

    with serving(Handler) as url:
        yield Server(url, moto.access_key, moto.secret_key)


@pytest.fixture
def reachable(two_names, no_ambient_credentials, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", two_names.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", two_names.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", two_names.url)


def mission(output: Path, *arguments: str, **sources) -> list[dict]:
    settings = Settings.model_validate({"sources": sources})
    specs = parse_sources(arguments, settings, str(output))
    run(Request(specs, settings, resolve_policy(settings)), str(output), steps=WITHOUT_PAGES)
    return table(output, "decisions").to_pylist()


@pytest.mark.usefixtures("reachable")
class TestOneBucketTwice:
    def test_an_access_point_is_no_copy(self, tmp_path) -> None:
        decided = mission(tmp_path / "out", f"a=s3://{ALIAS}", f"b=s3://{TRUE}", a={"same_as": TRUE})
        kept = {row["uri"].rpartition("/")[2] for row in decided if row["action"] == "keep"}
        gone = [row for row in decided if row["action"] == "quarantine"]
        assert kept >= {"china.jpg", "coffee.jpg"}
        assert not [row for row in gone if row["uri"].endswith("coffee.jpg")], "its only copy, under two names"
        objects = table(tmp_path / "out", "objects")
        physical = dict(zip(objects["uri"].to_pylist(), objects["physical_id"].to_pylist(), strict=True))
        assert not {physical[row["uri"]] for row in gone} & {physical[row["kept_uri"]] for row in gone}
        assert len(set(physical.values())) == 3
        assert pc.count_distinct(table(tmp_path / "out", "contents")["content_id"]).as_py() == 2

    def test_an_access_point_that_isnt_explained_is_refused(self, tmp_path) -> None:
        with pytest.raises(UsageError, match="same_as: BUCKET"):
            mission(tmp_path / "out", f"a=s3://{ALIAS}", f"b=s3://{TRUE}")

    def test_a_second_name_is_noticed(self, tmp_path) -> None:
        with pytest.raises(SafetyStop, match="the same keys with the same versions"):
            mission(tmp_path / "out", f"a=s3://{SECOND}", f"b=s3://{TRUE}")

    def test_a_replica_that_is_named_as_one_counts(self, tmp_path) -> None:
        decided = mission(tmp_path / "out", f"a=s3://{SECOND}", f"b=s3://{TRUE}", a={"replica": True})
        assert [row["action"] for row in decided if row["uri"].endswith("coffee.jpg")].count("quarantine") == 1


@pytest.mark.usefixtures("no_ambient_credentials")
def test_an_arn_is_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match="by its alias"):
        parse_sources(["s3://arn:aws:s3:us-east-1:123456789012:accesspoint/hk/photos/"], Settings(), None)
