"""DIR as people get it wrong: what a store or the system says of it becomes one line that says what to mend."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from mirrorfold.pipelines.errors import MirrorfoldError, UsageError
from mirrorfold.pipelines.record.request import REQUEST_PATH
from mirrorfold.transforms.stores.advice import advice
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import open_output

_RIGHTS = {
    "s3": "grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on it",
    "az": "grant the role Storage Blob Data Contributor on it",
    "gs": "grant storage.objects.get, create, delete and list on it (roles/storage.objectAdmin)",
}
_LOG_IN = {
    "s3": "log in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID",
    "az": "run `az login`, or set AZURE_STORAGE_CONNECTION_STRING",
    "gs": "run `gcloud auth application-default login`",
}


@contextlib.contextmanager
def output_errors(output: str) -> Iterator[None]:
    """Turn what the output folder answers into usage errors, where no work has started yet.

    Raises:
      UsageError: one line, naming the folder and what to mend.
    """
    try:
        yield
    except MirrorfoldError:
        raise
    except (StoreError, OSError) as error:
        raise UsageError(explain(error, output)) from error
    except Exception as error:
        if _no_credentials(error):
            raise UsageError(explain(StoreError("denied", "no credentials"), output)) from error
        raise


def check_output(output: str) -> None:
    """Check that DIR can be a folder of ours, as far as that shows without writing.

    Raises:
      UsageError: it is a file, lies below one, may not be written, names no bucket, or a bucket that may not be read.
    """
    scheme, separator, rest = output.partition("://")
    if separator and scheme != "file":
        if scheme not in _RIGHTS:
            raise UsageError(
                f"can't write to {scheme}://: --output is a folder, s3://BUCKET/PREFIX, "
                "gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
            )
        if not rest.strip("/") or rest.startswith("/"):
            raise UsageError(f"{output} names no bucket: write {scheme}://BUCKET/PREFIX")
        # A read, not a look: in its body alone a store says why it refuses.
        with output_errors(output):
            _read_once(output)
        return
    path = os.path.abspath(output.removeprefix("file://"))
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise UsageError(f"can't write to {output}: {path} is a file; choose another --output")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"can't write to {output}: {path} may not be written by this user; choose another --output")


def _read_once(output: str) -> None:
    try:
        open_output(output).get(REQUEST_PATH)
    except FileNotFoundError as error:
        if "<Code>" in str(error) and "NoSuchKey" not in str(error):  # a store that says 404 of an unknown key
            from mirrorfold.transforms.stores.errors import from_obstore

            raise from_obstore(error) from error


def explain(error: Exception, output: str) -> str:
    """Say what is wrong with DIR, and what to mend."""
    if not isinstance(error, StoreError):
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"can't use {output}: {reason}; choose another --output"
    scheme, _, rest = output.partition("://")
    bucket = f"{scheme}://{rest.partition('/')[0]}"
    if (cause := advice(error)) is not None:
        return f"can't use {output}: {cause}"
    if error.code == "vanished":
        return f"there is no bucket {bucket}: create it first, or choose another --output"
    if "redential" in error.message and "may not" not in error.message:
        return f"can't use {output}: no credentials were found: {_LOG_IN.get(scheme, 'log in')}"
    if error.code == "denied":
        return f"the credentials may not use {output} ({error.message}): {_RIGHTS.get(scheme, 'grant the right')}"
    return f"can't use {output}: {error.message}; check the name, the endpoint and the network"


def _no_credentials(error: Exception) -> bool:
    """Tell the clouds' own errors for missing credentials, without importing an SDK for it."""
    return any(kind.__name__ in ("GoogleAuthError", "NoCredentialsError") for kind in type(error).__mro__)
