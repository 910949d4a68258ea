"""What the decisions on a family are made from and what they give: plain records without Beam or Arrow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mirrorfold.schemas.objects import FRAIL_CLASSES
from mirrorfold.schemas.uri import UNCARRIABLE

_UNCARRIABLE = re.compile(UNCARRIABLE)

Key = tuple[str, str]
"""(uri, version): names one object version."""


class Member(NamedTuple):
    """An object of a family with what is known of its content, the catalogue and the policy's view of it."""

    uri: str
    version: str
    etag: str
    library: str
    store: str
    bucket: str
    key: str
    storage_class: str
    size: int
    content_id: str
    cluster_id: str
    family_id: str
    tier: str
    kind: str
    hold: str
    is_latest: bool
    is_delete_marker: bool
    archived: bool
    expires_at: object
    lifecycle: str | None
    class_to: str | None
    passes: str | None
    earlier: str | None
    earlier_kept_uri: str | None
    earlier_kept_version: str | None
    physical_id: str | None
    replication_status: str | None
    identity_evidence: str | None
    readable: bool
    media_type: str | None
    width: int | None
    height: int | None
    capture_time: str | None
    creator: str | None
    licence: str | None
    catalogue_no: str | None
    provenance: str | None
    rights: str | None
    usage_terms: str | None
    rights_uri: str | None
    data_mining: str | None
    caption: str | None
    instructions: str | None
    credit: str | None
    gps: str | None
    digital_source_type: str | None
    c2pa: str | None
    document_id: str | None
    instance_id: str | None
    original_document_id: str | None
    derived_from: str | None
    last_modified: Any
    scope: str | None
    jurisdiction: str | None
    place: str
    protected: bool
    role: str | None
    role_linked: str | None
    priority: bytes
    package: str | None = None
    companions: tuple[str, ...] | list[str] | None = None
    parts: tuple[str, ...] | list[str] | None = None
    damaged: str | None = None
    mode: str | None = None
    bit_depth: int | None = None
    declared_depth: int | None = None
    lossless: bool | None = None
    grey: bool | None = None
    jpeg_quality: int | None = None
    unread: str | None = None

    @property
    def id(self) -> Key:
        """Name the object version."""
        return self.uri, self.version

    @property
    def frailty(self) -> tuple[bool, bool]:
        """Rank copies of the same bytes before any policy: in a class that lasts, then with a key that tools carry."""
        frail = self.storage_class in FRAIL_CLASSES or self.class_to in FRAIL_CLASSES
        return frail, _UNCARRIABLE.search(self.key) is not None

    @property
    def copy(self) -> str:
        """Name what physically holds the bytes: equal means one copy under several names."""
        return self.physical_id or self.uri


class Link(NamedTuple):
    """A verified pair of contents, as in the table pairs."""

    content_a: str
    content_b: str
    tier: str
    kind: str
    rule: str
    in_cluster: bool
    capture_conflict: bool
    d_phash256: int | None
    d_dhash256: int | None
    correlation: float | None
    residual: float | None
    highpass: float | None
    crop_area: float | None
    aspect: float | None


class Ruling(NamedTuple):
    """What people said about a pair of contents, once their verdicts are put together.

    `outcome` is same, different, split, keep-a, keep-b, defer or conflict.
    """

    outcome: str
    verdicts: tuple[str, ...]
    opened: bool = True
    """A person looked at this very pair: not at a batch or a sample that it belongs to."""


class Confirmed(NamedTuple):
    """How a pair compares at the full detail of the smaller, as in the table confirmations."""

    content_a: str
    content_b: str
    confirmed: bool
    kind: str
    width: int = 0
    height: int = 0
    excess: float | None = None
    x: int = 0
    y: int = 0
    w: int = 0
    h: int = 0
    algorithm: str = ""
    damaged_a: str | None = None
    damaged_b: str | None = None
    soft_a: bool | None = None
    soft_b: bool | None = None
    recoded_a: bool | None = None
    recoded_b: bool | None = None

    @property
    def place(self) -> str:
        """Say where the two differ most."""
        return f"{self.w}x{self.h} at {self.x},{self.y} of {self.width}x{self.height}"


class Seen(NamedTuple):
    """What reading a content at full detail showed of it; None: unknown.

    Attributes:
      damaged: what its decoder said of damage when it read all of it; '' for nothing.
      soft: it has less detail than its pixels promise, beside any that it was compared with.
      recoded: it is pixels of a coarser JPEG, saved again, beside any that it was compared with.
    """

    damaged: str | None = None
    soft: bool | None = None
    recoded: bool | None = None


class Question(NamedTuple):
    """A pair that must be compared at full detail before it may go, and objects that hold either content."""

    pair: tuple[str, str]
    first: tuple[Member, ...]
    second: tuple[Member, ...]


@dataclass(frozen=True)
class Answers:
    """What stores said so far, and pairs compared at full detail.

    Attributes:
      holds: yes, no or unknown; reads: whether the SHA-256 is confirmed, None where an object couldn't be read.
      seen: by content_id, what reading it at full detail showed.
      lasting: of kept copies: yes, no, tagged (by the policy's own quarantine) or unknown.
    """

    holds: dict[Key, str] = field(default_factory=dict)
    reads: dict[Key, bool | None] = field(default_factory=dict)
    pairs: dict[tuple[str, str], Confirmed] = field(default_factory=dict)
    lasting: dict[Key, str] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)


@dataclass
class Decision:
    """The decision on one object; columns as in the table decisions.

    `if_same`: people's word that it shows the kept copy's picture would set it aside.
    """

    member: Member
    action: str
    rule: str
    kept: Member | None = None
    tier: str | None = None
    kind: str | None = None
    conflicts: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    detail: str = ""
    if_same: bool = False
    role: str | None = None
    counts_as_copy: bool = False
    copies_left: int = 0
    copies_left_here: int = 0


@dataclass
class FamilyPlan:
    """Decisions on every member, and what has to be asked before they are final."""

    decisions: list[Decision]
    ask_hold: list[Member]
    ask_read: list[Member]
    keepers: dict[str, list[Member]]
    ask_pair: list[Question] = field(default_factory=list)
    ask_lasting: list[Member] = field(default_factory=list)


def pair_of(first: str, second: str) -> tuple[str, str]:
    """Name a pair of contents in the table's order."""
    return (first, second) if first <= second else (second, first)
