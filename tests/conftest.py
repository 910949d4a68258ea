"""Servers shared by the whole session, and stores of every kind behind one face."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests import servers
from tests.gcs_stub import GcsStub, gcs_stub


def pytest_configure() -> None:
    """Hear Ctrl-C as a run in a terminal does: a shell's background job ignores it, and hands that down."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _started(start) -> Iterator:
    """Start a server; a program that isn't installed is a visible skip, and a failure where CI promises it."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(start())
        except servers.MissingServer as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Server]:
    """moto's S3 for the session: use a bucket of your own."""
    with _started(servers.moto_server) as server:
        yield server


@pytest.fixture(scope="session")
def versity() -> Iterator[servers.Server]:
    """versitygw for the session: use a bucket of your own."""
    with _started(servers.versity_server) as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[servers.Server]:
    """fake-gcs-server for the session: use a bucket of your own."""
    with _started(servers.fake_gcs_server) as server:
        yield server


@pytest.fixture(scope="session")
def azurite() -> Iterator[servers.Server]:
    """Azurite for the session: use a container of your own."""
    with _started(servers.azurite_server) as server:
        yield server


@pytest.fixture
def stub() -> Iterator[GcsStub]:
    """A fresh read-only GCS stub."""
    with gcs_stub() as running:
        yield running


@pytest.fixture
def no_ambient_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the developer's own shell would lend to the SDKs' default chains."""
    for name in [
        name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_", "CLOUDSDK_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
