"""Steps of a run, each committed apart: what is finished is never done again.

A step's commit is a small JSON file under DIR/_work/steps, written after its tables. It names everything the step's
result depends on by a digest, chained to the digests of the steps before it. Running the same command again skips the
steps whose digest stands; a changed setting or policy makes exactly the steps that depend on it run anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import apache_beam as beam
import pyarrow.parquet as pq

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine.receipt import has_receipts
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.progress import Done
from mirrorfold.transforms.stores.output import OutputStore


class Build(Protocol):
    """Compose a pipeline of a run under a root."""

    def __call__(self, root: beam.Pipeline, run: RunContext) -> None: ...


def nothing(_: RunContext) -> None:
    """Depend on nothing, check nothing."""


def no_counts(_: RunContext) -> dict[str, int]:
    """Commit no further counts."""
    return {}


@dataclass(frozen=True)
class Step:
    """One committed step.

    Attributes:
      name: as the progress bar shows it.
      stage: the command that does it.
      builds: its Beam pipelines, run one after the other.
      drive: what it does on the driver, after them.
      writes: tables it writes.
      replaces: tables it rewrites in place with the same rows, so that an earlier step's shards must stay.
      depends: plain values that its result depends on, beside the steps before it.
      counts: further counts to commit.
      aside: later steps don't rest on its digest: what it looks at and they use too they name themselves.
      check: raises `SafetyStop` where going on would be unsafe; the step then isn't committed.
      total: the count that its progress bar runs up to.
      committed: counts what is done so far from DIR, where the work is in other processes or on other hosts.
    """

    name: str
    stage: str
    builds: tuple[Build, ...] = ()
    drive: Callable[[RunContext], None] = nothing
    writes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    depends: Callable[[RunContext], Any] = nothing
    counts: Callable[[RunContext], dict[str, int]] = no_counts
    aside: bool = False
    check: Callable[[RunContext], None] = nothing
    total: str | None = None
    committed: Callable[[RunContext], Done] | None = None


@dataclass
class Ledger:
    """The commits of a run's steps under DIR.

    Attributes:
      base: digest of what the whole run depends on.
      counts: what the steps so far counted.
      skipped: steps that were finished already.
      counters: what the pipelines of each step counted while they worked, by step; retried work counts again.
    """

    store: OutputStore
    base: str
    counts: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    skipped: list[str] = field(default_factory=list)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, step: Step, counters: dict[str, int] | None) -> None:
        """Add what a pipeline of a step counted."""
        found = self.counters.setdefault(step.name, {})
        for name, value in (counters or {}).items():
            found[name] = found.get(name, 0) + value

    def perform(self, step: Step, run: RunContext, execute: Callable[[Step, RunContext], None]) -> None:
        """Do a step, or skip it where its commit stands, and add its counts."""
        digest = digest_of([self.base, self.digest, step.name, step.depends(run), _versions(step)])
        if not step.aside:
            self.digest = digest
        path = f"_work/steps/{step.name}.json"
        committed = self._committed(path, digest)
        if committed is not None:
            self.counts.update(committed["counts"])
            self.counters[step.name] = committed.get("counters", {})
            self.skipped.append(step.name)
            return
        self.store.delete("_SUCCESS")
        self.store.delete(path)
        if not has_receipts(self.store, step.name, self.digest):
            for table in step.writes:
                remove_table(self.store, table)
        execute(step, replace(run, counts=dict(self.counts)))
        found = {table: count_rows(self.store, table) for table in (*step.writes, *step.replaces)} | step.counts(run)
        self.counts.update(found)
        step.check(replace(run, counts=dict(self.counts)))
        commit = {"digest": digest, "counts": found, "counters": self.counters.get(step.name, {})}
        self.store.put(path, json.dumps(commit, indent=1, sort_keys=True).encode())

    def _committed(self, path: str, digest: str) -> dict[str, dict] | None:
        try:
            commit = json.loads(self.store.get(path))
        except FileNotFoundError:
            return None
        return commit if commit["digest"] == digest else None


def committed_counters(store: OutputStore, step: str) -> dict[str, int]:
    """Give what a step's pipelines counted when it was last done; nothing where it wasn't."""
    try:
        return json.loads(store.get(f"_work/steps/{step}.json")).get("counters", {})
    except FileNotFoundError:
        return {}


def digest_of(value: Any) -> str:
    """Digest any plain value: hex SHA-256 of its canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _versions(step: Step) -> dict[str, int]:
    return {name: TABLES[name].version for name in (*step.writes, *step.replaces) if name in TABLES}


def remove_table(store: OutputStore, table: str) -> None:
    """Remove the shards of an unfinished or outdated table of our own."""
    for path in parquet.shards(store, f"{table}/"):
        store.delete(path)


def count_rows(store: OutputStore, table: str) -> int:
    """Count a table's rows from its footers."""
    return sum(_footer_rows(store, path) for path in parquet.shards(store, f"{table}/"))


def _footer_rows(store: OutputStore, path: str) -> int:
    with store.open(path) as file:
        return pq.ParquetFile(file).metadata.num_rows
