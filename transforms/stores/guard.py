"""The two locks on every client: sources are only ever read, and no endpoint is a cloud's metadata service."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from google.auth.transport.requests import AuthorizedSession

READS = frozenset(
    {
        "GetBucketEncryption",
        "GetBucketLifecycleConfiguration",
        "GetBucketTagging",
        "GetBucketVersioning",
        "GetObject",
        "GetObjectLegalHold",
        "GetObjectLockConfiguration",
        "GetObjectRetention",
        "GetObjectTagging",
        "HeadBucket",
        "HeadObject",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjectsV2",
        "ListParts",
    }
)
"""All that boto3 may ever send to a source."""

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_METADATA_NETWORKS = [
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # AWS, GCP, Azure and OpenStack
        "fe80::/10",
        "fd00:ec2::/32",  # AWS over IPv6: metadata, and credentials of pods
        "fd20:ce::254/128",  # GCP over IPv6
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.192/32",  # Oracle Cloud
    )
]


class WriteRefusedError(RuntimeError):
    """Something asked a source for more than a read; a fault in mirrorfold, never in the input."""


class EndpointRefusedError(ValueError):
    """An endpoint that may not be talked to."""


def guard_boto(client: Any) -> None:
    """Let only the named reads through a boto3 S3 client."""
    client.meta.events.register_first("before-call.s3", _refuse_writes)


def _refuse_writes(model: Any, **_: Any) -> None:
    if model.name not in READS:
        raise WriteRefusedError(f"refused to send {model.name} to a source: sources are only read")


class _ReadOnly:
    """A session that sends GET and HEAD alone."""

    def request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if method.upper() not in ("GET", "HEAD"):
            raise WriteRefusedError(f"refused to send {method} to a source: sources are only read")
        return super().request(method, *args, **kwargs)  # type: ignore[misc]


class ReadOnlySession(_ReadOnly, requests.Session):  # type: ignore[misc]
    """An anonymous session that only reads; as the Google client wants it, it names its auth request."""

    is_mtls = False


class ReadOnlyAuthorizedSession(_ReadOnly, AuthorizedSession):  # type: ignore[misc]
    """A session with Google credentials that only reads (tokens are fetched through a session of their own)."""


def check_endpoint(url: str | None) -> None:
    """Refuse an endpoint that names a metadata service, by name or address in any notation.

    Raises:
      EndpointRefusedError: one line, naming the endpoint.
    """
    if not url:
        return
    parts = urlsplit(url)
    named = parts.username is not None or parts.password is not None
    shown = f"{parts.scheme}://{parts.hostname}" if named else url  # what is secret isn't said again
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EndpointRefusedError(f"endpoint {shown!r} isn't an http:// or https:// URL")
    host = parts.hostname.rstrip(".").lower()
    if host in _METADATA_NAMES or any(_is_metadata(address) for address in _addresses(host)):
        raise EndpointRefusedError(f"endpoint {shown!r} is a cloud's metadata address, not an object store")
    if named:
        raise EndpointRefusedError(
            f"endpoint {shown!r} holds a user's name or password, which would be written down: credentials come from "
            "the clouds' own chains"
        )


def _addresses(host: str) -> list[str]:
    try:
        return [str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return []  # an unknown host fails later, as unreachable


def _is_metadata(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return any(form in network for form in (found, *_inner(found)) for network in _METADATA_NETWORKS)


_LAST_32 = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")]
"""IPv6 addresses that end in an IPv4 address: NAT64 (RFC 6052, 8215), the old IPv4-compatible and translated forms."""
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_ISATAP = (0x5EFE, 0x02005EFE)
"""What stands before the IPv4 address at the end of an address by ISATAP (RFC 5214)."""


def _inner(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Name the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(found, ipaddress.IPv4Address):
        return []
    inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
    number = int(found)
    if any(found in network for network in _LAST_32) or number >> 32 & 0xFFFFFFFF in _ISATAP:
        inner.append(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    if found in _LOCAL_NAT64:  # by RFC 6052 the address stands around bits 64 to 71, which are 0
        inner += [ipaddress.IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF)]
        inner += [ipaddress.IPv4Address((number >> 64 & 0xFF) << 24 | number >> 32 & 0xFFFFFF)]
        inner += [ipaddress.IPv4Address(number >> 24 & 0xFFFFFFFF)]
    return [address for address in inner if address is not None]
