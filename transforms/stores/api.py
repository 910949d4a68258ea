"""What the stages may ask of a source: plain values in, plain values or a `StoreError` out. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class SourceSpec:
    """One source of a run, with all it takes to reach it; holds no secret.

    Attributes:
      library: the library's name.
      kind: live, s3-inventory, gcs-inventory, azure-inventory or listing.
      store: s3, gs, az or file.
      bucket: bucket or container name, or the folder's absolute real path.
      prefix: listed keys start with it; '' for all (always '' for folders).
      anonymous: read without credentials, as public buckets allow.
      manifest: for inventories and listings the report's URI or path.
      same_as: the bucket that this name leads to, for an access point or a second name of one bucket.
        A library's name says that the source shows that library's very files, by another door.
      replica: its bytes are its own, though versions and times equal another bucket's.
      exclude: patterns over URIs that are left out of the listing.
      follow_links: in folders, read links that lead out of the folder.
      server: the kind of S3 server, a name of stores/kinds.py; None to tell it by its endpoint.
      addressing: path or virtual; None as the AWS config says, else as the kind of server takes it.
      object_lock: none where the operator states that nothing in this source is locked.
      lifecycle: none where the operator states that no rule deletes anything in this source.
      account: Azure's storage account.
    """

    library: str
    kind: str
    store: str
    bucket: str
    prefix: str = ""
    manifest: str | None = None
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    requester_pays: bool = False
    project: str | None = None
    concurrency: int = 32
    anonymous: bool = False
    same_as: str | None = None
    replica: bool = False
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    server: str | None = None
    addressing: str | None = None
    object_lock: str | None = None
    lifecycle: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        """Take lists, as JSON has them, for tuples: a spec is a key."""
        object.__setattr__(self, "exclude", tuple(self.exclude))


class ObjectRef(NamedTuple):
    """Names one object version as listed; fields as in schemas/objects.py."""

    library: str
    store: str
    bucket: str
    key: str
    version: str
    etag: str
    size: int


class Head(NamedTuple):
    """What a look-up of one object says without its bytes; `passing` says what will delete it, if anything."""

    etag: str
    size: int
    sha256: str | None
    hold: str
    archived: bool
    passing: str = ""


class HoldAnswer(NamedTuple):
    """A hold look-up: `hold` is yes, no or unknown; `kind` as in hold_checks."""

    hold: str
    kind: str
    detail: str


class LastingAnswer(NamedTuple):
    """Whether a copy will still be there: `lasting` is yes, no, tagged (by the policy's own quarantine) or unknown."""

    lasting: str
    detail: str


class StoreError(Exception):
    """A store didn't give what was asked; `code` is one of the fetch codes in schemas/failures.py.

    Attributes:
      again: no answer at all, or an error of the server's own: the same request may do next time.
    """

    again = False

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self):
        return type(self), (self.code, self.message)


class Stores(Protocol):
    """All sources of a run behind one face; safe to call from many threads. Made by `sources.open_stores`."""

    def read(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> bytes:
        """Read an object's bytes [start, stop), of the very version, etag or generation that was listed."""
        ...

    def head(self, ref: ObjectRef) -> Head:
        """Look up one object: is it still the listed version, its SHA-256 if the store states one, its hold."""
        ...

    def hold(self, ref: ObjectRef) -> HoldAnswer:
        """Look up whether anything holds the object now. Refused or failed is `unknown`, never an error."""
        ...

    def lasting(self, ref: ObjectRef, tag: tuple[str, str]) -> LastingAnswer:
        """Look up what no listing shows: whether a rule, or a tag, will take the object. Refused is `unknown`.

        Args:
          tag: what the policy's quarantine puts on objects.
        """
        ...

    def close(self) -> None:
        """Close clients and pools."""
        ...
