"""S3 as a source: bytes through obstore, look-ups and refused keys through boto3."""

from __future__ import annotations

import base64
import datetime
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from mirrorfold.transforms.stores.advice import unanswered
from mirrorfold.transforms.stores.api import Head, HoldAnswer, LastingAnswer, ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.clock import in_force
from mirrorfold.transforms.stores.errors import BOTO_ERRORS, changed, from_boto
from mirrorfold.transforms.stores.etags import etag_of, states_etag
from mirrorfold.transforms.stores.keys import real_key
from mirrorfold.transforms.stores.kinds import hides_locks
from mirrorfold.transforms.stores.lifecycle import Rule, expiration, listed_object, matches, s3_rules
from mirrorfold.transforms.stores.pace import Pace
from mirrorfold.transforms.stores.reading import Bounds, BytesReader
from mirrorfold.transforms.stores.s3_client import ONCE, s3_access

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
ABSENT = frozenset(
    {
        "ObjectLockConfigurationNotFoundError",
        "NoSuchObjectLockConfiguration",
        "InvalidRequest",  # asked for a lock in a bucket without any
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchLifecycleConfiguration",
        "NoSuchTagSet",
        "NoSuchUpload",  # it was ended meanwhile
    }
)
"""How servers say that a bucket or an object has no such configuration."""
PAID = frozenset(
    {
        "get_object",
        "get_object_legal_hold",
        "get_object_retention",
        "get_object_tagging",
        "head_object",
        "list_multipart_uploads",
        "list_object_versions",
        "list_objects_v2",
        "list_parts",
    }
)
"""The reads that name who pays."""


BUCKET_READS = frozenset(
    {
        "get_bucket_encryption",
        "get_bucket_lifecycle_configuration",
        "get_bucket_tagging",
        "get_bucket_versioning",
        "get_object_lock_configuration",
    }
)
"""Optional reads of a bucket; a server without the thing answers 501, or 405 where it doesn't know the question."""


class S3Page(NamedTuple):
    """One page as boto3 gives it, delete markers marked; `token` says how to go on, None at the end."""

    entries: list[dict[str, Any]]
    token: tuple[str, str] | None


