"""`make demo`: build the archive, serve one library over S3, run the whole mission, verify it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from rich.console import Console

from demo.archive import build, write_folder

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MIRROR = BUILD / "demo-archive" / "gz-mirror"
OUTPUT = BUILD / "demo"
BUCKET, REGION = "hk-archive", "ap-east-1"
START_SECONDS = 30


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3 from memory on a free port of this machine; give its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def upload(files: dict[str, bytes], endpoint: str) -> None:
    """Put a library into the bucket, once the server answers."""
    client = boto3.client("s3", endpoint_url=endpoint, config=Config(retries={"max_attempts": 1}, connect_timeout=2))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            break
        except BotoCoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    for key, data in files.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=data)


def main() -> int:
    """Run the demo; give mirrorfold's exit code."""
    console = Console(stderr=True)
    for folder in (MIRROR, OUTPUT):
        shutil.rmtree(folder, ignore_errors=True)
    console.print("Building two mirror libraries out of real photographs ...")
    hk, gz = build()
    write_folder(gz, MIRROR)
    os.environ |= {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_DEFAULT_REGION": REGION}
    with s3_server() as endpoint:
        os.environ["AWS_ENDPOINT_URL_S3"] = endpoint
        upload(hk, endpoint)
        console.print(f"  hk: {len(hk)} objects in s3://{BUCKET} (served at {endpoint})")
        console.print(f"  gz: {len(gz)} files in {MIRROR.relative_to(ROOT)}\n")
        mirrorfold = str(Path(sys.executable).parent / "mirrorfold")
        config, policy = (str(ROOT / "demo" / name) for name in ("config.yaml", "policy.yaml"))
        sources = [f"hk=s3://{BUCKET}", f"gz={MIRROR}"]
        code = subprocess.call(
            [mirrorfold, "run", *sources, "--output", str(OUTPUT), "--config", config, "--policy", policy]
        )
        return code or subprocess.call([mirrorfold, "verify", str(OUTPUT)])


if __name__ == "__main__":
    sys.exit(main())
