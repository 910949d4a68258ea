"""Hold a plan against two inventory reports: CPU seconds of the whole command.

    python -m benchmarks.bench_reconcile [--objects 1e6]

A bucket of half the objects, one in ten of them set aside, and its copy elsewhere, both as S3 Inventory in Parquet with
MD5 ETags. One object in a thousand didn't arrive and one in a thousand is other bytes; the bench fails unless exactly
these are named.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.cpu import cpu_seconds
from mirrorfold.configs.policy import resolve_policy
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.retain.digests import run_digests
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.output import LocalOutput

EVERY = 1_000
WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RUN = "import sys; from mirrorfold.pipelines.commands.cli import main; main()"


def rows_of(table: Table, count: int, **given) -> pa.Table:
    """Make rows from columns and constants; what isn't given is null or empty."""

    def column(field: pa.Field):
        value = given.get(field.name)
        if isinstance(value, list):
            return pa.array(value, field.type)
        if value is None and not field.nullable:
            value = [] if pa.types.is_list(field.type) else False if pa.types.is_boolean(field.type) else 0
            value = "" if pa.types.is_string(field.type) else value
        return pa.array([value] * count, field.type)

    return pa.table([column(field) for field in table.schema], schema=table.schema)


def write_plan(folder: Path, count: int) -> None:
    """Write a finished plan of `count` objects in s3://old, each tenth of them set aside for the one before it."""
    keys = [f"{n % 97:02d}/{n:09d}.tif" for n in range(count)]
    goes = [n % 10 == 9 for n in range(count)]
    ids = [hashlib.sha256(str(n - goes[n]).encode()).hexdigest() for n in range(count)]
    etags = [hashlib.md5(str(n - goes[n]).encode()).hexdigest() for n in range(count)]
    shared = {"uri": [f"s3://old/{key}" for key in keys], "etag": etags, "library": "old", "storage_class": "STANDARD",
              "size": [1000 + n - goes[n] for n in range(count)], "content_id": ids}  # fmt: skip
    objects = rows_of(
        OBJECTS, count, **shared, store="s3", bucket="old", key=keys, hold="no", is_latest=True, md5=etags
    )
    action = ["quarantine" if gone else "keep" for gone in goes]
    decisions = rows_of(DECISIONS, count, **shared, action=action, rule="identical", reason="")
    output, policy = LocalOutput(str(folder)), resolve_policy("version: 1\n", "p.yaml")
    for table, rows in ((OBJECTS, objects), (DECISIONS, decisions)):
        write_shard(output, table, sort_rows(rows, table.order), 0, 1)
    output.put("policy.yaml", yaml.safe_dump(policy).encode())
    record = {"policy_hash": policy_hash(policy), "counts": {}, "digests": run_digests(output)}
    output.put("run.json", json.dumps(record).encode())
    output.put("_SUCCESS", b"")


def write_report(folder: Path, bucket: str, numbers: list[int], other: set[int]) -> str:
    """Write an inventory of a bucket; `other` are bytes that somebody changed. Give its manifest's path."""
    base = [n - (n % 10 == 9) for n in numbers]
    table = pa.table(
        {
            "bucket": [bucket] * len(numbers),
            "key": [f"{n % 97:02d}/{n:09d}.tif" for n in numbers],
            "size": [1000 + b for b in base],
            "last_modified_date": pa.array([WHEN] * len(numbers), pa.timestamp("ms")),
            "e_tag": [
                hashlib.md5(f"{b}{'x' * (n in other)}".encode()).hexdigest() for n, b in zip(numbers, base, strict=True)
            ],
            "encryption_status": ["SSE-S3"] * len(numbers),
        }
    )
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "data.parquet")
    digest = hashlib.md5((folder / "data.parquet").read_bytes()).hexdigest()
    manifest = {
        "sourceBucket": bucket, "destinationBucket": "arn:aws:s3:::reports", "version": "2016-11-30",
        "creationTimestamp": "1767225600000", "fileFormat": "Parquet", "fileSchema": "message s3.inventory {}",
        "files": [{"key": "data.parquet", "size": 1, "MD5checksum": digest}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "manifest.checksum").write_text(hashlib.md5((folder / "manifest.json").read_bytes()).hexdigest())
    return f"s3-inventory+{folder / 'manifest.json'}"


def main() -> None:
    """Make a plan and two reports, and reconcile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=float, default=1e6, help="in both reports together")
    count = int(parser.parse_args().objects) // 2
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_plan(root / "out", count)
        kept = [n for n in range(count) if n % 10 != 9]
        lost, other = {n for n in kept if n % EVERY == 1}, {n for n in kept if n % EVERY == 2}
        old = write_report(root / "old", "old", list(range(count)), set())
        new = write_report(root / "new", "new", [n for n in kept if n not in lost], other)
        command = [sys.executable, "-c", RUN, "reconcile", f"{root}/out", old, new, "--sample", "0", "-q"]
        spent = cpu_seconds(command)
        told = json.loads((root / "out" / "reconciliation.json").read_text())
        expected = {"arrived": len(kept) - len(lost) - len(other), "waiting": count - len(kept), "missing": len(lost),
                    "changed": len(other)}  # fmt: skip
        if told["counts"] != expected or told["nowhere"]:
            raise SystemExit(f"{told['counts']} instead of {expected}, {told['nowhere']} nowhere")
        faults = len(lost) + len(other)
        print(f"{2 * count:,} objects in two reports: {spent:.0f} CPU seconds, every one of {faults:,} faults named")


if __name__ == "__main__":
    main()
