"""One vocabulary for what each kind of client raises: a `StoreError` with a stable code.

Messages name the store's own error code and nothing that differs between runs (no request ids, no timings), because
they end in a table.
"""

from __future__ import annotations

import re

import botocore.exceptions
import google.api_core.exceptions
import google.auth.exceptions
import obstore.exceptions
import requests.exceptions

from mirrorfold.transforms.stores.api import StoreError

BOTO_ERRORS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError)
GOOGLE_ERRORS = (
    google.api_core.exceptions.GoogleAPIError,
    google.auth.exceptions.GoogleAuthError,
    requests.exceptions.RequestException,
)
OBSTORE_ERRORS = (obstore.exceptions.BaseError, FileNotFoundError, ValueError, OSError)

_CREDENTIALS = (
    botocore.exceptions.NoCredentialsError,
    botocore.exceptions.PartialCredentialsError,
    botocore.exceptions.CredentialRetrievalError,
    botocore.exceptions.TokenRetrievalError,
    botocore.exceptions.UnauthorizedSSOTokenError,
)
_BY_NAME = {
    "InvalidObjectState": "archived",
    "PreconditionFailed": "vanished",
    "BlobArchived": "archived",
    "BlobBeingRehydrated": "archived",
    "BlobUsesCustomerSpecifiedEncryption": "encrypted",
    "InvalidAuthenticationInfo": "denied",
    "PublicAccessNotPermitted": "denied",
    "ServerBusy": "throttled",
    "MethodNotAllowed": "vanished",  # S3 answers so when the version is a delete marker
    "InvalidAccessKeyId": "denied",
    "SignatureDoesNotMatch": "denied",
    "XAdminUserNotFound": "denied",  # versitygw, with status 404
    "ExpiredToken": "denied",
    "InvalidToken": "denied",
    "AuthorizationHeaderMalformed": "denied",
    "SlowDown": "throttled",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "RequestLimitExceeded": "throttled",
    "TooManyRequestsException": "throttled",
    "ServiceUnavailable": "throttled",
    "ResourceIsEncryptedWithCustomerEncryptionKey": "encrypted",
}
_BY_STATUS = {401: "denied", 403: "denied", 404: "vanished", 405: "vanished", 410: "vanished", 412: "vanished"}
_BY_STATUS |= {429: "throttled", 503: "throttled"}
_SAYS = {
    "archived": "in an archive class or tier: restore it first",
    "denied": "the credentials may not read it",
    "throttled": "the store kept asking to slow down",
    "unreachable": "the store didn't answer",
    "vanished": "gone or changed since it was listed",
    "encrypted": "encrypted with a key that the customer provides with each request",
}


def store_error(code: str, answer: str = "") -> StoreError:
    """Make an error with the standard sentence for a code and the store's own word for it."""
    return StoreError(code, f"{_SAYS[code]} ({answer})" if answer else _SAYS[code])


def changed() -> StoreError:
    """Make the error for an object that isn't the listed one any more."""
    return store_error("vanished", "it isn't the version that was listed")


def classify(status: int | None, name: str = "", text: str = "") -> StoreError:
    """Choose the code from what a store answered: its error name first, then the HTTP status.

    Args:
      status: HTTP status, None where nothing was answered.
      name: the store's error code, e.g. NoSuchKey.
      text: the answer's text, which alone tells a customer-provided key from other bad requests.
    """
    answer = " ".join(str(part) for part in (status, name) if part)
    if name in _BY_NAME:
        return store_error(_BY_NAME[name], answer)
    if status == 400 and re.search(r"customer.?(provided|supplied)|Server Side Encryption", text, re.IGNORECASE):
        return store_error("encrypted", answer)
    return store_error(_BY_STATUS.get(status or 0, "unreachable"), answer)


def from_boto(error: Exception) -> StoreError:
    """Classify an error of boto3."""
    if isinstance(error, botocore.exceptions.ClientError):
        found = error.response.get("Error", {})
        name = found.get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        # HEAD has no body: botocore then gives the status as the error's name.
        return classify(status, "" if name.isdigit() else name, found.get("Message", ""))
    if isinstance(error, _CREDENTIALS):
        return store_error("denied", type(error).__name__)
    return store_error("unreachable", type(error).__name__)


def from_google(error: Exception) -> StoreError:
    """Classify an error of google-cloud-storage or google-auth."""
    if isinstance(error, google.api_core.exceptions.RetryError) and isinstance(error.cause, Exception):
        return from_google(error.cause)
    if isinstance(error, google.api_core.exceptions.GoogleAPICallError):
        reasons = [found.get("reason", "") for found in error.errors or () if isinstance(found, dict)]
        return classify(error.code, next((name for name in reasons if name in _BY_NAME), ""), error.message or "")
    if isinstance(error, google.auth.exceptions.TransportError | requests.exceptions.RequestException):
        return store_error("unreachable", type(error).__name__)
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        return store_error("denied", type(error).__name__)
    return store_error("unreachable", type(error).__name__)


def from_obstore(error: Exception) -> StoreError:
    """Classify an error of obstore, which keeps the store's answer in its text."""
    found = _from_obstore(error)
    answer = re.search(r"status code: (\d)", str(error))
    found.again = (
        found.code == "unreachable"
        and "ETag Header missing" not in str(error)
        and (answer[1] == "5" if answer else isinstance(error, obstore.exceptions.GenericError))
    )
    return found


def _from_obstore(error: Exception) -> StoreError:
    text = str(error)
    if "ETag Header missing" in text:
        return StoreError("unreachable", "the store states no ETag, without which no DIR can lie there: use another")
    status = re.search(r"status code: (\d{3})", text)
    name = re.search(r"<Code>([A-Za-z0-9.]+)</Code>", text)
    if status:
        return classify(int(status[1]), name[1] if name else "", text)
    if isinstance(error, FileNotFoundError | obstore.exceptions.PreconditionError):
        return store_error("vanished")
    if isinstance(error, obstore.exceptions.PermissionDeniedError | obstore.exceptions.UnauthenticatedError):
        return store_error("denied")
    return store_error("unreachable", type(error).__name__)


def from_os(error: OSError) -> StoreError:
    """Classify an error of the operating system."""
    if isinstance(error, PermissionError):
        return store_error("denied")
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return store_error("vanished")
    return store_error("unreachable", error.strerror or type(error).__name__)
