"""What lies in a finished run's folder: show it, bring older tables to today's schemas, drop what is needed no more."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.lock import SERVE_LOCK, lock_output
from mirrorfold.pipelines.record.previous import read_record
from mirrorfold.pipelines.record.run_record import code_version
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.table import Table
from mirrorfold.schemas.upgrades import UPGRADES, leads_up
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.retain.digests import run_digests
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore, open_output

WORKING = ("_work/listing/", "_work/fingerprints/", "_work/match/")
"""What a run that was killed goes on from: a finished one needs it no more."""


@dataclass(frozen=True)
class TableState:
    """One table of a folder.

    Attributes:
      version: of its schema; None where the folder doesn't have the table.
      behind: an older version or fewer columns than ours.
    """

    name: str
    version: int | None
    rows: int
    shards: int
    behind: bool


def states(folder: str) -> list[TableState]:
    """Say of every table which version it has, how many rows and shards, and whether it is behind.

    Raises:
      UsageError: no finished run lies there.
    """
    read_record(folder)
    store = open_output(folder)
    return [_state(store, table) for table in TABLES.values()]


def _state(store: OutputStore, table: Table) -> TableState:
    paths = parquet.shards(store, f"{table.name}/")
    rows, versions, columns = 0, set(), True
    for path in paths:
        with store.open(path) as file:
            shard = pq.ParquetFile(file)
            rows += shard.metadata.num_rows
            versions.add(_version(shard.schema_arrow))
            columns = columns and shard.schema_arrow.names == table.schema.names
    version = min(versions) if versions else None
    return TableState(table.name, version, rows, len(paths), bool(paths) and (version != table.version or not columns))


def _version(schema: pa.Schema) -> int:
    return int((schema.metadata or {}).get(b"mirrorfold.version", b"1"))


def upgrade(folder: str) -> list[str]:
    """Bring a finished run's tables to today's schemas, shard by shard, and name those that were behind.

    A shard is replaced whole, and run.json last: after an interruption the same command goes on. No image is read, and
    nothing is decided again. Sign-offs are bound to the bytes that were signed: they are asked for anew.

    Raises:
      UsageError: no finished run lies there, another is at work in it, or a step between versions is missing.
    """
    store = open_output(folder)
    with lock_output(store):
        record = read_record(folder)
        behind = [state for state in states(folder) if state.behind]
        for state in behind:
            _check_steps(folder, state)
        for state in behind:
            for path in parquet.shards(store, f"{state.name}/"):
                _upgrade_shard(store, TABLES[state.name], path)
        there = {name: TABLES[name].version for name in record["schemas"] if name in TABLES}
        if behind or there != record["schemas"]:
            record |= {"schemas": there, "upgraded_by": code_version(), "digests": run_digests(store)}
            store.put("run.json", json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False).encode())
    return [state.name for state in behind]


def _check_steps(folder: str, state: TableState) -> None:
    ours = TABLES[state.name].version
    version = state.version or ours
    if not leads_up(state.name, version, ours):
        raise UsageError(
            f"{folder} has version {version} of the table {state.name}, this mirrorfold writes {ours} and can't turn "
            "the one into the other: use the mirrorfold that wrote it, or run the sources anew"
        )


def _upgrade_shard(store: OutputStore, table: Table, path: str) -> None:
    with store.open(path) as file:
        rows = pq.read_table(file)
    for version in range(_version(rows.schema), table.version):
        rows = UPGRADES[table.name, version](rows)
    rows = ipc.sort_rows(ipc.conform(rows, table.schema), table.order)
    store.put(path, parquet.to_parquet(rows.cast(table.versioned_schema)))


def compact(folder: str) -> tuple[int, int]:
    """Remove the working files of a finished run; give how many files and bytes they were.

    Tables need no compacting: every run writes them whole, in as many shards as their rows ask for.

    Raises:
      UsageError: the run isn't finished, or is at work.
    """
    store = open_output(folder)
    with lock_output(store):
        read_record(folder)
        paths = [path for prefix in WORKING for path in store.list(prefix)]
        size = sum(_size(store, path) for path in paths)
        for path in paths:
            store.delete(path)
    return len(paths), size


def _size(store: OutputStore, path: str) -> int:
    with store.open(path) as file:
        return file.seek(0, 2)


def unlock(folder: str) -> str | None:
    """Remove the lock that a dead run left in a bucket; say whose it was, None where there is none.

    Raises:
      UsageError: the folder is local, where the kernel frees the lock.
    """
    store = open_output(folder)
    if isinstance(store, LocalOutput):
        raise UsageError(f"{folder} is a local folder: its lock ends with the process that holds it")
    # Both bring a cloud's SDK with them.
    from mirrorfold.pipelines.record.lock_bucket import PATH, remove_lock
    from mirrorfold.transforms.stores.output_cloud import CloudOutput

    assert isinstance(store, CloudOutput), store
    owners = [remove_lock(store, path) for path in (PATH, SERVE_LOCK)]
    return "; ".join(filter(None, owners)) or None
