"""GCS clients of one source: google-cloud-storage to list and look up, obstore for bytes, same credentials."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import Any

import google.auth
import google.auth.exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import Request
from google.cloud import storage
from obstore.store import GCSStore

from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.guard import ReadOnlyAuthorizedSession, ReadOnlySession, check_endpoint
from mirrorfold.transforms.stores.s3_client import RETRY_CONFIG

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_WRITE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_DEFAULT_ENDPOINT = "https://storage.googleapis.com"


@dataclass(frozen=True)
class GcsAccess:
    """Credentials and endpoint; `credentials` is None for anonymous access."""

    credentials: Any
    endpoint: str
    project: str | None

    @property
    def usable_credentials(self) -> Any:
        """Give credentials as the SDK wants them."""
        return self.credentials or AnonymousCredentials()

    def client(self) -> storage.Client:
        """Make a client that only reads."""
        session = ReadOnlyAuthorizedSession(self.credentials) if self.credentials else ReadOnlySession()
        return storage.Client(
            project=self.project or "none",
            credentials=self.usable_credentials,
            _http=session,
            client_options={"api_endpoint": self.endpoint},
        )

    def byte_store(
        self, bucket: str, prefix: str | None = None, user_project: str | None = None, retries: Any = RETRY_CONFIG
    ) -> GCSStore:
        """Make the obstore store of a bucket with the same credentials."""
        options: Any = {
            "allow_http": self.endpoint.startswith("http://"),
            "connect_timeout": "10s",
            "read_timeout": "60s",
            "timeout": "10m",
            "user_agent": "mirrorfold",
        }
        # Without it GCS unpacks what was uploaded with `Content-Encoding: gzip`: other bytes than it lists and hashes.
        options["default_headers"] = {"accept-encoding": "gzip"}
        if user_project:
            options["default_headers"]["x-goog-user-project"] = user_project
        credentials: Any = _Tokens(self.credentials) if self.credentials else None
        return GCSStore(
            bucket,
            prefix=prefix,
            config={"base_url": self.endpoint, "skip_signature": self.credentials is None},
            client_options=options,
            retry_config=retries,
            credential_provider=credentials,
        )


class _Tokens:
    """Give obstore tokens of the Google credentials, renewed as they run out."""

    def __init__(self, credentials: Any):
        self.credentials, self.request = credentials, Request()

    def __call__(self) -> dict[str, Any]:
        self.credentials.refresh(self.request)
        expiry = self.credentials.expiry
        if expiry is not None and expiry.tzinfo is None:
            expiry = expiry.replace(tzinfo=datetime.UTC)
        return {"token": self.credentials.token, "expires_at": expiry}


def gcs_access(spec: SourceSpec, write: bool = False) -> GcsAccess:
    """Resolve how to reach a bucket: Google's default chain; anonymous where said, and on an emulator.

    Raises:
      EndpointRefusedError: the endpoint is a metadata address.
      google.auth.exceptions.DefaultCredentialsError: Google's own endpoint, and no credentials.
    """
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    endpoint = (spec.endpoint or emulator or _DEFAULT_ENDPOINT).rstrip("/")
    check_endpoint(endpoint)
    if spec.anonymous or (emulator and endpoint == emulator.rstrip("/")):
        return GcsAccess(None, endpoint, spec.project)
    try:
        credentials, project = google.auth.default(scopes=[_WRITE_SCOPE if write else _SCOPE])
    except google.auth.exceptions.DefaultCredentialsError:
        if endpoint == _DEFAULT_ENDPOINT:
            raise
        return GcsAccess(None, endpoint, spec.project)
    return GcsAccess(credentials, endpoint, spec.project or project)
