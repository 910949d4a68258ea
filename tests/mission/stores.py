"""Put the libraries into real stores."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import requests

from demo.archive import write_folder
from tests.servers import Server
from tests.worlds import azure_owner


def s3_client(server: Server):
    """Open a client that may write: the tests fill the sources, mirrorfold never does."""
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )


def fill_s3(server: Server, bucket: str, files: dict[str, bytes]) -> None:
    """Make a bucket of a library."""
    client = s3_client(server)
    client.create_bucket(Bucket=bucket)
    for key, data in files.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)


def fill_gcs(server: Server, bucket: str, files: dict[str, bytes]) -> None:
    """Make a GCS bucket of a library, through the JSON API."""
    requests.post(f"{server.url}/storage/v1/b", json={"name": bucket}, timeout=30).raise_for_status()
    for key, data in files.items():
        answer = requests.post(
            f"{server.url}/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": key},
            data=data,
            headers={"Content-Type": "image/jpeg"},
            timeout=30,
        )
        answer.raise_for_status()


def fill_azure(server: Server, container: str, files: dict[str, bytes]) -> None:
    """Make a container of a library."""
    client = azure_owner(server, container)
    for key, data in files.items():
        client.upload_blob(key, data)


def fill_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Make a folder of a library."""
    write_folder(files, folder)
    return folder


def environment(s3: str, gcs: str | None, server: Server) -> dict[str, str]:
    """Give the environment in which the ecosystem's own tools would find the servers."""
    given = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3,
    }
    if gcs:
        given["STORAGE_EMULATOR_HOST"] = gcs
    return os.environ | given
