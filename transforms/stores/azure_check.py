"""A cheap look at a container before any work."""

from __future__ import annotations

from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.azure import AzureSource
from mirrorfold.transforms.stores.azure_client import AZURE_ERRORS, LOG_IN, AzureAccess, azure_access, from_azure
from mirrorfold.transforms.stores.guard import EndpointRefusedError


def check_azure(spec: SourceSpec) -> bool:
    """List one blob of a container; tell whether anything is in it.

    Raises:
      StoreError: one line for a person, saying what to mend.
    """
    name = f"az://{spec.bucket}"
    try:
        access = azure_access(spec)
        source = AzureSource(spec, attempts=2)
    except EndpointRefusedError as error:
        raise StoreError("denied", str(error)) from error
    except AZURE_ERRORS as error:
        raise _say(from_azure(error), name, access) from error
    except ValueError as error:  # a key that isn't base64, a container's name that isn't one
        raise StoreError("denied", f"{name}: {' '.join(str(error).split())[:200]}") from error
    try:
        token = None
        while True:
            page = source.list_page(spec.prefix, token, limit=1)
            if page.blobs or page.token is None:
                return bool(page.blobs)
            token = page.token
    except StoreError as error:
        raise _say(error, name, access) from error
    except ValueError as error:
        raise StoreError("denied", f"{name}: the account's key can't be used: {error}") from error
    finally:
        source.close()


def _say(error: StoreError, name: str, access: AzureAccess) -> StoreError:
    if error.code == "vanished":
        return StoreError(error.code, f"there is no container {name} at {access.endpoint}: check name and account")
    if "AuthenticationFailed" in error.message:
        return StoreError(error.code, f"{name}: the account's key or SAS isn't valid, or this machine's clock is wrong")
    if error.code == "denied" and ("Credential" in error.message or "ClientAuthentication" in error.message):
        hint = "a public container needs `anonymous: true` in the config's sources"
        return StoreError(error.code, f"{name}: no Azure credentials were found: {LOG_IN}; {hint}")
    if error.code == "denied" and not access.signed:
        return StoreError(error.code, f"{name} isn't public: {LOG_IN}")
    if error.code == "denied":
        right = "the role Storage Blob Data Reader (docs/sources.md shows the rights it takes)"
        return StoreError(error.code, f"the credentials may not list {name}: grant {right}")
    return StoreError(error.code, f"{name}: {access.endpoint} doesn't answer: check account, endpoint and network")
