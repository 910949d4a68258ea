"""S3 servers that know less: versitygw behind a proxy that answers as other stores' documents say theirs do.

Signatures are checked by versitygw itself, over the host names that the client chose. The proxy is found by
`HTTP_PROXY`, so clients keep the stores' real endpoints, which a test never reaches.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from tests.servers import Server, serving, versity_server
from tests.worlds import World, new_bucket, owner

LOCKS = frozenset({"object-lock", "legal-hold", "retention"})


@dataclass(frozen=True)
class Personality:
    """How a store differs from AWS.

    Attributes:
      host: its endpoint's name.
      path_code: what it answers where the bucket stands in the path; None where it takes that.
      missing: query names of calls that it answers with 501.
      etags: whether it states ETags.
    """

    name: str
    host: str
    path_code: str | None
    missing: frozenset[str] = frozenset()
    etags: bool = True
    settings: dict = field(default_factory=dict)


NONE = {"object_lock": "none"}
PERSONALITIES = {
    one.name: one
    for one in (
        Personality(
            "oss",
            "oss-cn-hongkong.aliyuncs.com",
            "SecondLevelDomainForbidden",
            LOCKS | {"versioning", "versions", "encryption", "tagging"},
            settings=NONE,
        ),
        Personality("cos", "cos.ap-hongkong.myqcloud.com", "PathStyleDomainForbidden", LOCKS, settings=NONE),
        Personality("obs", "obs.ap-southeast-1.myhuaweicloud.com", "VirtualHostDomainRequired", LOCKS, settings=NONE),
        Personality("tos", "tos-s3-cn-hongkong.volces.com", "InvalidPathAccess", LOCKS, settings=NONE),
        Personality("r2", "account.r2.cloudflarestorage.com", None, LOCKS | {"versioning", "versions"}, settings=NONE),
        Personality("minio", "minio.museum.example", None),
        Personality("ceph", "rgw.library.example", None, frozenset({"encryption", "lifecycle"})),
        Personality(
            "bare",
            "s3.nas.example",
            None,
            LOCKS | {"versioning", "versions", "encryption", "lifecycle", "tagging"},
            etags=False,
        ),
    )
}


@dataclass
class Asked:
    """What reached a personality: (method, target as the client wrote it)."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def standing_in(personality: Personality, upstream: str) -> Iterator[Asked]:
    """Stand in for a store: an HTTP proxy that refuses what the store refuses and passes on the rest."""
    asked, place = Asked(), upstream.removeprefix("http://")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            asked.requests.append((self.command, self.path))
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if personality.path_code and target.netloc == personality.host and target.path.strip("/"):
                return self.refuse(403, personality.path_code)
            if personality.missing & parse_qs(target.query, keep_blank_values=True).keys():
                return self.refuse(501, "NotImplemented")
            return self.pass_on(self.path.removeprefix(f"{target.scheme}://{target.netloc}"), body)

        def pass_on(self, path: str, body: bytes) -> None:
            connection = http.client.HTTPConnection(place, timeout=60)
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "proxy-connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            data, dropped = answer.read(), {"transfer-encoding", "connection", "content-length"}
            if not personality.etags:
                dropped |= {"etag"}
                data = re.sub(rb"<ETag>[^<]*</ETag>", b"", data) if b"<ListBucketResult" in data else data
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in dropped:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            if length is not None:
                self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            connection.close()

        def refuse(self, status: int, code: str) -> None:
            data = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

        def log_message(self, *arguments) -> None:
            """Stay silent: the record is what counts."""

    with serving(Handler) as url:
        asked.url = url
        yield asked


@contextlib.contextmanager
def personality_world(personality: Personality, server: Server | None = None) -> Iterator[World]:
    """Give a new bucket of a store that a proxy makes of versitygw."""
    with contextlib.ExitStack() as stack:
        server = server or stack.enter_context(versity_server(domain=personality.host))
        asked = stack.enter_context(standing_in(personality, server.url))
        client, bucket = owner(server), new_bucket()
        client.create_bucket(Bucket=bucket)

        def put(key: str, data: bytes) -> ObjectRef:
            etag = client.put_object(Bucket=bucket, Key=key, Body=data)["ETag"].strip('"')
            if not personality.etags:
                etag = f"modified-{client.head_object(Bucket=bucket, Key=key)['LastModified']:%Y-%m-%dT%H:%M:%SZ}"
            return ObjectRef("lib", "s3", bucket, escape_key(key.encode()), "", etag, len(data))

        paths = {"double slash", "leading slash", "trailing slash", "dot", "dots", "leading dots", "control", "html"}
        yield World(
            personality.name,
            SourceSpec("lib", "live", "s3", bucket, endpoint=f"http://{personality.host}", **personality.settings),
            put,
            lambda key: client.delete_object(Bucket=bucket, Key=key),
            frozenset(paths | {"not utf-8"}),
            asked.requests,
            {
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "HTTP_PROXY": asked.url,
                "http_proxy": asked.url,
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
            },
        )
