"""Bad input is one line that says what to do, and exit code 2, before any work starts."""

from __future__ import annotations

import contextlib
import http.server
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import moto_server, serving

BAD_POLICY = "version: 1\nname: x\ntiers: {identical: {action: destroy}}\n"
MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
NO_CREDENTIALS = {
    name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GOOGLE_", "STORAGE_EMULATOR"))
} | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}


@pytest.fixture(scope="module")
def s3():
    with moto_server() as server:
        yield server


@pytest.fixture
def place(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.yaml").write_text("policy: [default", encoding="utf-8")
    (tmp_path / "misspelt.yaml").write_text("polcy: default", encoding="utf-8")
    (tmp_path / "unused.yaml").write_text("sources: {photo: {region: ap-east-1}}", encoding="utf-8")
    (tmp_path / "region.yaml").write_text("prices: {regions: {fotos: ap-east-1}}", encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(BAD_POLICY, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("run s3://no-such-bucket --output {0}/out", "no-such-bucket"),
        ("run {0}/nowhere --output {0}/out", "nowhere"),
        ("run {0}/photos/a.jpg --output {0}/out", "a.jpg"),
        ("run {0}/empty --output {0}/out", "no objects"),
        ("run {0}/photos --output {0}/photos/out", "inside"),
        ("run {0}/photos/ --output {0}", "inside"),
        ("run ftp://somewhere --output {0}/out", "ftp"),
        ("run {0}/photos --output {0}/out --config {0}/nowhere.yaml", "nowhere.yaml"),
        ("run {0}/photos --output {0}/out --config {0}/broken.yaml", "broken.yaml"),
        ("run {0}/photos --output {0}/out --config {0}/misspelt.yaml", "polcy"),
        ("run {0}/photos --output {0}/out --policy {0}/policy.yaml", "policy.yaml:3"),
        ("run {0}/photos --output {0}/out --policy nonesuch", "nonesuch"),
        ("run {0}/photos --output {0}/out --outptu x", "did you mean --output"),
        (
            "run {0}/photos --output {0}/out --config {0}/unused.yaml",
            "sources: photo: no source has that name; did you mean",
        ),
        ("run {0}/photos --output {0}/out --config {0}/region.yaml", "prices.regions: fotos: no source has that name"),
        ("run {0}/photos --output {0}/out --currency XYZ", "no exchange rate to XYZ"),
        ("run {0}/photos --output {0}/out --runner=FlinkRuner", "did you mean FlinkRunner"),
        ("run {0}/photos --output {0}/broken.yaml", "broken.yaml is a file"),
        ("run {0}/photos --output {0}/broken.yaml/below", "broken.yaml is a file"),
        ("run {0}/photos --output s3://no-such-bucket/out", "there is no bucket s3://no-such-bucket: create it"),
        ("run {0}/photos --output s3://", "names no bucket"),
        ("run {0}/photos --output ftp://here/x", "can't write to ftp://"),
        ("verify s3://no-such-bucket/out", "there is no bucket s3://no-such-bucket"),
        ("run {0}/photos", "--output"),
        ("fingerprint --output {0}/nothing", "holds no run"),
        ("verify {0}/nothing", "nothing"),
    ],
)
def test_one_line_and_exit_2(place, s3, line: str, says: str) -> None:
    env = os.environ | {
        "AWS_ENDPOINT_URL_S3": s3.url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    check([part.format(place) for part in line.split()], env, says)


def test_missing_credentials(place) -> None:
    check(["run", "s3://some-bucket", "--output", str(place / "out")], NO_CREDENTIALS, "credentials")


@pytest.mark.parametrize("line", ["run {0}/photos --output s3://some-bucket/x", "verify s3://some-bucket/x"])
def test_missing_credentials_for_the_output(place, line: str) -> None:
    with refusing_server(403, "AccessDenied") as url:
        check(line.format(place).split(), NO_CREDENTIALS | {"AWS_ENDPOINT_URL_S3": url}, "s3:PutObject")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        pytest.param(403, "AccessDenied", "grant s3:GetObject, s3:PutObject", id="denied"),
        pytest.param(403, "SignatureDoesNotMatch", "the secret key doesn't fit the access key", id="secret key"),
        pytest.param(403, "InvalidAccessKeyId", "doesn't know the access key", id="access key"),
        pytest.param(400, "ExpiredToken", "log in again", id="expired"),
        pytest.param(400, "InvalidBucketName", "isn't a bucket's name", id="bucket name"),
        pytest.param(400, "Odd", "check the name, the endpoint and the network", id="another 400"),
    ],
)
@pytest.mark.parametrize(
    "line", ["run {0}/photos --output s3://some-bucket/x", "run s3://some-bucket --output {0}/out"]
)
def test_what_a_store_refuses(place, status: int, code: str, says: str, line: str) -> None:
    """The same cause is said of an output and of a source, and only a missing right is called one."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    if "run s3://" in line:
        says = {"AccessDenied": "grant s3:ListBucket", "Odd": "check the endpoint and the network"}.get(code, says)
    with refusing_server(status, code) as url:
        check(line.format(place).split(), NO_CREDENTIALS | keys | {"AWS_ENDPOINT_URL_S3": url}, says)


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.isdir("/proc/self"), reason="root may write everywhere else")
def test_an_output_that_takes_no_files(place) -> None:
    check(["run", str(place / "photos"), "--output", "/proc/self/out"], dict(os.environ), "choose another --output")


def test_all_mistakes_of_a_config_are_said_at_once(place) -> None:
    config = place / "several.yaml"
    config.write_text(
        "match:\n  raduis: 4\nprices: {curency: HKD}\n\nfingerprint:\n  threads: many\n", encoding="utf-8"
    )
    line = [MIRRORFOLD, "run", str(place / "photos"), "--output", str(place / "out"), "--config", str(config)]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert [said.partition("several.yaml:")[2] for said in ended.stderr.splitlines()] == [
        "2: match.raduis: there is no such setting; did you mean radius?",
        "3: prices.curency: there is no such setting; did you mean currency?",
        "6: fingerprint.threads: Input should be a valid integer, unable to parse string as an integer (given: 'many')",
    ]


@contextlib.contextmanager
def refusing_server(status: int, code: str) -> Iterator[str]:
    """Serve an S3 that refuses every request with one word."""

    class Refuse(http.server.BaseHTTPRequestHandler):
        def refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = (
                b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = refuse

        def log_message(self, *_: object) -> None:
            pass

    with serving(Refuse) as url:
        yield url


def check(arguments: list[str], env: dict[str, str], says: str) -> None:
    ended = subprocess.run([MIRRORFOLD, *arguments], env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith("mirrorfold: ")
    assert says in ended.stderr
