"""What a worker may take at most: bytes in flight, and sandboxes times their address space."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from tests.fingerprint.worlds import MemoryStores, encode, inline, listing, photo

SPACE = 2_600 << 20


@pytest.mark.parametrize("size", [1, 2])
def test_a_pool_has_no_more_processes_than_its_size_and_each_its_address_space(size):
    pool, data = SandboxPool(size, SPACE, 60), encode(photo(size=(300, 200)), "TIFF")
    seen: dict[int, int] = {}
    with ThreadPoolExecutor(6) as threads:
        jobs = [threads.submit(pool.run, "tiff", data, Limits(10**8, 4, SPACE)) for _ in range(12)]
        while not all(job.done() for job in jobs):
            seen.update(sandboxes())
            time.sleep(0.02)
    seen.update(sandboxes())
    pool.close()
    assert {job.result().width for job in jobs} == {300}
    assert 0 < len(seen) <= size
    assert set(seen.values()) == {SPACE}


def sandboxes() -> dict[int, int]:
    """Give the address space that each of this process's sandboxes may take; one that still starts isn't bound yet."""
    found = {}
    for children in Path("/proc/self/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                limits = Path(f"/proc/{child}/limits").read_text().splitlines()
            except OSError:
                continue
            stated = next(line for line in limits if line.startswith("Max address space")).split()[3]
            if b"sandbox_worker" in command and stated != "unlimited":
                found[child] = int(stated)
    return found


def test_bytes_in_flight_stay_within_their_budget():
    data = encode(photo(size=(400, 300)), "JPEG")
    contents = {f"mem://b/{number}.jpg": data + bytes([number]) for number in range(24)}
    held, most, lock = 0, 0, threading.Lock()

    def decoder(found: bytes):
        nonlocal held, most
        with lock:
            held += len(found)
            most = max(most, held)
        time.sleep(0.01)
        picture = inline(found)
        with lock:
            held -= len(found)
        return picture

    options = FingerprintOptions(threads=8, flight_bytes=3 * (len(data) + 1))
    (shard,) = plan.cut_shards(plan.readable(listing(contents), options), options, 100)
    result = fingerprint_shard(shard, MemoryStores(contents), decoder, options)
    assert result.contents.num_rows == len(contents)
    assert len(data) < most <= options.flight_bytes
