"""Verify a finished run: the promises again, from its tables alone."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from mirrorfold.configs.settings import PASSING
from mirrorfold.pipelines import lists
from mirrorfold.pipelines.errors import BrokenPromiseError
from mirrorfold.pipelines.finished import signed
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.rereadings import REREADINGS
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import globs, parquet
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.listing.mets import POINTED_PATH
from mirrorfold.transforms.listing.places import passing_regex
from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn, last_list, plan_name
from mirrorfold.transforms.retain import acceptance, handed, outside, sidecar, verdicts
from mirrorfold.transforms.retain.policy import TierRule, compile_policy, policy_hash
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore, open_output
from mirrorfold.transforms.stores.same_bucket import door_libraries
from mirrorfold.transforms.verify.model import BrokenPromise, Expected, Place
from mirrorfold.transforms.verify.verify import verify_tables

QUEUE = "review/queue/"
_log = logging.getLogger("mirrorfold.verify")


def verify(folder: str) -> list[BrokenPromise]:
    """Check every promise of the run in DIR; nothing found means all are kept.

    Raises:
      ValueError: DIR holds no run whose policy can be read.
    """
    store = open_output(folder)
    policy = read_policy(store)
    broken = [] if store.exists("_SUCCESS") else [BrokenPromise(0, "_SUCCESS", "the run is unfinished: no _SUCCESS")]
    with local_files(store) as files, tempfile.TemporaryDirectory(prefix="mirrorfold-verify-") as work:
        broken += _record(store, policy, files)
        expected = replace(expect(policy, verdicts.read_verdicts(store), store), holds=tuple(lists.hold_lines(store)))
        expected = replace(expected, **_recorded(store), **_handed(store), pointed=_pointed(store))
        if lists.had_catalogue(store):
            asked = tuple(name for name in expected.conflict_review if name not in sidecar.OVERRULED)
            expected = replace(expected, conflict_review=asked)
        with _decided_before(store) as (before, withdrawn, remembered):
            expected = replace(expected, withdrawn=withdrawn, remembered=remembered)
            queue = _local_queue(store, work)
            broken += verify_tables(files, expected, _folder_uri(store), work, queue, before)
    return sorted(broken, key=lambda b: (b.promise, b.table, b.text))


def refuse_broken(folder: str, done: str, *, undo: bool = False) -> None:
    """Refuse to go on with a folder that breaks a promise; nothing is signed or handed out on its word.

    Args:
      done: what is refused, for the message, e.g. "signed".
      undo: what an old plan set aside is to come back: it must be that very plan, but may have been a bad one.

    Raises:
      BrokenPromiseError: the first that is broken, and how many there are.
    """
    store = open_output(folder)
    if undo:
        broken = [b for b in signed.broken_digests(store, json.loads(store.get("run.json"))) if b.table != "verdicts"]
    else:
        broken = verify(folder) + signed.changed_lists(store)
    if broken:
        more = f"; {len(broken) - 1} more: see `mirrorfold verify {folder}`" if len(broken) > 1 else ""
        raise BrokenPromiseError(f"nothing was {done}: {describe(broken[0])}{more}")


def open_whole(folder: str) -> OutputStore:
    """Open a finished run that keeps its promises, for an export of what it says.

    Raises:
      ValueError: the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_output(folder)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then export")
    refuse_broken(folder, "exported")
    return store


def describe(broken: BrokenPromise) -> str:
    """Write a broken promise as one line."""
    where = f"promise {broken.promise}" if broken.promise else "tables"
    example = f", e.g. {json.dumps(broken.examples[0], default=str, ensure_ascii=False)}" if broken.examples else ""
    return f"{where}, {broken.table}: {broken.text} ({broken.rows:,} row{'s' * (broken.rows != 1)}{example})"


