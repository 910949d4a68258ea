"""A read-only GCS for what no emulator shows: holds, retention, composites without MD5, preconditions."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import http.server
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.servers import serving

_TIME = "2026-01-02T03:04:05.678Z"


@dataclass
class StubObject:
    """One generation of an object: its bytes and metadata as the JSON API states it."""

    name: str
    data: bytes
    generation: int
    more: dict[str, Any] = field(default_factory=dict)

    def metadata(self, bucket: str) -> dict[str, Any]:
        """Give the object resource; a key of `more` set to None is left out, as md5Hash is for composites."""
        found: dict[str, Any] = {
            "kind": "storage#object",
            "name": self.name,
            "bucket": bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.data)),
            "md5Hash": base64.b64encode(hashlib.md5(self.data).digest()).decode(),
            "etag": f"E{self.generation}",
            "storageClass": "STANDARD",
            "timeCreated": _TIME,
            "updated": _TIME,
            "contentType": "image/jpeg",
            **self.more,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass
class GcsStub:
    """A running stub: one bucket, whose objects a test sets, and the page size it serves."""

    bucket: str = "stub"
    url: str = ""
    objects: list[StubObject] = field(default_factory=list)
    page: int = 1000
    refuse: int | None = None
    lifecycle: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, data: bytes = b"x", **more: Any) -> StubObject:
        """Add an object, or a newer generation of it (the older becomes noncurrent)."""
        for found in self.objects:
            if found.name == name:
                found.more.setdefault("timeDeleted", _TIME)
        made = StubObject(name, data, 1_700_000_000_000_000 + len(self.objects), more)
        self.objects.append(made)
        return made

    def find(self, name: str, generation: str | None) -> StubObject | None:
        """Find a generation, or the current one."""
        for found in reversed(self.objects):
            if found.name == name and generation in (None, str(found.generation)):
                if generation is None and "timeDeleted" in found.more:
                    return None
                return found
        return None


@contextlib.contextmanager
def gcs_stub() -> Iterator[GcsStub]:
    """Serve a stub until the block ends."""
    stub = GcsStub()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stub.requests.append((self.command, self.path))
            stub.headers.append({name.lower(): value for name, value in self.headers.items()})
            path, _, query = self.path.partition("?")
            asked = dict(urllib.parse.parse_qsl(query))
            if stub.refuse is not None:
                return self.answer(stub.refuse, {"error": {"code": stub.refuse, "message": "refused", "errors": []}})
            json_api = f"/storage/v1/b/{stub.bucket}/o"
            if path == json_api.removesuffix("/o"):
                return self.answer(200, {"kind": "storage#bucket", "name": stub.bucket, "lifecycle": stub.lifecycle})
            if path == json_api:
                return self.answer(200, listing(stub, asked))
            for prefix in (f"{json_api}/", f"/download{json_api}/", f"/{stub.bucket}/"):
                if path.startswith(prefix):
                    media = prefix != f"{json_api}/" or asked.get("alt") == "media"
                    return self.give(urllib.parse.unquote(path.removeprefix(prefix)), asked, media)
            return self.answer(404, {"error": {"code": 404, "message": "The specified bucket does not exist."}})

        def give(self, name: str, asked: dict[str, str], media: bool) -> None:
            found = stub.find(name, asked.get("generation"))
            if found is None:
                return self.answer(404, {"error": {"code": 404, "message": "No such object"}})
            if asked.get("ifGenerationMatch") not in (None, str(found.generation)):
                return self.answer(412, {"error": {"code": 412, "message": "conditionNotMet"}})
            if not media:
                return self.answer(200, found.metadata(stub.bucket))
            return self.send_bytes(found)

        def send_bytes(self, found: StubObject) -> None:
            data, status, span = found.data, 200, None
            packed = found.more.get("contentEncoding") == "gzip"
            if packed and "gzip" not in self.headers.get("Accept-Encoding", ""):
                data = gzip.decompress(data)  # decompressive transcoding, as the documents call it: the whole, whatever
            elif asked := self.headers.get("Range"):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last or len(data)) + 1, len(data))
                data, status, span = data[start:stop], 206, f"bytes {start}-{stop - 1}/{len(found.data)}"
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("x-goog-generation", str(found.generation))
            self.send_header("ETag", f'"E{found.generation}"')
            self.send_header("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
            if span:
                self.send_header("Content-Range", span)
            self.end_headers()
            self.wfile.write(data)

        def answer(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments) -> None:
            """Stay silent."""

    with serving(Handler) as url:
        stub.url = url
        yield stub


def listing(stub: GcsStub, asked: dict[str, str]) -> dict[str, Any]:
    """Answer objects.list: by name, then generation, in pages."""
    named = sorted(stub.objects, key=lambda found: (found.name.encode(), found.generation))
    named = [
        found
        for found in named
        if found.name.startswith(asked.get("prefix", ""))
        and found.name.encode() >= asked.get("startOffset", "").encode()
        and (asked.get("versions", "").lower() == "true" or "timeDeleted" not in found.more)
    ]
    start = int(asked.get("pageToken", 0))
    stop = start + min(stub.page, int(asked.get("maxResults", stub.page)))
    items = [found.metadata(stub.bucket) for found in named[start:stop]]
    more = {"nextPageToken": str(stop)} if stop < len(named) else {}
    return {"kind": "storage#objects", "items": items, **more}