class S3Source:
    """Read objects of one bucket."""

    def __init__(self, spec: SourceSpec):
        self.spec = spec
        access = s3_access(spec)
        self.kind = access.kind
        self.lacks: set[str] = set()
        self.client = access.client(spec.concurrency)
        self._slots, self._pace = threading.BoundedSemaphore(spec.concurrency), Pace()
        store = access.byte_store(spec.bucket, requester_pays=spec.requester_pays, retries=ONCE)
        self._reader = BytesReader(store, self._slots, self._pace)
        # What is known of the bucket, asked when it is first needed.
        self._lock: list[bool | None] = []
        self._versioned: bool | None = None
        self._plain_etags: bool | None = None
        self._sees_holds: bool | None = None
        self._rules: list[tuple[Rule, ...] | None] = []

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send one named read, e.g. `head_object`, within the source's concurrency.

        Raises:
          StoreError: classified.
        """
        return self._pace.send(_about(arguments), lambda: self._send(operation, arguments))

    def _send(self, operation: str, arguments: dict[str, Any], absent: frozenset[str] = frozenset()) -> dict[str, Any]:
        if self.spec.requester_pays and operation in PAID:
            arguments = arguments | {"RequestPayer": "requester"}
        with self._slots:
            try:
                return getattr(self.client, operation)(**arguments)
            except BOTO_ERRORS as error:
                answer = getattr(error, "response", {})
                if absent and answer.get("Error", {}).get("Code") in absent:
                    return {}
                if absent and _hasnt(operation, answer):
                    self.lacks.add(operation)
                    return {}
                raise from_boto(error) from error

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        precondition = {"if_match": f'"{ref.etag}"'} if states_etag(ref) else {}
        precondition |= {"version": ref.version} if ref.version else {}
        same = partial(_same_version, ref)
        return self._reader.read(ref, start, stop, precondition, same, partial(self._read_odd, ref))

    def _read_odd(self, ref: ObjectRef, bounds: Bounds) -> bytes:
        arguments = self._named(ref)
        if bounds:
            arguments["Range"] = f"bytes={bounds[0]}-{bounds[1] - 1}"
        answer = self.call("get_object", **arguments)
        _same_etag(ref, answer.get("ETag"), answer.get("LastModified"))
        with self._slots:
            try:
                return answer["Body"].read()
            except BOTO_ERRORS as error:
                raise from_boto(error) from error

    def _named(self, ref: ObjectRef) -> dict[str, Any]:
        arguments = {"Bucket": ref.bucket, "Key": real_key(ref.key)}
        if states_etag(ref):
            arguments["IfMatch"] = f'"{ref.etag}"'
        if ref.version:
            arguments["VersionId"] = ref.version
        return arguments

    def head(self, ref: ObjectRef) -> Head:
        found = self.call("head_object", ChecksumMode="ENABLED", **self._named(ref))
        _same_etag(ref, found.get("ETag"), found.get("LastModified"))
        return Head(
            etag=etag_of(found),
            size=found["ContentLength"],
            sha256=whole_sha256(found),
            hold=hold_of_head(found) or self.hold(ref).hold,
            archived=is_archived(found.get("StorageClass", "STANDARD"), found),
            passing=expiration(found.get("Expiration")),
        )

    def rules(self) -> tuple[Rule, ...] | None:
        """Read the bucket's lifecycle rules; None where that was refused or failed."""
        if not self._rules:
            self._rules = [self._look_up_rules()]
        return self._rules[0]

    def _look_up_rules(self) -> tuple[Rule, ...] | None:
        try:
            return s3_rules(self._optional("get_bucket_lifecycle_configuration", Bucket=self.spec.bucket))
        except StoreError:
            return None

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        rules = [rule for rule in self.rules() or () if rule.tags and rule.to_class is None]
        name: dict[str, Any] = {"Bucket": ref.bucket, "Key": real_key(ref.key)}
        try:
            found = self.call("head_object", **name)
            if ends := expiration(found.get("Expiration")):
                return LastingAnswer("no", ends)
            if not rules and not found.get("TagCount"):
                return LastingAnswer("yes", "no rule goes by its tags")
            tags = self._optional("get_object_tagging", **name).get("TagSet", [])
        except StoreError as error:
            return LastingAnswer("unknown", f"couldn't ask: {error.message}")
        said = {(entry["Key"], entry["Value"]) for entry in tags}
        if tag in said:
            return LastingAnswer("tagged", f"carries the quarantine's own tag {tag[0]}={tag[1]}")
        object_ = listed_object(ref, found.get("LastModified"), found.get("StorageClass", "STANDARD"))
        for rule in rules:
            if set(rule.tags) <= said and matches(object_, rule)[0].as_py():
                return LastingAnswer("no", f"a lifecycle rule deletes what is tagged {dict(rule.tags)}")
        return LastingAnswer("yes", "no rule goes by the tags it has")

    def list_page(
        self, prefix: str, after: str | None, token: tuple[str, str] | None = None, limit: int = 1000
    ) -> S3Page:
        """List one page of keys greater than `after`; all versions where the bucket has them.

        Args:
          token: `S3Page.token` of the page before, None for the first.
        """
        arguments: dict[str, Any] = {"Bucket": self.spec.bucket, "Prefix": prefix, "MaxKeys": limit}
        if self.versioned():
            key, version = token or (after, None)
            arguments |= {"KeyMarker": key} if key else {}
            arguments |= {"VersionIdMarker": version} if version else {}
            page = self.call("list_object_versions", **arguments)
            key = page.get("NextKeyMarker") if page.get("IsTruncated") else None
            more = (key, page.get("NextVersionIdMarker", "")) if key else None
            markers = [entry | {"IsDeleteMarker": True} for entry in page.get("DeleteMarkers", [])]
            return S3Page([*page.get("Versions", []), *markers], more)
        if token:
            arguments["ContinuationToken"] = token[0]
        elif after:
            arguments["StartAfter"] = after
        page = self.call("list_objects_v2", OptionalObjectAttributes=["RestoreStatus"], **arguments)
        next_ = page.get("NextContinuationToken") if page.get("IsTruncated") else None
        return S3Page(page.get("Contents", []), (next_, "") if next_ else None)

    def bucket_tag(self, key: str) -> str | None:
        """Give the value of the bucket's tag; None where it has none, or the server has no tags of buckets.

        Raises:
          StoreError: it may not be asked.
        """
        tags = self._optional("get_bucket_tagging", Bucket=self.spec.bucket).get("TagSet", [])
        return next((tag["Value"] for tag in tags if tag["Key"] == key), None)

    def unfinished(self) -> dict[str, int]:
        """Sum the bytes of multipart uploads that nobody ended, by storage class; {} where the server has no such call.

        Raises:
          StoreError: it may not be asked.
        """
        sizes: dict[str, int] = {}
        more: dict[str, Any] = {}
        while True:
            page = self._optional("list_multipart_uploads", Bucket=self.spec.bucket, **more)
            for upload in page.get("Uploads", []):
                name = upload.get("StorageClass") or "STANDARD"
                sizes[name] = sizes.get(name, 0) + self._uploaded(upload["Key"], upload["UploadId"])
            if not page.get("IsTruncated"):
                return sizes
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _uploaded(self, key: str, upload: str) -> int:
        size = 0
        more: dict[str, Any] = {}
        while True:
            page = self._optional("list_parts", Bucket=self.spec.bucket, Key=key, UploadId=upload, **more)
            size += sum(part["Size"] for part in page.get("Parts", []))
            if not page.get("IsTruncated"):
                return size
            more = {"PartNumberMarker": page["NextPartNumberMarker"]}

    def versioned(self) -> bool:
        """Tell whether the bucket has or had versions; where that may not be asked, the current objects are listed."""
        if self._versioned is None:
            try:
                status = self._optional("get_bucket_versioning", Bucket=self.spec.bucket).get("Status")
            except StoreError as error:
                if error.code != "denied":
                    raise
                status = None
            self._versioned = status in ("Enabled", "Suspended")
        return self._versioned

    def etag_is_md5(self) -> bool:
        """Tell whether ETags without a part count are MD5s: not under KMS, nor claimed where that can't be asked."""
        if self._plain_etags is None:
            self._plain_etags = self._look_up_encryption() in ("AES256", "none")
        return self._plain_etags

    def _look_up_encryption(self) -> str | None:
        try:
            found = self._optional("get_bucket_encryption", Bucket=self.spec.bucket)
        except StoreError:
            return None
        rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        names = {rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "none") for rule in rules}
        return "none" if not names else names.pop() if len(names) == 1 else None

    def listed_hold(self, ref: ObjectRef) -> tuple[str, datetime.datetime | None]:
        """Look up a hold while listing, by one HEAD where that is enough: (yes, no or unknown; end of retention).

        A HEAD shows holds only to those who may see them, so the first object without one is asked in full.
        """
        if self._sees_holds is False or self.hides_locks():
            return "unknown", None
        try:
            found = self.call("head_object", **self._named(ref))
        except StoreError:
            return "unknown", None
        seen, until = hold_of_head(found), found.get("ObjectLockRetainUntilDate")
        if seen is None and self._sees_holds is None:
            seen = self.hold(ref).hold
            self._sees_holds = seen != "unknown"
        return seen or "no", until

    def has_lock(self) -> bool | None:
        """Tell whether the bucket has object lock; None where the look-up was refused or failed, or can't tell."""
        if self.spec.object_lock == "none":
            return False
        if self.hides_locks():
            return None
        if not self._lock:
            self._lock = [self._look_up_lock()]  # a refusal is an answer too: it isn't asked for again
        return self._lock[0]

    def hides_locks(self) -> bool:
        """Tell whether S3's calls can't show what this store has locked, and the operator hasn't stated it."""
        return self.kind.locks == "own" and self.spec.object_lock is None

    def _look_up_lock(self) -> bool | None:
        try:
            found = self._optional("get_object_lock_configuration", Bucket=self.spec.bucket)
        except StoreError:
            return None
        return bool(found) and found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        if self.hides_locks():
            return HoldAnswer("unknown", "none", hides_locks(self.kind))
        if self.has_lock() is False:
            said = "the operator states that nothing here is locked"
            why = said if self.spec.object_lock == "none" else "the bucket has no object lock"
            return HoldAnswer("no", "not-supported", why)
        name: dict[str, Any] = {"Bucket": ref.bucket, "Key": real_key(ref.key)}
        if ref.version:
            name["VersionId"] = ref.version
        # Both are asked even if one look-up fails: a hold that is seen counts.
        answers = [self._legal_hold(name), self._retention(name)]
        for wanted in ("yes", "unknown"):
            for answer in answers:
                if answer.hold == wanted:
                    return answer
        return HoldAnswer("no", "none", "no legal hold and no retention in force")

    def _legal_hold(self, name: dict[str, Any]) -> HoldAnswer:
        try:
            found = self._optional("get_object_legal_hold", **name)
        except StoreError as error:
            return HoldAnswer("unknown", "legal-hold", unanswered(error, "s3:GetObjectLegalHold"))
        held = found.get("LegalHold", {}).get("Status") == "ON"
        return HoldAnswer("yes" if held else "no", "legal-hold", "legal hold is on" if held else "no legal hold")

    def _retention(self, name: dict[str, Any]) -> HoldAnswer:
        try:
            found = self._optional("get_object_retention", **name).get("Retention", {})
        except StoreError as error:
            return HoldAnswer("unknown", "retention", unanswered(error, "s3:GetObjectRetention"))
        until = found.get("RetainUntilDate")
        if not found.get("Mode") or not in_force(until):
            return HoldAnswer("no", "retention", "no retention in force")
        return HoldAnswer("yes", "retention", f"{found['Mode']} until {until:%Y-%m-%dT%H:%M:%SZ}" if until else "")

    def _optional(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send a read whose absence is an answer: {} where there is no such configuration, or no such thing at all."""
        return self._pace.send(_about(arguments), lambda: self._send(operation, arguments, ABSENT))

    def close(self) -> None:
        self.client.close()


def _about(arguments: dict[str, Any]) -> str:
    """Give the key, or the start of keys, that a request is about."""
    return arguments.get("Key") or arguments.get("Prefix") or ""


def _hasnt(operation: str, answer: dict[str, Any]) -> bool:
    """Tell from an answer that the server has no such call."""
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = answer.get("Error", {}).get("Code")
    unknown = status == 405 or code == "MethodNotAllowed"
    return status == 501 or code == "NotImplemented" or (unknown and operation in BUCKET_READS)


def _same_version(ref: ObjectRef, meta: Mapping[str, Any]) -> None:
    _same_etag(ref, meta["e_tag"], meta["last_modified"])


def _same_etag(ref: ObjectRef, found: str | None, modified: datetime.datetime | None) -> None:
    # Servers that ignore If-Match exist.
    now = etag_of({"ETag": found, "LastModified": modified})
    if ref.etag and now and now != ref.etag:
        raise changed()


def whole_sha256(found: dict[str, Any]) -> str | None:
    """Give the hex SHA-256 of the whole object from a HEAD; one made of parts is no proof.

    Servers that don't state the checksum's type give themselves away by the part count in it or in the ETag.
    """
    value = found.get("ChecksumSHA256", "")
    parts = "-" in value or "-" in found.get("ETag", "")
    if not value or found.get("ChecksumType", "COMPOSITE" if parts else "FULL_OBJECT") != "FULL_OBJECT":
        return None
    digest = base64.b64decode(value)
    return digest.hex() if len(digest) == 32 else None


def hold_of_head(found: dict[str, Any]) -> str | None:
    """Read a hold from a HEAD: yes or None, because absent headers may only mean that we may not see them."""
    if found.get("ObjectLockLegalHoldStatus") == "ON":
        return "yes"
    if found.get("ObjectLockMode") and in_force(found.get("ObjectLockRetainUntilDate")):
        return "yes"
    return None


def is_archived(storage_class: str, found: dict[str, Any]) -> bool:
    """Tell from class, tier and restore state whether the bytes can't be read now."""
    if storage_class in ARCHIVE_CLASSES:
        return 'ongoing-request="false"' not in found.get("Restore", "")
    return found.get("ArchiveStatus") in ("ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS")
