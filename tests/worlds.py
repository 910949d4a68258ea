"""Stores of every kind behind one face, for the contract suite: filled by the owner, read through a recording proxy."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from azure.storage.blob import ContainerClient
from botocore.config import Config

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.files import file_etag
from mirrorfold.transforms.stores.output_cloud import CloudOutput
from tests.gcs_stub import GcsStub
from tests.servers import Server, recording_proxy

_NUMBERS = itertools.count()
ODD_KEYS = {
    "double slash": "a//b",
    "leading slash": "/l",
    "trailing slash": "t/",
    "dot": "./d",
    "dots": "u/../v",
    "leading dots": "../x",
    "newline": "a\nb",
    "control": "c\x01c",
    "hash": "a#b",
    "percent": "50%25",
    "plus and space": "a+b c",
    "quotes": "q\"'`",
    "glob": "[*]?",
    "backslash": "a\\b",
    "html": "<script>&amp;",
    "formula": "=1+1",
    "chinese": "香港/照片.jpg",
    "combining": "e\u0301",
    "emoji": "\U0001f600",
    "private use": "x\uef80y",
    "not utf-8": b"\xff\xfe".decode("utf-8", "surrogateescape"),
}


@dataclass
class World:
    """One store under test.

    Attributes:
      spec: names it as a source.
      put: writes an object as its owner and gives it as it is listed.
      remove: removes one as its owner.
      refused: keys the server can't hold, by the names of ODD_KEYS.
      requests: what reached it through mirrorfold, (method, path).
    """

    name: str
    spec: SourceSpec
    put: Callable[[str, bytes], ObjectRef]
    remove: Callable[[str], Any]
    refused: frozenset[str] = frozenset()
    requests: list[tuple[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def owner(server: Server) -> Any:
    """Open a client that may write: tests fill the sources, mirrorfold never does."""
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )


def new_bucket() -> str:
    """Name a bucket that no other test uses."""
    return f"bucket-{os.getpid()}-{next(_NUMBERS)}"


def cloud_output(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, folder: str) -> CloudOutput:
    """Give a DIR in a new bucket of the server that the test's parameter names, reached as a user's own would be."""
    bucket, server = new_bucket(), request.getfixturevalue(request.param.replace("-", "_"))
    if request.param == "fake-gcs":
        requests.post(f"{server.url}/storage/v1/b", json={"name": bucket}, timeout=30).raise_for_status()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        return CloudOutput(f"gs://{bucket}/{folder}")
    if request.param == "azurite":
        azure_owner(server, bucket)
        for name, value in azure_environment(server).items():
            monkeypatch.setenv(name, value)
        return CloudOutput(f"az://{bucket}/{folder}")
    owner(server).create_bucket(Bucket=bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    return CloudOutput(f"s3://{bucket}/{folder}")


@contextlib.contextmanager
def s3_world(name: str, server: Server) -> Iterator[World]:
    """Give a new bucket of an S3 server."""
    client, bucket = owner(server), new_bucket()
    client.create_bucket(Bucket=bucket)

    def put(key: str, data: bytes) -> ObjectRef:
        etag = client.put_object(Bucket=bucket, Key=key, Body=data)["ETag"].strip('"')
        return ObjectRef("lib", "s3", bucket, escape_key(key.encode()), "", etag, len(data))

    # moto's router knows no newline; versitygw keeps keys as paths.
    paths = {"double slash", "leading slash", "trailing slash", "dot", "dots", "leading dots", "control", "html"}
    refused = frozenset({"newline"} if name == "moto" else paths) | {"not utf-8"}
    with recording_proxy(server.url) as proxy:
        yield World(
            name,
            SourceSpec("lib", "live", "s3", bucket),
            put,
            lambda key: client.delete_object(Bucket=bucket, Key=key),
            refused,
            proxy.requests,
            {
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "AWS_ENDPOINT_URL_S3": proxy.url,
            },
        )


@contextlib.contextmanager
def gcs_world(server: Server) -> Iterator[World]:
    """Give a new bucket of fake-gcs-server."""
    bucket = new_bucket()
    requests.post(f"{server.url}/storage/v1/b", json={"name": bucket}, timeout=30).raise_for_status()

    def put(key: str, data: bytes) -> ObjectRef:
        answer = requests.post(
            f"{server.url}/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": key},
            data=data,
            timeout=30,
        )
        answer.raise_for_status()
        made = answer.json()
        return ObjectRef("lib", "gs", bucket, escape_key(key.encode()), made["generation"], made["etag"], len(data))

    def remove(key: str) -> None:
        name = requests.utils.quote(key, safe="")
        requests.delete(f"{server.url}/storage/v1/b/{bucket}/o/{name}", timeout=30).raise_for_status()

    with recording_proxy(server.url) as proxy:
        spec = SourceSpec("lib", "live", "gs", bucket)
        environment = {"STORAGE_EMULATOR_HOST": proxy.url}
        yield World("fake-gcs", spec, put, remove, frozenset({"not utf-8"}), proxy.requests, environment)


def azure_owner(server: Server, container: str) -> ContainerClient:
    """Make a container and give a client that may write to it."""
    credential: Any = {"account_name": server.access_key, "account_key": server.secret_key}
    client = ContainerClient(server.url, container, credential=credential)
    client.create_container()
    return client


def azure_environment(server: Server, endpoint: str | None = None) -> dict[str, str]:
    """Give the connection string under which Azure's own tools find a server."""
    text = f"AccountName={server.access_key};AccountKey={server.secret_key};BlobEndpoint={endpoint or server.url}"
    return {"AZURE_STORAGE_CONNECTION_STRING": text}


