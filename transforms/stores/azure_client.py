"""Azure Blob clients of one source: azure-storage-blob to list and look up, obstore for bytes, same credentials."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CredentialUnavailableError, DefaultAzureCredential
from azure.storage.blob import ContainerClient
from obstore.store import AzureStore

from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import classify, store_error
from mirrorfold.transforms.stores.guard import WriteRefusedError, check_endpoint
from mirrorfold.transforms.stores.s3_client import RETRY_CONFIG

AZURE_ERRORS = (AzureError,)
_SCOPE = "https://storage.azure.com/.default"
_SUFFIX = "core.windows.net"
LOG_IN = (
    "run `az login`, or set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN beside "
    "AZURE_STORAGE_ACCOUNT"
)


@dataclass(frozen=True)
class AzureAccess:
    """Account, endpoint and credentials: a key, a SAS, or else (`token`) Entra ID's own chain; none for anonymous."""

    account: str
    endpoint: str
    key: str | None = None
    sas: str | None = None
    token: Any = None

    @property
    def signed(self) -> bool:
        """Tell whether there are credentials of any kind."""
        return bool(self.key or self.sas or self.token)

    def container(self, name: str, attempts: int) -> ContainerClient:
        """Make a client of a container that only reads."""
        credential: Any = {"account_name": self.account, "account_key": self.key} if self.key else None
        return ContainerClient(
            self.endpoint,
            name,
            credential=credential or self.sas or self.token,
            transport=_ReadOnlyTransport(),
            retry_total=attempts,
            initial_backoff=1,
            increment_base=2,
            connection_timeout=10,
            read_timeout=60,
            max_single_get_size=1 << 30,
        )

    def byte_store(self, container: str, prefix: str | None = None, retries: Any = RETRY_CONFIG) -> AzureStore:
        """Make the obstore store of a container with the same credentials."""
        config: Any = {
            "account_name": self.account,
            "endpoint": self.endpoint,
            "skip_signature": not self.signed,
        }
        tokens: Any = _Tokens(self.token) if self.token else None
        config |= {"account_key": self.key} if self.key else {"sas_key": self.sas} if self.sas else {}
        return AzureStore(
            container,
            prefix=prefix,
            config=config,
            client_options={
                "allow_http": self.endpoint.startswith("http://"),
                "connect_timeout": "10s",
                "read_timeout": "60s",
                "timeout": "10m",
                "user_agent": "mirrorfold",
            },
            retry_config=retries,
            credential_provider=tokens,
        )


class _ReadOnlyTransport(RequestsTransport):
    """Send reads alone: the SDK drops policies that its callers add."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request, or refuse what isn't a read."""
        if request.method not in ("GET", "HEAD"):
            raise WriteRefusedError(f"refused to send {request.method} to a source: sources are only read")
        return super().send(request, **kwargs)


class _Tokens:
    """Give obstore tokens of Entra ID, renewed as they run out."""

    def __init__(self, credential: Any):
        self.credential = credential

    def __call__(self) -> dict[str, Any]:
        found = self.credential.get_token(_SCOPE)
        return {"token": found.token, "expires_at": datetime.datetime.fromtimestamp(found.expires_on, datetime.UTC)}


def azure_access(spec: SourceSpec) -> AzureAccess:
    """Resolve how to reach a container as Azure's own command line does, with the spec's settings on top.

    Raises:
      EndpointRefusedError: the endpoint is a metadata address.
      StoreError: no storage account is named.
    """
    said = _connection(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    account = spec.account or said.get("AccountName") or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if spec.account not in (None, said.get("AccountName", spec.account)):
        said = {}  # it speaks of another account
    endpoint = spec.endpoint or said.get("BlobEndpoint") or os.environ.get("AZURE_STORAGE_SERVICE_ENDPOINT")
    if not account and not endpoint:
        raise StoreError(
            "denied",
            f"az://{spec.bucket}: no storage account is named: set AZURE_STORAGE_ACCOUNT or "
            "AZURE_STORAGE_CONNECTION_STRING, or `account` in the config's sources",
        )
    scheme, suffix = said.get("DefaultEndpointsProtocol", "https"), said.get("EndpointSuffix", _SUFFIX)
    endpoint = (endpoint or f"{scheme}://{account}.blob.{suffix}").rstrip("/")
    check_endpoint(endpoint)
    account = account or endpoint.partition("://")[2].partition(".")[0]
    if spec.anonymous:
        return AzureAccess(account, endpoint)
    key = said.get("AccountKey") or os.environ.get("AZURE_STORAGE_KEY")
    sas = said.get("SharedAccessSignature") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    if key or sas:
        return AzureAccess(account, endpoint, key, None if key else sas and sas.lstrip("?"))
    return AzureAccess(account, endpoint, token=DefaultAzureCredential())


def _connection(text: str) -> dict[str, str]:
    """Take a connection string apart: NAME=VALUE;NAME=VALUE."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, equals, value in parts if equals}


def from_azure(error: Exception) -> StoreError:
    """Classify an error of azure-storage-blob or azure-identity."""
    if isinstance(error, CredentialUnavailableError) or (
        isinstance(error, ClientAuthenticationError) and error.response is None
    ):
        return store_error("denied", type(error).__name__)
    if isinstance(error, HttpResponseError):
        name = getattr(error, "error_code", None)
        return classify(error.status_code, str(getattr(name, "value", name) or ""), error.message or "")
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return store_error("unreachable", type(error).__name__)
    return store_error("unreachable", type(error).__name__)
