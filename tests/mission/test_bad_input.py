"""Bad input is one line that says what to do, and exit code 2, before any work starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import moto_server

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


def check(arguments: list[str], env: dict[str, str], says: str) -> None:
    ended = subprocess.run([MIRRORFOLD, *arguments], env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith("mirrorfold: ")
    assert says in ended.stderr
