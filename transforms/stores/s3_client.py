"""S3 clients of one source: boto3 to list and look up, obstore for bytes, both from one boto3 session."""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass, replace
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from obstore.store import S3Store

from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.guard import check_endpoint, guard_boto
from mirrorfold.transforms.stores.kinds import Kind, kind_of

RETRIES = 8
RETRY_CONFIG: Any = {
    "max_retries": RETRIES,
    "retry_timeout": datetime.timedelta(minutes=3),
    "backoff": {
        "init_backoff": datetime.timedelta(milliseconds=200),
        "max_backoff": datetime.timedelta(seconds=20),
        "base": 2,
    },
}


ONCE: Any = {**RETRY_CONFIG, "max_retries": 0}
"""For sources: `pace.Pace` sends again, and hears of each wish to slow down."""


@dataclass(frozen=True)
class S3Access:
    """A session with what it resolved to: region, endpoint, addressing, whether it signs, the kind of server."""

    session: boto3.Session
    region: str
    endpoint: str
    virtual: bool
    signed: bool
    kind: Kind

    def client(self, concurrency: int, attempts: int = RETRIES + 1) -> Any:
        """Make a boto3 client that only reads."""
        config = Config(
            signature_version=None if self.signed else UNSIGNED,
            retries={"mode": "adaptive", "total_max_attempts": attempts},
            max_pool_connections=max(10, concurrency),
            connect_timeout=10,
            read_timeout=60,
            s3={"addressing_style": "virtual" if self.virtual else "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            user_agent_extra="mirrorfold",
        )
        client = self.session.client("s3", region_name=self.region, endpoint_url=self.endpoint, config=config)
        guard_boto(client)
        return client

    def byte_store(
        self, bucket: str, prefix: str | None = None, requester_pays: bool = False, retries: Any = RETRY_CONFIG
    ) -> S3Store:
        """Make the obstore store of a bucket with the session's credentials."""
        endpoint = self.endpoint
        if self.virtual:
            scheme, _, host = endpoint.partition("://")
            endpoint = f"{scheme}://{bucket}.{host}"
        # Everything is said outright: obstore would fill gaps from the environment, past the session.
        config: Any = {
            "bucket": bucket,
            "region": self.region,
            "aws_endpoint_url_s3": endpoint,  # plain "endpoint" loses to AWS_ENDPOINT_URL_S3 of the environment
            "virtual_hosted_style_request": self.virtual,
            "skip_signature": not self.signed,
            "request_payer": requester_pays,
        }
        credentials: Any = SessionCredentials(self.session) if self.signed else None
        return S3Store(
            prefix=prefix,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": "10s",
                "read_timeout": "60s",
                "timeout": "10m",
                "user_agent": "mirrorfold",
            },
            retry_config=retries,
            credential_provider=credentials,
        )


class SessionCredentials:
    """Give obstore the session's credentials, again and again as they are renewed."""

    def __init__(self, session: boto3.Session):
        self.credentials = session.get_credentials()

    def __call__(self) -> dict[str, Any]:
        frozen = self.credentials.get_frozen_credentials()
        # botocore renews ten minutes before the end, so what it gives is good for that long.
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": expires,
        }


def s3_access(spec: SourceSpec) -> S3Access:
    """Resolve how to reach a source, as boto3's own chain does, with the spec's settings on top.

    Raises:
      EndpointRefusedError: the endpoint is a metadata address.
      botocore.exceptions.BotoCoreError: no such profile, broken credentials.
    """
    check_endpoint(spec.endpoint)
    core = botocore.session.Session(profile=spec.profile)
    session = boto3.Session(botocore_session=core, region_name=spec.region)
    region = session.region_name or "us-east-1"
    signed = session.get_credentials() is not None and not spec.anonymous
    quick = Config(signature_version=UNSIGNED, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    plain = session.client("s3", region_name=region, endpoint_url=spec.endpoint, config=quick)
    endpoint = plain.meta.endpoint_url
    check_endpoint(endpoint)
    kind = kind_of(endpoint, spec.server)
    style = spec.addressing or (core.get_scoped_config().get("s3") or {}).get("addressing_style", "auto")
    virtual = style == "virtual" or (style == "auto" and kind.virtual)
    access = S3Access(session, region, endpoint, virtual, signed, kind)
    if kind.name == "aws" and spec.region is None and spec.bucket:
        found = _bucket_region(plain, spec.bucket)
        if found and found != region:
            moved = session.client("s3", region_name=found, endpoint_url=spec.endpoint)
            return replace(access, region=found, endpoint=moved.meta.endpoint_url)
    return access


def _bucket_region(client: Any, bucket: str) -> str | None:
    """Ask where a bucket lies: obstore doesn't follow redirects. The header comes even with a refusal."""
    answer: dict[str, Any] = {}
    with contextlib.suppress(botocore.exceptions.BotoCoreError):
        try:
            answer = client.head_bucket(Bucket=bucket)
        except botocore.exceptions.ClientError as error:
            answer = error.response
    return answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
