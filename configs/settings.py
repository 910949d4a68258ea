"""Every setting of a run in one frozen object, validated once, before any work starts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mirrorfold.schemas.contents import IMAGEHASHES

PASSING = (
    "#recycle", "@recycle", "@recently-snapshot", ".recycle", "$recycle.bin", "recycler", ".trash",
    ".trash-*", ".trashes", ".trashed*", ".wastebasket", "#snapshot", "~snapshot", ".snapshot",
    ".snapshots", "@snapshots", "@gmt-*", ".zfs", ".ckpt", "@eadir", "@tmp", "lost+found", ".stversions",
    ".stfolder", ".deleted", ".dropbox.cache", ".spotlight-v100", ".fseventsd", ".temporaryitems",
    "system volume information", "recycled", ".recycled", ".recyclebin", ".local/share/trash", ".trashcan", ".dtrash",
    "files_trashbin", "files_versions", ".sync/archive", "network trash folder", "temporary items", "trashbox",
    "_nas_recycle_*", "@sharebin", "@sharesnap", ".snap", ".snaps", ".glusterfs", "timeshift/snapshots", "found.0*",
    "lost.dir", ".@__thumb", "@__thumb", ".appledouble", ".thumbnails", ".mobilebackups", ".documentrevisions-v100",
    ".tmp.drivedownload", ".tmp.driveupload", ".pending-*", ".nfs0*", ".fuse_hidden*",
)  # fmt: skip
"""Folders, and files by their own names, that servers, desktops and synchronisers empty or turn over by themselves."""


class Section(BaseModel):
    """A part of the settings: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(Section):
    """How to reach one source, by the library's name or the URI it starts with."""

    endpoint: str | None = Field(None, description="S3 or GCS endpoint, instead of the default chain's")
    region: str | None = None
    profile: str | None = Field(None, description="AWS profile to take credentials from")
    requester_pays: bool = False
    project: str | None = Field(None, description="GCS project to bill when the requester pays")
    concurrency: Annotated[int, Field(ge=1, le=256)] = 32
    anonymous: bool = Field(False, description="read a public bucket without credentials")
    same_as: Annotated[str, Field(pattern="^[^/]+$")] | None = Field(
        None,
        description="the bucket that an access point, or a second name of one bucket, leads to; or the library whose "
        "very files this source shows by another door (a gateway, a second mount): no copy in it counts",
    )
    replica: bool = Field(
        False, description="a replica holds bytes of its own, though its versions and times equal another bucket's"
    )
    exclude: tuple[str, ...] = Field((), description="patterns over URIs that are left out, e.g. '.snapshot/**'")
    follow_links: bool = Field(False, description="in folders, read links that lead out of the folder")
    kind: Literal["aws", "oss", "cos", "obs", "tos", "r2", "minio", "ceph", "generic"] | None = Field(
        None, description="what kind of S3 server it is, where its endpoint's name doesn't tell"
    )
    addressing: Literal["path", "virtual"] | None = Field(
        None, description="where the bucket stands: in the path, or in the host's name; as the kind takes it by default"
    )
    object_lock: Literal["none"] | None = Field(
        None, description="your word that nothing in this source is locked, where its store can't tell; it is recorded"
    )
    lifecycle: Literal["none"] | None = Field(
        None, description="your word that no rule deletes in this source, where its rules can't be read; it is recorded"
    )
    account: str | None = Field(None, description="Azure storage account, instead of AZURE_STORAGE_ACCOUNT's")


class ListingSettings(Section):
    """What is listed and what is left unread."""

    noncurrent: Literal["skip", "read"] = "skip"
    max_shrink: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="stop when a listing shrank by more than this share"
    )
    hold_list: str | None = Field(None, description="CSV of URIs and patterns under hold")
    allow_unmatched_holds: bool = Field(False, description="go on although hold lines match no listed object")
    passing: tuple[str, ...] = Field(
        PASSING,
        description="names of folders and files that won't last, * and ? within a name, in any letter case: bins, "
        "snapshots, what file servers keep for themselves. What lies there is listed and never a kept copy",
    )
    mets_files: Annotated[int, Field(ge=0)] = Field(
        10_000, description="small XML files that are read while listing: a METS file names what belongs to its package"
    )


class FingerprintSettings(Section):
    """Budgets and threads of fetching and decoding."""

    threads: Annotated[int, Field(ge=1, le=128)] = Field(
        16, description="fetch+decode threads per worker process, at most: fewer while files come quickly"
    )
    shard_objects: Annotated[int, Field(ge=1)] = Field(2_000, description="objects per committed shard, at most")
    shard_bytes: Annotated[int, Field(ge=1)] = Field(2_000_000_000, description="bytes per committed shard, at most")
    max_bytes: int = Field(4_000_000_000, description="largest file that is fetched")
    max_pixels: int = Field(400_000_000, description="largest picture that is decoded, by its header")
    max_pages: int = Field(64, description="pages of a document that get a signature of their own")
    max_seconds: float = Field(120, description="longest a risky decoder may take on one file")
    imagehash: tuple[str, ...] = Field(
        (),
        description="hashes of the package imagehash to write beside ours, for tables that hold such: phash, dhash, "
        "whash, colorhash. Each image is decoded once more, whole; needs mirrorfold[imagehash]",
    )
    reread_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="share of the archive that an audit reads again although nothing in its listing changed"
    )
    max_store_failures: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01, description="stop the run above this share of store failures"
    )
    max_decode_failures: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="the same for unreadable files; 1 never stops"
    )

    @field_validator("imagehash")
    @classmethod
    def _hashes_that_can_be_made(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in IMAGEHASHES]:
            raise ValueError(f"there is no {unknown[0]}: there are {', '.join(IMAGEHASHES)}")
        if names and find_spec("imagehash") is None:
            raise ValueError("needs the package imagehash: pip install 'mirrorfold[imagehash]'")
        return tuple(name for name in IMAGEHASHES if name in names)


