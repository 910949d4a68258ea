"""Threads follow what fetching costs beside decoding."""

from __future__ import annotations

import threading
import time

import pytest

from mirrorfold.transforms.fingerprint import crew as module
from mirrorfold.transforms.fingerprint.crew import Crew


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("fetch", "decode", "threads"),
    [
        pytest.param(0.0001, 0.002, 2, id="a folder in memory: as many as decode"),
        pytest.param(0.002, 0.002, 4, id="as long to fetch as to decode: twice as many"),
        pytest.param(0.050, 0.002, 16, id="a distant store: all that are allowed"),
    ],
)
def test_threads_follow_the_times(clock, fetch, decode, threads):
    crew = Crew(2)
    assert crew.threads(16) == 2, "before anything is known, no more than decode"
    for _ in range(200):
        with crew.fetching():
            clock[0] += fetch
        with crew.decoding():
            clock[0] += decode
    assert crew.threads(16) == threads
    assert crew.threads(1) == 1


def test_no_more_decode_than_may():
    crew, inside, most = Crew(2), [], []

    def decode():
        with crew.decoding():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=decode) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 2


def test_a_decoder_that_raises_gives_its_right_back():
    crew = Crew(1)
    with pytest.raises(OSError, match="broken"), crew.decoding():
        raise OSError("broken")
    with crew.decoding():
        pass