def read_policy(store: OutputStore) -> dict:
    """Read policy.yaml, as resolved, from DIR.

    Raises:
      ValueError: it is missing or isn't a policy.
    """
    try:
        policy = yaml.safe_load(store.get("policy.yaml"))
        compile_policy(policy)
    except FileNotFoundError as error:
        raise ValueError(f"{store.url()} holds no run: there is no policy.yaml") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{store.url('policy.yaml')} isn't a resolved policy") from error
    return policy


def expect(policy: dict, said: list[dict], samples: OutputStore | None = None) -> Expected:
    """Say what a policy, the verdicts and DIR's accepted samples ask of the tables, as plain values."""
    compiled = compile_policy(policy)
    if samples is None:
        ruled = verdicts.rule_on(said, compiled.reviewers, compiled.may_review)
    else:
        ruled = acceptance.rule_with_samples(samples, said, compiled)
    return Expected(
        policy_hash=policy_hash(policy),
        min_archival_copies=compiled.min_archival_copies,
        protect=tuple(map(globs.to_regex, compiled.protect)),
        places=tuple(
            Place(s.name, tuple(map(globs.to_regex, s.match)), s.libraries, s.jurisdiction, s.place)
            for s in compiled.scopes
        ),
        fewest=compiled.min_copies(),
        tiers={name: (_unasked(rule), rule.kinds, dict(rule.verification)) for name, rule in compiled.tiers},
        md5=compiled.md5,
        replicas=compiled.replicas,
        lifecycle_unknown=compiled.lifecycle_unknown,
        quarantine_bucket=compiled.quarantine_bucket,
        together={"packages": compiled.packages, "page_runs": compiled.runs, "companions": compiled.companions},
        rulings={pair: (ruling.outcome, ruling.verdicts) for pair, ruling in ruled.items()},
        conflict_review=compiled.conflict_review,
        opened=frozenset(pair for pair, ruling in ruled.items() if ruling.opened),
    )


def _unasked(rule: TierRule) -> str:
    """Name what happens to a tier that nobody decided on: one that waits for an accepted sample goes to people."""
    return "review" if rule.when else rule.action


def _recorded(store: OutputStore) -> dict:
    """Read from run.json which places don't last, and which libraries are seen through a second door."""
    record = _record_of(store)
    specs = tuple(SourceSpec(**spec) for spec in record.get("sources", []))
    passing = record.get("settings", {}).get("listing", {}).get("passing", PASSING)
    looked = tuple((start, tuple(map(globs.to_regex, exclude))) for start, exclude in outside.looked_at(specs))
    doors = tuple(sorted(door_libraries(specs)))
    return {
        "passing": passing_regex(passing),
        "doors": doors,
        "looked": looked,
        "outside": _parquet(store, outside.PATH),
        "in_hands": _parquet(store, handed.USED),
        "lists": pa.concat_tables(rows) if (rows := list(handed.named(store))) else None,
    }


def _pointed(store: OutputStore) -> pa.Table | None:
    """Read what METS documents name, as it was found while listing."""
    return _parquet(store, POINTED_PATH)


def _parquet(store: OutputStore, path: str) -> pa.Table | None:
    return pa.concat_tables(parquet.read_blocks(store, path)) if store.exists(path) else None


def _handed(store: OutputStore) -> dict:
    """Say of which plan a list was handed out last, and whether what it relies on was read again."""
    found = last_list(store)
    return {"plan": plan_name(store), "handed": (found.reread, found.rows, found.wave) if found else None}


def read_again(folder: str) -> str:
    """Say in a line of how many kept copies that this plan's rows name the bytes were read again, and when."""
    store = open_output(folder)
    rows = read_table(store, REREADINGS, ["outcome", "read_at", "plan"])
    rows = rows.filter(pc.equal(rows.column("plan"), plan_name(store)))
    if not rows.num_rows:
        return "no kept copy was read again for this plan yet: `export --what quarantine` does"
    sound = pc.sum(pc.equal(rows.column("outcome"), "same")).as_py()
    first, last = (pc.min_max(rows.column("read_at"))[name].as_py() for name in ("min", "max"))
    when = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    return f"kept copies read again for this plan: {rows.num_rows:,}, of which {sound:,} are sound ({when})"


