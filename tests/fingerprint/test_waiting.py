"""Latency is hidden by threads that wait together, as many as the source allows and no more."""

from __future__ import annotations

import http.server
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.crew import Crew
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.sources import OpenStores
from tests.fingerprint.worlds import MemoryStores, encode, inline, listing, photo


class Waiting:
    """Counts who waits at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    def wait(self, *_: object) -> None:
        """Wait as one does for a distant store."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.1)
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize("decoders", [1, 2])
@pytest.mark.parametrize("threads", [1, 16, 32])
def test_all_threads_of_a_shard_wait_for_the_store_together(threads, decoders):
    data, waiting = encode(photo(size=(64, 48)), "JPEG"), Waiting()
    stores = MemoryStores({f"mem://b/{number}.jpg": data + bytes([number]) for number in range(96)})
    stores.before_read = waiting.wait
    options = FingerprintOptions(threads=threads)
    (shard,) = plan.cut_shards(plan.readable(listing(stores.contents), options), options, 200)
    fingerprint_shard(shard.slice(0, 3 * threads), stores, inline, options, crew=Crew(decoders))
    assert 0.7 * threads <= waiting.most <= threads


@pytest.mark.parametrize("allowed", [1, 3])
def test_a_source_is_never_asked_for_more_at_once_than_it_allows(allowed, no_ambient_credentials, monkeypatch):
    waiting = Waiting()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            waiting.wait()
            self.send_response(200)
            self.send_header("Content-Length", "1")
            self.send_header("ETag", '"e"')
            self.send_header("Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT")
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        stores = OpenStores((SourceSpec("l", "live", "s3", "b", concurrency=allowed),))
        refs = [ObjectRef("l", "s3", "b", key, "", "e", 1) for key in ("1", "2", "3", "4", "odd//5", "odd//6")]
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(stores.read, refs)) == [b"x"] * 6
        stores.close()
        server.shutdown()
    assert waiting.most == allowed
