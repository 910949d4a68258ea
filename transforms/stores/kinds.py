"""What each kind of S3 server can do: how its buckets are addressed, and whether S3's calls show its locks.

Known by the endpoint's name, or said with `sources: x: {kind: oss}`. What is said of each is its own documents' word:
"Compatibility with Amazon S3" (Alibaba Cloud OSS, 2026-03), the notices on domain names of Tencent COS (buckets made
since 2024) and Huawei OBS (since 2023-12-30). None was tried against the real service.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit


class Kind(NamedTuple):
    """A kind of server.

    Attributes:
      title: as people call it.
      hosts: how names of its endpoints end.
      virtual: whether the bucket stands in the host's name; else in the path.
      locks: s3 where S3's calls show what is locked; own where the store has locks that only its own calls show, so
        that nothing asked through S3 can tell; none where it has no locks at all.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    virtual: bool
    locks: Literal["s3", "own", "none"]


GENERIC = Kind("generic", "an S3 server", (), False, "s3")
KINDS = {
    kind.name: kind
    for kind in (
        Kind("aws", "Amazon S3", (".amazonaws.com", ".amazonaws.com.cn"), False, "s3"),
        Kind("oss", "Alibaba Cloud OSS", (".aliyuncs.com",), True, "own"),
        Kind("cos", "Tencent Cloud COS", (".myqcloud.com", ".tencentcos.cn"), True, "own"),
        Kind("obs", "Huawei Cloud OBS", (".myhuaweicloud.com", ".myhuaweicloud.cn"), True, "own"),
        Kind("tos", "Volcengine TOS", (".volces.com", ".ivolces.com", ".bytepluses.com"), True, "own"),
        Kind("r2", "Cloudflare R2", (".r2.cloudflarestorage.com",), False, "own"),
        Kind("minio", "MinIO", (), False, "s3"),
        Kind("ceph", "Ceph", (), False, "s3"),
        GENERIC,
    )
}


def kind_of(endpoint: str | None, said: str | None = None) -> Kind:
    """Give the kind of the server at an endpoint: what the config says, else what the host's name tells."""
    if said is not None:
        return KINDS[said]
    host = (urlsplit(endpoint or "").hostname or "").rstrip(".")
    return next((kind for kind in KINDS.values() if host.endswith(kind.hosts)), GENERIC)


def hides_locks(kind: Kind) -> str:
    """Say why holds are unknown at a store whose locks S3 can't show, and what to do."""
    return f"{kind.title} doesn't show through S3 what is locked: where nothing is, say `object_lock: none` for it"
