"""Stores that ask to slow down: nothing is lost, nothing fails while they serve at all, and what is slowed recovers."""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.pace import PATIENCE, Pace, Prefix, prefix_of
from mirrorfold.transforms.stores.sources import OpenStores
from tests.servers import serving

REFUSALS = {
    "s3": (503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"),
    "gs": (429, b"<Error><Code>TooManyRequests</Code></Error>"),
    "az": (503, b"<Error><Code>ServerBusy</Code></Error>"),
}
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key that Azure's emulators are known by."""


@dataclass
class Throttle:
    """A store whose prefix `slow` serves so many requests a second, in steps of a tenth; others serve all."""

    store: str
    each_second: float = 100
    served: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    tenth: int = -1
    used: int = 0

    def takes(self, prefix: str) -> bool:
        """Tell whether a request is served."""
        with self.lock:
            now = int(time.monotonic() * 10)
            if now != self.tenth:
                self.tenth, self.used = now, 0
            taken = prefix != "slow" or self.used < self.each_second / 10
            self.used += prefix == "slow"
            (self.served if taken else self.refused)[prefix] += 1
            return taken


@pytest.fixture(params=sorted(REFUSALS))
def throttle(request, no_ambient_credentials, monkeypatch) -> Iterator[Throttle]:
    made = Throttle(request.param)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            key = unquote(self.path).split("/bucket/")[1].partition("?")[0]
            status, body = (200, key.encode()) if made.takes(key.split("/")[0]) else REFUSALS[made.store]
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"e"')
            self.send_header("Last-Modified", "Mon, 30 Nov 2026 10:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    with serving(Handler) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        account = f"AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={url}/devstoreaccount1"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{account}")
        yield made


def test_a_store_that_throttles_loses_nothing_and_slows_one_prefix_alone(throttle: Throttle) -> None:
    stores = OpenStores((SourceSpec("l", "live", throttle.store, "bucket", concurrency=16),))

    def read(key: str) -> bytes:
        return stores.read(ObjectRef("l", throttle.store, "bucket", key, "", "", len(key)))

    slow = [f"slow/{number:03d}.jpg" for number in range(150)]
    fast = [f"fast/{number:03d}.jpg" for number in range(150)]
    with ThreadPoolExecutor(16) as pool:
        start = time.monotonic()
        assert list(pool.map(read, slow)) == [key.encode() for key in slow], "nothing lost, no failure"
        took = time.monotonic() - start
        assert list(pool.map(read, fast)) == [key.encode() for key in fast]
    assert throttle.served["slow"] == throttle.served["fast"] == 150
    assert throttle.refused["slow"] > 0
    assert throttle.refused["slow"] < 75, "the sixteen threads learn from one another's refusals"
    assert throttle.refused["fast"] == 0
    assert took < 15 * 150 / throttle.each_second
    stores.close()


class Clock:
    """A time that passes only where somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def throttled(*_) -> None:
    raise StoreError("throttled", "slow down")


def test_what_is_slowed_recovers() -> None:
    clock = Clock()
    prefix = Prefix(64.0, clock, clock.sleep)
    for _ in range(3):
        prefix.slow_down(clock())
        clock.now += 0.001
    assert prefix.rate == 8
    prefix.slow_down(clock() - 1)
    assert prefix.rate == 8, "a request that was on its way before tells nothing new"
    start = clock()
    while prefix.rate < 64:
        prefix.wait()
        prefix.served()
    assert 8 < clock() - start < 20, "five requests a second more with each second"


def test_only_a_prefix_that_answers_nothing_at_all_fails() -> None:
    clock = Clock()
    start = clock()
    with pytest.raises(StoreError, match="slow down"):
        Pace(clock, clock.sleep).send("a/b", throttled)
    assert PATIENCE <= clock() - start < 2 * PATIENCE
    # One answer in a while is enough, however many refusals stand between.
    pace, asked = Pace(clock, clock.sleep), iter(range(10_000))
    for _ in range(20):
        assert pace.send("a/b", lambda: None if next(asked) % 12 == 11 else throttled()) is None


@settings(deadline=None, max_examples=12)
@given(st.lists(st.floats(8, 400), min_size=1, max_size=3), st.integers(1, 6))
def test_workers_share_what_a_prefix_gives(limits: list[float], workers: int) -> None:
    """Play workers of their own pace against limits a second that change: most is used, less refused."""
    clock = Clock()
    paces = [Prefix(200.0, clock, clock.sleep) for _ in range(workers)]
    turns, room = [clock.now] * workers, 0.0
    for limit in limits:
        counts, until = Counter(), clock.now + 120
        while clock.now < until:
            worker = min(range(workers), key=turns.__getitem__)
            passed = max(0.0, turns[worker] - clock.now)
            clock.now += passed
            room = min(limit, room + passed * limit)
            taken = room >= 1
            room -= taken
            counts[taken] += 1
            if taken:
                paces[worker].served()
            else:
                assert paces[worker].slow_down(clock.now)
            turns[worker] = max(clock.now + 1 / paces[worker].rate, turns[worker])
        assert counts[True] > 0.5 * limit * 120
        assert counts[False] < counts[True]


@pytest.mark.parametrize(("key", "prefix"), [("a.jpg", ""), ("a/b.jpg", "a"), ("a/b/c/d.jpg", "a/b"), ("/a.jpg", "")])
def test_a_prefix_is_a_key_s_first_folders(key: str, prefix: str) -> None:
    assert prefix_of(key) == prefix
