"""run.json: what was run, with what, over what, and what came out."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform

from mirrorfold.pipelines.lists import joined_lists
from mirrorfold.pipelines.record.masked import masked
from mirrorfold.pipelines.record.metrics import measure
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.record.reread import window_of
from mirrorfold.pipelines.record.steps import digest_of
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain.digests import run_digests
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.output import OutputStore

LIBRARIES = ("apache-beam", "numpy", "obstore", "pillow", "pyarrow")


def code_version() -> str:
    """Give mirrorfold's version."""
    return importlib.metadata.version("mirrorfold")


def library_versions() -> dict[str, str]:
    """Give the versions of what decodes, computes and writes."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return found | {"python": platform.python_version()}


def write_record(
    store: OutputStore,
    request: Request,
    counts: dict[str, int],
    counters: dict[str, dict[str, int]],
    started: datetime.datetime,
    beam_args: tuple[str, ...],
    bytes_read: int | None = None,
) -> None:
    """Write run.json. Wall-clock times, versions and the engine live here, so that no table has to hold them.

    Args:
      bytes_read: of an audit, what it read itself.
    """
    document = json.loads(request.to_json())
    share = request.settings.fingerprint.reread_share
    again = window_of(share, request.previous)
    record = {
        "mirrorfold": code_version(),
        "versions": library_versions(),
        "schemas": {name: table.version for name, table in TABLES.items()},
        "algorithms": algorithms(store),
        "sources": document["sources"],
        "settings": document["settings"],
        "previous": request.previous,
        "policy": request.policy.get("name"),
        "policy_hash": policy_hash(request.policy),
        "input_snapshot": input_snapshot(store),
        "lists": joined_lists(store),
        "digests": run_digests(store),
        "reread": {"share": share, "start": again.start, "end": again.end},
        "counts": counts,
        "counters": counters,
        "metrics": measure(store, bytes_read),
        "engine": masked(beam_args) or ["--runner=FnApiRunner"],
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    store.put("run.json", json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False).encode())


def algorithms(store: OutputStore) -> list[str]:
    """List the signature algorithms that made the contents."""
    found: set[str] = set()
    for block in parquet.table_blocks(store, "contents", ["algorithm"]):
        found.update(block.column("algorithm").unique().to_pylist())
    return sorted(found)


def input_snapshot(store: OutputStore) -> str:
    """Digest what was listed: every object's URI, version, etag and size, in the tables' order."""
    digests = []
    for block in parquet.table_blocks(store, "objects", ["uri", "version", "etag", "size"]):
        digests.append(digest_of(block.to_pydict()))
    return digest_of(digests)