@contextmanager
def _decided_before(store: OutputStore) -> Iterator[tuple[list[str], bool, pa.Table | None]]:
    """Give the previous run's decisions as local paths, whether its plan was taken back, and what it remembers itself.

    Where that run isn't there any more, what this run remembers of it (`decisions.earlier`) is all there is.
    """
    previous = _record_of(store).get("previous")
    if not previous:
        yield [], False, None
        return
    earlier = open_output(previous)
    paths = parquet.shards(earlier, "decisions/")
    if not paths:
        _log.warning("%s isn't there: what its plan named is checked by this run's own word alone", previous)
    with _fetched(earlier, paths) as found:
        yield found, is_withdrawn(earlier), _parquet(earlier, outside.PATH)


def _record_of(store: OutputStore) -> dict:
    try:
        record = json.loads(store.get("run.json"))
    except (FileNotFoundError, ValueError):
        return {}  # `_record` says so
    return record if isinstance(record, dict) else {}


@contextmanager
def local_files(store: OutputStore) -> Iterator[dict[Table, list[str]]]:
    """Give every table's shards as local paths; a DIR in a bucket is fetched into a temporary folder."""
    paths = {table: parquet.shards(store, f"{name}/") for name, table in TABLES.items()}
    with _fetched(store, [path for found in paths.values() for path in found]) as local:
        here = dict(zip((path for found in paths.values() for path in found), local, strict=True))
        yield {table: [here[path] for path in found] for table, found in paths.items()}


@contextmanager
def _fetched(store: OutputStore, paths: list[str]) -> Iterator[list[str]]:
    if isinstance(store, LocalOutput):
        yield [store.url(path) for path in paths]
        return
    with tempfile.TemporaryDirectory(prefix="mirrorfold-tables-") as folder:
        for path in paths:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with store.open(path) as source, open(os.path.join(folder, path), "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        yield [os.path.join(folder, path) for path in paths]


def _local_queue(store: OutputStore, folder: str) -> list[str]:
    """Give the review queue's files as local paths; those in a bucket are copied below `folder`."""
    paths = [path for path in sorted(store.list(QUEUE)) if path.endswith(".parquet")]
    if isinstance(store, LocalOutput):
        return [store.url(path) for path in paths]
    copies = []
    for path in paths:
        copies.append(os.path.join(folder, path.replace("/", "-")))
        with store.open(path) as source, open(copies[-1], "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return copies


def _folder_uri(store: OutputStore) -> str:
    url = store.url().rstrip("/") + "/"
    return f"file://{url}" if url.startswith("/") else url


def _record(store: OutputStore, policy: dict, files: dict[Table, list[str]]) -> list[BrokenPromise]:
    """Check run.json against the tables and the policy."""
    try:
        record = json.loads(store.get("run.json"))
        counts, said = dict(record["counts"]), record["policy_hash"]
    except FileNotFoundError:
        return [BrokenPromise(0, "run.json", "the run's record is missing")]
    except (ValueError, KeyError, TypeError) as error:
        return [BrokenPromise(0, "run.json", f"the run's record can't be read: {type(error).__name__}")]
    broken = signed.broken_digests(store, record)
    if said != policy_hash(policy):
        broken.append(BrokenPromise(0, "run.json", "policy_hash isn't the hash of policy.yaml"))
    for table, paths in files.items():
        rows = sum(_rows(path) for path in paths)
        if counts.get(table.name, rows) != rows:
            text = f"counts {counts[table.name]:,} rows of {table.name}, there are {rows:,}"
            broken.append(BrokenPromise(1 if table.name in ("objects", "decisions") else 0, "run.json", text))
    return broken


def _rows(path: str) -> int:
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path).num_rows
    except (OSError, ValueError):
        return -1
