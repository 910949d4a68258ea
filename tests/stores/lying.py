"""An S3 server that lies: about ETags, pages, order, the time, and by failing in bursts."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import hashlib
import http.server
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.servers import serving

LISTINGS = ("same page for ever", "a page twice", "ends early", "odd order", "odd order later", "truncated, no token")
"""Lies about a listing."""


@dataclass
class Liar:
    """A bucket, and what is untrue of it.

    Attributes:
      about: a lie of LISTINGS; '' for an honest listing.
      reads: by key, what a read gives besides: etag (another one than was listed), short (fewer bytes), fails (500).
      bursts: how many reads of each key fail before one succeeds.
      ahead: how far the server's clock is ahead of ours; its signatures' times are judged by it.
      locks: by key, the end of its retention.
    """

    objects: dict[str, bytes]
    about: str = ""
    reads: dict[str, str] = field(default_factory=dict)
    bursts: int = 0
    ahead: datetime.timedelta = datetime.timedelta()
    locks: dict[str, datetime.datetime] = field(default_factory=dict)
    page: int = 1000
    judges: bool = False
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)

    def now(self) -> datetime.datetime:
        """Give the server's time."""
        return datetime.datetime.now(datetime.UTC) + self.ahead

    def listing(self, query: dict[str, list[str]]) -> bytes:
        """Answer ListObjectsV2."""
        limit = min(self.page, int(query.get("max-keys", ["1000"])[0]))
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", [""])[0]))
        if self.about == "odd order":
            keys.reverse()
        after, _, times = query.get("continuation-token", query.get("start-after", [""]))[0].partition("|")
        start = keys.index(after) + 1 if after in keys else sum(key <= after for key in keys)
        shown, more = keys[start:][:limit], start + limit < len(keys)
        token = shown[-1] if shown else ""
        if self.about == "odd order later" and after and limit > 1:
            shown.reverse()
        if self.about == "same page for ever" or (self.about == "a page twice" and after and not times):
            more, token = True, f"{after}|twice"
        if self.about == "ends early" and "continuation-token" in query:
            more = False
        said = f"<NextContinuationToken>{token}</NextContinuationToken>" if more else ""
        if self.about == "truncated, no token":
            said = ""
        rows = "".join(self._row(key) for key in shown)
        text = f"<KeyCount>{len(shown)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{said}{rows}"
        return f"<ListBucketResult><Name>b</Name>{text}</ListBucketResult>".encode()

    def _row(self, key: str) -> str:
        data, time = self.objects[key], f"{self.now():%Y-%m-%dT%H}:00:00.000Z"
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>{time}</LastModified><Size>{len(data)}</Size>"
            f"<ETag>&quot;{hashlib.md5(data).hexdigest()}&quot;</ETag><StorageClass>STANDARD</StorageClass></Contents>"
        )


class Refused(Exception):
    """An answer that isn't the thing: (status, code)."""


@contextlib.contextmanager
def lying(liar: Liar) -> Iterator[Liar]:
    """Serve a liar's bucket."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            liar.requests.append((self.command, self.path))
            try:
                status, headers, data = self.found(urlsplit(self.path))
            except Refused as refused:
                status, code = refused.args
                headers, data = {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response_only(status)
            for name, value in {"Date": email.utils.format_datetime(liar.now()), **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def found(self, target) -> tuple[int, dict[str, str], bytes]:
            signed = self.headers.get("x-amz-date")
            if liar.judges and signed:
                time = datetime.datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
                if abs(liar.now() - time) > datetime.timedelta(minutes=15):
                    raise Refused(403, "RequestTimeTooSkewed")
            query, key = parse_qs(target.query, keep_blank_values=True), unquote(target.path).split("/", 2)[2:]
            if key and key[0]:
                return self.object(key[0], query)
            if query.keys() & {"prefix", "list-type"}:
                return 200, {"Content-Type": "application/xml"}, liar.listing(query)
            if "object-lock" in query and liar.locks:
                said = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                return 200, {}, f"<ObjectLockConfiguration>{said}</ObjectLockConfiguration>".encode()
            if "object-lock" in query:
                raise Refused(404, "ObjectLockConfigurationNotFoundError")
            raise Refused(501, "NotImplemented")

        def object(self, key: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
            if "retention" in query and key in liar.locks:
                until = f"<RetainUntilDate>{liar.locks[key]:%Y-%m-%dT%H:%M:%SZ}</RetainUntilDate>"
                return 200, {}, f"<Retention><Mode>GOVERNANCE</Mode>{until}</Retention>".encode()
            if query.keys() & {"retention", "legal-hold"}:
                raise Refused(404, "NoSuchObjectLockConfiguration")
            if key not in liar.objects:
                raise Refused(404, "NoSuchKey")
            lie, data = liar.reads.get(key), liar.objects[key]
            if lie == "fails" or liar.failed.setdefault(key, 0) < liar.bursts:
                liar.failed[key] = liar.failed.get(key, 0) + 1
                raise Refused(500, "InternalError")
            etag = "0" * 32 if lie == "etag" else hashlib.md5(data).hexdigest()
            headers = {"ETag": f'"{etag}"', "Last-Modified": email.utils.format_datetime(liar.now(), usegmt=True)}
            if given := self.headers.get("Range"):
                first, _, last = given.removeprefix("bytes=").partition("-")
                headers["Content-Range"] = f"bytes {first}-{min(int(last), len(data) - 1)}/{len(data)}"
                data = data[int(first) : int(last) + 1]
            return 206 if given else 200, headers, data[:-7] if lie == "short" else data

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *arguments) -> None:
            """Stay silent: the record is what counts."""

    with serving(Handler) as url:
        liar.url = url
        yield liar
