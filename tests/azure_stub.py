"""A read-only Azure Blob for what Azurite neither keeps nor shows: versions, soft delete, holds, immutability."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.servers import serving

_TIME = "Fri, 02 Jan 2026 03:04:05 GMT"


@dataclass
class StubBlob:
    """One state of a blob: `outer` stands beside its name, `more` among its properties, as List Blobs states them."""

    name: str
    data: bytes = b"x"
    version: str = ""
    outer: str = ""
    more: str = ""

    def xml(self, included: set[str]) -> str:
        """Give its entry, with what was asked for alone."""
        etag, md5 = self.etag, base64.b64encode(hashlib.md5(self.data).digest()).decode()
        more = self.more if {"legalhold", "immutabilitypolicy", "deleted"} <= included else ""
        outer = f"<VersionId>{self.version}</VersionId>" if self.version and "versions" in included else ""
        return (
            f"<Blob><Name>{escape(self.name)}</Name>{outer}{self.outer}<Properties>"
            f"<Last-Modified>{_TIME}</Last-Modified><Etag>{etag}</Etag><Content-Length>{len(self.data)}</Content-Length>"
            f"<Content-MD5>{md5}</Content-MD5><BlobType>BlockBlob</BlobType><AccessTier>Cool</AccessTier>{more}"
            "</Properties></Blob>"
        )

    @property
    def etag(self) -> str:
        """Give its ETag."""
        return "0x" + hashlib.md5(self.data + self.version.encode()).hexdigest()[:15].upper()


@dataclass
class AzureStub:
    """A running stub: one container, its own headers, and what listings may not be asked to include."""

    blobs: list[StubBlob] = field(default_factory=list)
    container: dict[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    refuse: tuple[int, str] | None = None
    page: int = 5000
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def azure_stub() -> Iterator[AzureStub]:
    """Serve a stub; signatures aren't checked."""
    stub = AzureStub()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            stub.requests.append((self.command, self.path))
            target = urlsplit(self.path)
            query = parse_qs(target.query, keep_blank_values=True)
            status, headers, data = self.found(unquote(target.path).split("/", 3)[3:], query)
            self.send_response_only(status)
            for name, value in {"Last-Modified": _TIME, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def found(self, name: list[str], query: dict) -> tuple[int, dict[str, str], bytes]:
            if stub.refuse:
                return error(*stub.refuse)
            if query.get("comp") == ["list"]:
                return self.listing(query)
            if query.get("restype") == ["container"]:
                return 200, {"ETag": '"0x1"', **stub.container}, b""
            version = query.get("versionid", [""])[0]
            for blob in stub.blobs:
                if name == [blob.name] and version in ("", blob.version):
                    headers = {"ETag": f'"{blob.etag}"', "x-ms-blob-type": "BlockBlob", "x-ms-version-id": blob.version}
                    return 200, headers, blob.data
            return error(404, "BlobNotFound")

        def listing(self, query: dict) -> tuple[int, dict[str, str], bytes]:
            included = {part for text in query.get("include", []) for part in text.split(",")}
            if included & stub.unknown:
                return error(400, "InvalidQueryParameterValue")
            start, limit = int(query.get("marker", ["0"])[0]), min(stub.page, int(query["maxresults"][0]))
            shown = "".join(blob.xml(included) for blob in stub.blobs[start:][:limit])
            marker = str(start + limit) if start + limit < len(stub.blobs) else ""
            text = f"<Blobs>{shown}</Blobs><NextMarker>{marker}</NextMarker>"
            head = '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="c">'
            return 200, {"Content-Type": "application/xml"}, f"{head}{text}</EnumerationResults>".encode()

        do_GET = do_HEAD = do_PUT = do_DELETE = answer

        def log_message(self, *arguments) -> None:
            """Stay silent: the record is what counts."""

    with serving(Handler) as url:
        stub.url = f"{url}/account"
        yield stub


def error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    """Make a refusal as Azure words it."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return status, {"x-ms-error-code": code, "Content-Type": "application/xml"}, text.encode()