@contextlib.contextmanager
def azure_world(server: Server) -> Iterator[World]:
    """Give a new container of Azurite."""
    container = new_bucket()
    client = azure_owner(server, container)

    def put(key: str, data: bytes) -> ObjectRef:
        etag = client.upload_blob(key, data, overwrite=True).get_blob_properties().etag.strip('"')
        return ObjectRef("lib", "az", container, escape_key(key.encode()), "", etag, len(data))

    # Azure takes a backslash for a slash, and clients resolve dots before they sign.
    refused = frozenset({"dot", "dots", "leading dots", "control", "backslash", "not utf-8"})
    with recording_proxy(server.url.removesuffix("/devstoreaccount1")) as proxy:
        yield World(
            "azurite",
            SourceSpec("lib", "live", "az", container, lifecycle="none"),
            put,
            client.delete_blob,
            refused,
            proxy.requests,
            azure_environment(server, f"{proxy.url}/devstoreaccount1"),
        )


@contextlib.contextmanager
def stub_world(stub: GcsStub) -> Iterator[World]:
    """Give the GCS stub's bucket."""

    def put(key: str, data: bytes) -> ObjectRef:
        made = stub.add(key, data)
        return ObjectRef(
            "lib", "gs", stub.bucket, escape_key(key.encode()), str(made.generation), f"E{made.generation}", len(data)
        )

    def remove(key: str) -> None:
        stub.objects = [found for found in stub.objects if found.name != key]

    spec = SourceSpec("lib", "live", "gs", stub.bucket)
    environment = {"STORAGE_EMULATOR_HOST": stub.url}
    yield World("gcs-stub", spec, put, remove, frozenset({"not utf-8"}), stub.requests, environment)


@contextlib.contextmanager
def folder_world(folder: Path) -> Iterator[World]:
    """Give a folder."""

    def put(key: str, data: bytes) -> ObjectRef:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(next(_NUMBERS), 10**18 + next(_NUMBERS)))
        found = path.stat()
        etag = file_etag(found)
        return ObjectRef("lib", "file", str(folder), escape_key(os.fsencode(key)), "", etag, len(data))

    refused = frozenset({"double slash", "leading slash", "trailing slash", "dot", "dots", "leading dots"})
    spec = SourceSpec("lib", "live", "file", str(folder))
    yield World("folder", spec, put, lambda key: (folder / key).unlink(), refused)