class MatchSettings(Section):
    """The radius of the candidate search and what is verified."""

    radius: Annotated[int, Field(ge=0, le=12)] = Field(
        8, description="Hamming radius of phash64 with guaranteed recall; 6 costs half as much and finds fewer crops"
    )
    crops: bool = Field(True, description="search crops, borders, rotations and mirrors too")
    refetch_bytes: Annotated[int, Field(ge=0)] = Field(
        0, description="bytes that may be read again to settle pairs of documents at 256 pixels; 0 reads nothing again"
    )


class Destination(Section):
    """Where the archive migrates to: whose PUT prices apply."""

    store: Literal["s3", "gs"]
    region: str
    storage_class: str = "STANDARD"


Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceSettings(Section):
    """Money: which price book, which currency, which exchange rates; no price is ever invented."""

    book: str = Field("default", description="name of a price book in configs/price_books or a file")
    currency: Currency = "USD"
    exchange_rates: dict[Currency, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description="units of `currency` for one unit of another; the book's own rates otherwise"
    )
    exchange_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="units of `currency` for one US dollar, the currency of the clouds' price lists"
    )
    regions: dict[str, str] = Field(
        default_factory=dict, description="region by library or bucket, where it isn't known"
    )
    workers_region: str | None = Field(
        None,
        description="region where the run's workers are, so that reading out of other regions is priced and warned of; "
        "by default AWS_REGION where AWS itself set it (ECS, Lambda, CloudShell)",
    )
    owners: dict[str, str] = Field(
        default_factory=dict, description="who pays, by library or bucket: the cost-allocation tag of `realised`"
    )
    owner_tag: str | None = Field(
        None,
        description="key of the tag of S3 buckets that says who pays, looked up by `reconcile`; `owners` overrules",
    )
    local_per_gb_month: Money | None = Field(
        None, description="what a GB (10^9 bytes) in a local folder costs a month, in `currency`; unpriced without it"
    )
    migrate_to: Destination | None = Field(None, description="destination of the migration; avoided costs need it")
    soft_delete_days: Annotated[int, Field(ge=0)] = Field(
        7, description="days Google keeps, and bills, a deleted object; 7 unless the bucket says otherwise"
    )
    reviewer_hour: Money | None = Field(None, description="what an hour of review costs, in `currency`")
    review_seconds: Annotated[float, Field(gt=0)] = Field(5.0, description="seconds a person takes for one decision")
    vcpu_hour: Money | None = Field(None, description="what an hour of one vCPU costs, in `currency`")
    horizon_months: Annotated[int, Field(ge=1)] = Field(36, description="months over which a review has to pay off")


class PublishSettings(Section):
    """The report and the review pages."""

    language: Literal["en", "zh-Hant", "zh-Hans"] = Field(
        "en", description="language that the pages open in; all are there"
    )
    thumbnails: Annotated[int, Field(ge=0)] = Field(500, description="clusters whose pictures are fetched again")
    proofs: Annotated[int, Field(ge=0)] = Field(
        100, description="of these, clusters shown at 1024 pixels instead of 256"
    )
    sketches: Annotated[int, Field(ge=0)] = Field(5_000, description="further clusters drawn from the stored luma")
    clusters: Annotated[int, Field(ge=0)] = Field(100_000, description="clusters on the review pages; the rest: queue")
    sample: Annotated[int, Field(ge=0)] = Field(100, description="pairs of each tier drawn at random, to measure it")
    seed: str = Field("mirrorfold", description="seed of that draw; the same seed draws the same pairs")


class EstimateSettings(Section):
    """What `mirrorfold estimate` may read."""

    read_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.02, description="share of the archive's bytes that may be read to find exact copies; at least 64 MB"
    )
    read_bytes: Annotated[int, Field(ge=0)] = Field(4_000_000_000, description="the same in bytes, at most")
    read_requests: Annotated[int, Field(ge=0)] = Field(200_000, description="the same in requests, at most")
    near_objects: Annotated[int, Field(ge=0)] = Field(
        1_000, description="images to fingerprint for the interval of near duplicates; 0 is none"
    )
    near_bytes: Annotated[int, Field(ge=0)] = Field(2_000_000_000, description="bytes to read for them, at most")


class Settings(Section):
    """Settings of a run; every field has a default that suits a first run."""

    sources: dict[str, SourceSettings] = Field(default_factory=dict, description="by library name or URI prefix")
    policy: str = Field("default", description="name of a policy in configs/policies or a file")
    catalogue: str | None = Field(None, description="sidecar CSV or Parquet keyed by object")
    listing: ListingSettings = ListingSettings()
    fingerprint: FingerprintSettings = FingerprintSettings()
    match: MatchSettings = MatchSettings()
    prices: PriceSettings = PriceSettings()
    estimate: EstimateSettings = EstimateSettings()
    publish: PublishSettings = PublishSettings()
