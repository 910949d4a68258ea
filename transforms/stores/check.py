"""A cheap look at a source before any work: is it there, and may we list it."""

from __future__ import annotations

import os

import botocore.exceptions
import google.auth.exceptions
from google.cloud.storage.retry import DEFAULT_RETRY

from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.stores.advice import advice
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import BOTO_ERRORS, GOOGLE_ERRORS, from_boto, from_google
from mirrorfold.transforms.stores.gcs_client import gcs_access
from mirrorfold.transforms.stores.guard import EndpointRefusedError
from mirrorfold.transforms.stores.kinds import hides_locks
from mirrorfold.transforms.stores.lifecycle import Rule
from mirrorfold.transforms.stores.s3 import S3Source
from mirrorfold.transforms.stores.s3_client import s3_access
from mirrorfold.transforms.stores.sources import open_stores

_LOG_IN = {"AWS": "set AWS_PROFILE or run `aws configure`", "Google": "run `gcloud auth application-default login`"}
_POLICY = "docs/sources.md shows the rights it takes"


def check_source(spec: SourceSpec) -> bool:
    """List one key of a bucket, or open a folder; tell whether anything is in it.

    Raises:
      StoreError: one line for a person, saying what to mend.
    """
    return {"s3": _check_s3, "gs": _check_gcs, "az": _check_azure, "file": _check_folder}[spec.store](spec)


def bucket_has_lock(spec: SourceSpec) -> bool | None:
    """Ask whether a bucket has object lock; None where it can't be asked, e.g. far from its credentials."""
    if spec.object_lock == "none":
        return False
    try:
        if spec.store == "az":
            return open_stores((spec,)).source("az", spec.bucket, spec.library).has_lock()
        if not (s3_access(spec).signed or spec.anonymous):
            return None
        return S3Source(spec).has_lock()
    except (EndpointRefusedError, StoreError, *BOTO_ERRORS):
        return None


def what_it_lacks(spec: SourceSpec) -> str:
    """Say in one line what a server that isn't AWS hasn't, and what that means; '' where it has all that is asked for.

    Raises:
      StoreError: it doesn't answer.
    """
    if spec.store != "s3" or not spec.bucket:
        return ""
    source = open_stores((spec,)).source("s3", spec.bucket, spec.library)
    if source.kind.name == "aws":
        return ""
    source.versioned(), source.has_lock(), source.rules(), source.etag_is_md5()
    lacks = [_CALLS[name] for name in sorted(source.lacks & _CALLS.keys())]
    said = [f"{source.kind.title} has no {', no '.join(lacks)}"] if lacks else []
    return "; ".join([*said, hides_locks(source.kind)] if source.hides_locks() else said)


_CALLS = {
    "get_bucket_encryption": "settings of encryption (its plain ETags are taken for MD5s)",
    "get_bucket_lifecycle_configuration": "lifecycle rules",
    "get_bucket_versioning": "versions (only current objects are listed)",
    "get_object_lock_configuration": "object lock",
}


def bucket_rules(spec: SourceSpec) -> tuple[Rule, ...] | None:
    """Read a bucket's lifecycle rules; None where that can't be asked. Folders have none."""
    if spec.store == "file" or spec.lifecycle == "none":
        return ()
    try:
        if spec.store == "s3" and not (s3_access(spec).signed or spec.anonymous):
            return None
        return open_stores((spec,)).source(spec.store, spec.bucket, spec.library).rules()
    except (EndpointRefusedError, StoreError, *BOTO_ERRORS, *GOOGLE_ERRORS):
        return None


def _check_folder(spec: SourceSpec) -> bool:
    folder = unescape_key(spec.bucket)
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise StoreError("denied", f"can't read the folder {spec.bucket}: {error.strerror}") from error
    return any(names for _, _, names in os.walk(folder))


