"""One object's entry, as a listing of its bucket or folder would have it."""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.errors import from_os
from mirrorfold.transforms.stores.etags import etag_of
from mirrorfold.transforms.stores.files import file_path
from mirrorfold.transforms.stores.keys import real_key
from mirrorfold.transforms.stores.sources import open_stores


class Described(NamedTuple):
    """An object that was looked up.

    Attributes:
      version: the version that was found.
      entry: as the store's listing gives it (for files path, stat result, size, link or None; for Azure
        with what its source reads from it); None where nothing
        is there.
      hold: for S3 (yes, no or unknown; end of retention).
    """

    key: str
    version: str
    entry: Any
    hold: tuple[str, Any] = ("no", None)


def describe(spec: SourceSpec, store: str, bucket: str, key: str, version: str) -> Described:
    """Look up one object by name.

    Raises:
      StoreError: the store refuses or doesn't answer; an object that isn't there is an answer.
    """
    source = open_stores((spec,)).source(store, bucket, spec.library)
    ref = ObjectRef(spec.library, store, bucket, key, version, "", 0)
    try:
        look_up = {"s3": _s3, "gs": _gcs, "az": _azure, "file": _file}[store]
        return look_up(source, ref)
    except StoreError as error:
        if error.code == "vanished":
            return Described(key, version, None)
        raise StoreError(error.code, f"{store}://{bucket}/{key}: {error.message}") from error


def _s3(source: Any, ref: ObjectRef) -> Described:
    name = {"Bucket": ref.bucket, "Key": real_key(ref.key)} | ({"VersionId": ref.version} if ref.version else {})
    found = source.call("head_object", **name)
    encryption = found.get("SSECustomerAlgorithm") or found.get("ServerSideEncryption") or "AES256"
    entry = {
        "Key": name["Key"],
        "Size": found["ContentLength"],
        "ETag": etag_of(found),
        "LastModified": found["LastModified"],
        "StorageClass": found.get("StorageClass", "STANDARD"),
        "VersionId": found.get("VersionId", ""),
        "PlainETag": encryption == "AES256" and not found.get("SSECustomerAlgorithm"),
    }
    hold = ("no", None) if source.has_lock() is False else source.listed_hold(ref)
    return Described(ref.key, entry["VersionId"], entry, hold)


def _gcs(source: Any, ref: ObjectRef) -> Described:
    blob = source.look_up(ref)
    return Described(ref.key, str(blob.generation), blob)


def _azure(source: Any, ref: ObjectRef) -> Described:
    blob = source.look_up(ref)
    blob.name = real_key(ref.key)
    facts = source.facts(blob)
    return Described(ref.key, facts["version"], (blob, facts))


def _file(_: Any, ref: ObjectRef) -> Described:
    path = file_path(ref.bucket, ref.key)
    try:
        found, link = os.stat(path), os.path.islink(path)
    except OSError as error:
        raise from_os(error) from error
    if not stat.S_ISREG(found.st_mode):
        return Described(ref.key, "", None)
    name = os.path.basename(file_path("/", ref.key))
    return Described(ref.key, "", (name, found, found.st_size, "link" if link else None))
