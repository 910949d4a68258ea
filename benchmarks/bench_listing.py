"""Listing: rows per CPU second from inventory reports, and how a bucket is shared out, against a yardstick in the run.

python benchmarks/bench_listing.py [--quick]
"""

from __future__ import annotations

import argparse
import bisect
import datetime
import hashlib
import json
import resource
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

from mirrorfold.transforms.listing.inventory import list_report
from mirrorfold.transforms.listing.manifest import read_manifest
from mirrorfold.transforms.listing.pages import Page
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.listing.raw import write_unit
from mirrorfold.transforms.listing.steal import list_range
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput


def report(rows: int, seed: int = 7) -> pa.Table:
    """Make rows as S3 Inventory writes them in Parquet, with the columns that its users choose most."""
    random = np.random.default_rng(seed)
    digests = random.integers(0, 256, (rows, 16), dtype=np.uint8)
    folders = random.integers(0, 400, rows)
    epoch = 1_600_000_000_000 + random.integers(0, 10**11, rows)
    return pa.table(
        {
            "bucket": pa.repeat("archive", rows),
            "key": [f"照片/{folder:03d}/IMG_{number:09d}.jpg" for number, folder in enumerate(folders.tolist())],
            "version_id": pa.nulls(rows, pa.string()),
            "is_latest": pa.repeat(True, rows),
            "is_delete_marker": pa.repeat(False, rows),
            "size": random.integers(1_000, 10_000_000, rows),
            "last_modified_date": pa.array(epoch, pa.timestamp("ms")),
            "e_tag": [digest.tobytes().hex() for digest in digests],
            "storage_class": pa.array(random.choice(["STANDARD", "STANDARD_IA", "GLACIER"], rows)),
            "is_multipart_uploaded": pa.repeat(False, rows),
            "replication_status": pa.nulls(rows, pa.string()),
            "encryption_status": pa.repeat("SSE-S3", rows),
            "object_lock_retain_until_date": pa.nulls(rows, pa.timestamp("ms")),
            "object_lock_mode": pa.nulls(rows, pa.string()),
            "object_lock_legal_hold_status": pa.nulls(rows, pa.string()),
            "checksum_algorithm": pa.nulls(rows, pa.string()),
        }
    )


def write_report(folder: Path, table: pa.Table, kind: str) -> SourceSpec:
    """Lay a report out as S3 does, with its checksums."""
    data = folder / f"data.{kind}"
    (orc.write_table if kind == "orc" else pq.write_table)(table, data)
    found = data.read_bytes()
    file = {"key": data.name, "size": len(found), "MD5checksum": hashlib.md5(found).hexdigest()}
    manifest = folder / "manifest.json"
    manifest.write_text(
        json.dumps(
            {
                "sourceBucket": "archive",
                "destinationBucket": "arn:aws:s3:::reports",
                "fileFormat": kind,
                "fileSchema": "",
                "files": [file],
            }
        )
    )
    (folder / "manifest.checksum").write_text(hashlib.md5(manifest.read_bytes()).hexdigest())
    return SourceSpec("lib", "s3-inventory", "s3", "archive", manifest=str(manifest))


def cpu(work: Callable[[], object]) -> float:
    """Measure the CPU seconds of this process that a call takes, the better of two."""
    seconds = []
    for _ in range(2):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def drain(blocks: Iterable[pa.Table]) -> int:
    """Take blocks and let them go."""
    return sum(block.num_rows for block in blocks)


def bare_read(path: str, kind: str) -> int:
    """Read a file's columns and do nothing with them."""
    if kind == "orc":
        return orc.ORCFile(path).read().num_rows
    return sum(batch.num_rows for batch in pq.ParquetFile(path).iter_batches())


def bench_reports(rows: int) -> None:
    """Print rows per CPU second and the ratio to a bare read of the same file."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    table = report(rows)
    for kind in ("parquet", "orc"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spec = write_report(folder, table, kind)
            (file,) = read_manifest(spec).files

            def read(spec=spec, file=file) -> Iterable[pa.Table]:
                return list_report(spec, 0, file, None, now)

            bare = cpu(lambda file=file, kind=kind: bare_read(file.place, kind))
            rows_only = cpu(lambda read=read: drain(read()))
            written = cpu(lambda read=read, folder=folder: write_unit(LocalOutput(str(folder)), "unit", "lib", read()))
            print(f"{kind}: {rows / rows_only:,.0f} rows per CPU s, {rows_only / bare:.1f} x a bare read (MD5 checked)")
            print(f"{kind}, written as raw blocks: {rows / written:,.0f} rows per CPU s")


def bench_memory(rows: int) -> None:
    """Print how far the peak of memory grows from a report to one three times its size."""
    peaks = []
    for size in (rows, 3 * rows):
        with tempfile.TemporaryDirectory() as name:
            spec = write_report(Path(name), report(size), "parquet")
            pa.default_memory_pool().release_unused()
            before = pa.total_allocated_bytes()
            most = 0
            for block in list_report(spec, 0, read_manifest(spec).files[0], None):
                most = max(most, pa.total_allocated_bytes() - before)
                del block
            peaks.append(most)
    print(f"Arrow memory at its peak: {peaks[0] / 1e6:.0f} MB, and {peaks[1] / peaks[0]:.2f} x for 3 x the rows")


class SlowBucket:
    """A bucket in memory whose pages take as long as a distant store's."""

    def __init__(self, keys: list[str], seconds: float):
        self.keys, self.seconds = sorted(keys), seconds
        self.requests: Counter = Counter()

    def _after(self, key: str | None) -> int:
        return 0 if key is None else bisect.bisect_right(self.keys, key)

    def probe(self, after: str | None) -> str | None:
        self.requests["probe"] += 1
        threading.Event().wait(self.seconds)
        at = self._after(after)
        return self.keys[at] if at < len(self.keys) else None

    def page(self, after: str | None, token: int | None) -> Page:
        self.requests["page"] += 1
        threading.Event().wait(self.seconds)
        at = self._after(after) if token is None else token
        entries = self.keys[at : at + 1000]
        return Page(entries, entries[-1] if entries else None, at + 1000 if at + 1000 < len(self.keys) else None)

    def key(self, entry: str) -> str:
        return entry

    def rows(self, entries: list[str]) -> pa.Table:
        return pa.table({"key": entries})


def bench_ranges(keys: int) -> None:
    """Print how much sooner threads that take each other's work list a skewed bucket, and what it costs in requests."""
    names = [f"archive/2019/{number:07d}.jpg" for number in range(keys * 9 // 10)]
    names += [f"档案/{chr(0x4E00 + number % 700)}/{number}" for number in range(keys // 10)]
    clocks = {}
    for threads in (1, 8, 32):
        bucket = SlowBucket(names, 0.03)
        started = time.perf_counter()
        found = drain(list_range(bucket, KeyRange(), threads))
        clocks[threads] = time.perf_counter() - started
        more = sum(bucket.requests.values()) / -(-len(names) // 1000)
        print(
            f"{threads} threads: {clocks[1] / clocks[threads]:.1f} x sooner, {more:.2f} x the requests, {found:,} keys"
        )


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    bench_reports(200_000 if quick else 1_000_000)
    bench_memory(100_000 if quick else 500_000)
    bench_ranges(100_000 if quick else 300_000)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of this process, fixtures included: {own:,.0f} MiB")


if __name__ == "__main__":
    main()