def _check_s3(spec: SourceSpec) -> bool:
    name = f"s3://{spec.bucket}"
    try:
        access = s3_access(spec)
        client = access.client(1, attempts=3)
    except EndpointRefusedError as error:
        raise StoreError("denied", str(error)) from error
    except botocore.exceptions.ProfileNotFound as error:
        raise StoreError(
            "denied", f"{name}: there is no AWS profile {spec.profile!r}: check `aws configure`"
        ) from error
    except BOTO_ERRORS as error:
        raise StoreError("denied", f"{name}: {' '.join(str(error).split())}") from error
    if not access.signed and not spec.anonymous:
        raise _no_credentials(name, "AWS", "run `aws configure` or set AWS_PROFILE")
    payer = {"RequestPayer": "requester"} if spec.requester_pays else {}
    try:
        if client.list_objects_v2(Bucket=spec.bucket, Prefix=spec.prefix, MaxKeys=1, **payer)["KeyCount"]:
            return True
        # Nothing current, but a versioned bucket may hold older versions and delete markers.
        versions = client.list_object_versions(Bucket=spec.bucket, Prefix=spec.prefix, MaxKeys=1, **payer)
        return bool(versions.get("Versions") or versions.get("DeleteMarkers"))
    except botocore.exceptions.ParamValidationError as error:
        raise StoreError("vanished", f"{spec.bucket!r} isn't a bucket name: write s3://BUCKET/PREFIX") from error
    except BOTO_ERRORS as error:
        raise _say(from_boto(error), name, access.endpoint, access.signed, "AWS", "s3:ListBucket") from error
    finally:
        client.close()


def _check_gcs(spec: SourceSpec) -> bool:
    name = f"gs://{spec.bucket}"
    try:
        access = gcs_access(spec)
    except EndpointRefusedError as error:
        raise StoreError("denied", str(error)) from error
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise _no_credentials(name, "Google", "run `gcloud auth application-default login`") from error
    except GOOGLE_ERRORS as error:
        raise StoreError("denied", f"{name}: {' '.join(str(error).split())}") from error
    client = access.client()
    payer = access.project if spec.requester_pays else None
    try:
        listing = client.bucket(spec.bucket, user_project=payer).list_blobs(
            prefix=spec.prefix or None, max_results=1, timeout=20, retry=DEFAULT_RETRY.with_timeout(15)
        )
        return next(iter(listing), None) is not None
    except GOOGLE_ERRORS as error:
        signed = access.credentials is not None
        raise _say(from_google(error), name, access.endpoint, signed, "Google", "storage.objects.list") from error
    except ValueError as error:
        raise StoreError("vanished", f"{spec.bucket!r} isn't a bucket name: write gs://BUCKET/PREFIX") from error
    finally:
        client.close()


def _check_azure(spec: SourceSpec) -> bool:
    from mirrorfold.transforms.stores.azure_check import check_azure  # its SDK is loaded where it is needed only

    return check_azure(spec)


def _no_credentials(name: str, cloud: str, hint: str) -> StoreError:
    public = "a public bucket needs `anonymous: true` in the config's sources"
    return StoreError("denied", f"{name}: no {cloud} credentials were found: {hint}; {public}")


def _say(error: StoreError, name: str, endpoint: str, signed: bool, cloud: str, right: str) -> StoreError:
    if (cause := advice(error)) is not None:
        return StoreError(error.code, f"{name}: {cause}")
    if error.code == "vanished":
        return StoreError(error.code, f"there is no bucket {name} at {endpoint}: check its name and the endpoint")
    if error.code == "denied" and not signed:
        hint = (
            "set AWS_PROFILE or run `aws configure`"
            if cloud == "AWS"
            else "run `gcloud auth application-default login`"
        )
        return StoreError(error.code, f"{name} isn't public, and no {cloud} credentials were found: {hint}")
    if error.code == "denied":
        return StoreError(error.code, f"the credentials may not list {name}: grant {right} ({_POLICY})")
    return StoreError(error.code, f"{name}: {endpoint} doesn't answer: check the endpoint and the network")
