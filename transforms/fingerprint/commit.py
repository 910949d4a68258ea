"""Commit each shard's result once, atomically, named by what it was made from: a re-run goes on from there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES, STORE_CODES
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.shard import ShardResult, join_results
from mirrorfold.transforms.fingerprint.version import ALGORITHM
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "_work/fingerprints/"
_COUNTS = re.compile(r"-(\d+)-(\d+)\.arrows$")


def commit_path(plan: pa.Table, options: FingerprintOptions) -> str:
    """Name a shard's commit by a digest of its plan, the algorithm and schema versions, and the budgets.

    Its objects and bytes follow the digest, so that a listing tells how far a step is, wherever its workers are.
    """
    found = hashlib.sha256(repr((ALGORITHM, CONTENTS.version, FAILURES.version, options.identity())).encode())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plan.schema.remove_metadata()) as writer:
        writer.write_table(plan.combine_chunks().replace_schema_metadata(None))
    found.update(sink.getvalue())
    size = pc.sum(plan.column("size")).as_py() or 0
    return f"{FOLDER}{found.hexdigest()}-{plan.num_rows}-{size}.arrows"


def committed(output: OutputStore) -> Done:
    """Add up what the committed shards hold."""
    counts = [found.groups() for path in output.list(FOLDER) if (found := _COUNTS.search(path))]
    return Done(sum(int(objects) for objects, _ in counts), sum(int(size) for _, size in counts))


def pack(result: ShardResult) -> bytes:
    """Write a result: three length-prefixed Arrow streams."""
    parts = [ipc.to_bytes(block) for block in result]
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def unpack(data: bytes) -> ShardResult:
    """Read what `pack` wrote."""
    blocks, at = [], 0
    for _ in ShardResult._fields:
        length = int.from_bytes(data[at : at + 8], "little")
        blocks.append(ipc.from_bytes(data[at + 8 : at + 8 + length]))
        at += 8 + length
    return ShardResult(*blocks)


def perform(
    plan: pa.Table,
    output: OutputStore,
    options: FingerprintOptions,
    work: Callable[[pa.Table], ShardResult],
    skipped: Callable[[int, int], None] = lambda objects, size: None,
) -> ShardResult:
    """Do a shard unless its commit stands; objects that failed at the store are tried again.

    Args:
      work: fingerprints a block of the plan.
      skipped: told (objects, bytes) that needn't be done.
    """
    path = commit_path(plan, options)
    try:
        result = unpack(output.get(path))
    except FileNotFoundError:
        result = work(plan)
    else:
        again = _failed_at_store(plan, result)
        skipped(plan.num_rows - again.num_rows, pc.sum(plan.column("size")).as_py() or 0)
        if not again.num_rows:
            return result
        kept = result.failures.filter(pc.invert(_store_failures(result)))
        result = join_results(result._replace(failures=kept), work(again))
    output.put(path, pack(result))
    return result


def _store_failures(result: ShardResult) -> pa.ChunkedArray:
    return pc.is_in(result.failures.column("error"), pa.array(sorted(STORE_CODES)))


def _failed_at_store(plan: pa.Table, result: ShardResult) -> pa.Table:
    failed = result.failures.filter(_store_failures(result))
    keys = set(zip(failed.column("uri").to_pylist(), failed.column("version").to_pylist(), strict=True))
    mask = [key in keys for key in zip(plan.column("uri").to_pylist(), plan.column("version").to_pylist(), strict=True)]
    return plan.filter(pa.array(mask, pa.bool_()))
