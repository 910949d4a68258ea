"""The run before this one: whether it can be built upon, and what of it holds."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from functools import lru_cache

import apache_beam as beam
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.run_record import code_version, library_versions
from mirrorfold.pipelines.record.steps import digest_of
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.upgrades import leads_up
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.wiring import ReadTable
from mirrorfold.transforms.fingerprint.version import ALGORITHM
from mirrorfold.transforms.retain.keep_order import MASTERS
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.output import open_output

_log = logging.getLogger("mirrorfold.previous")

BUDGETS = ("max_bytes", "max_pixels", "max_seconds")
"""Settings that only turn contents into failures: what was read under a smaller one holds under a larger one."""


@dataclass(frozen=True)
class Reuse:
    """What of the earlier run needn't be made again.

    Attributes:
      contents: its fingerprints; failures: its unreadable files, which the same code would fail on again.
      rows: objects that it listed.
    """

    contents: bool
    failures: bool
    rows: int


def check_previous(previous: str, output: str) -> None:
    """Check before any work starts that an earlier run can be built upon.

    Raises:
      UsageError: no finished run lies there, its tables are of another version, or it is the output folder itself.
    """
    if _place(previous) == _place(output):
        raise UsageError(f"--previous and --output are both {output}: give the new run a folder of its own")
    record = read_record(previous, "--previous")
    if "travels" in record:
        raise UsageError(f"--previous {previous} was packed for merging: name the run that it was packed from")
    check_tables(previous, record, tuple(TABLES))


def read_record(folder: str, what: str = "") -> dict:
    """Read the run.json of a finished run.

    Raises:
      UsageError: there is none.
    """
    store = open_output(folder)
    try:
        record = json.loads(store.get("run.json"))
    except FileNotFoundError:
        record = None
    if record is None or not store.exists("_SUCCESS"):
        raise UsageError(f"{what} {folder} holds no finished run: run it to its end first".strip())
    return record


def check_tables(folder: str, record: dict, names: tuple[str, ...]) -> None:
    """Refuse tables of another schema version than ours.

    Raises:
      UsageError: which table, which versions, and what to do.
    """
    for name in names:
        found, ours = record["schemas"].get(name), TABLES[name].version
        if found is not None and found != ours and leads_up(name, found, ours):
            raise UsageError(
                f"{folder} has version {found} of the table {name}, this is version {ours}: bring it up to date with "
                f"`mirrorfold state upgrade {folder}`"
            )
        if found is not None and found != ours:
            raise UsageError(
                f"{folder} was written by mirrorfold {record['mirrorfold']} with version {found} of the table {name}, "
                f"this is mirrorfold {code_version()} with version {ours}: finish it with mirrorfold "
                f"{record['mirrorfold']}, or run the sources anew without it; verdicts can be taken over from "
                f"{folder}/review/verdicts"
            )


def reuse(run: RunContext) -> Reuse | None:
    """Say what of the earlier run holds under this run's settings; None without one, or where nothing does."""
    if run.previous is None:
        return None
    record = read_record(run.previous)
    then, now = record["settings"]["fingerprint"], run.settings.fingerprint.model_dump(mode="json")
    why = None
    if record["algorithms"] not in ([], [ALGORITHM]):
        why = f"its signatures are {', '.join(record['algorithms'])}, ours {ALGORITHM}"
    elif then["max_pages"] != now["max_pages"]:
        why = f"its max_pages was {then['max_pages']}, now {now['max_pages']}"
    elif more := [name for name in now["imagehash"] if name not in then.get("imagehash", [])]:
        why = f"it has no imagehash_{more[0]}"
    elif smaller := [name for name in BUDGETS if now[name] < then[name]]:
        why = f"{smaller[0]} was {then[smaller[0]]}, now only {now[smaller[0]]}"
    if why:
        _log.warning("every image is read again, nothing of %s is taken over: %s", run.previous, why)
        return None
    same_code = record["mirrorfold"] == code_version() and record["versions"] == library_versions()
    return Reuse(True, same_code, record["counts"].get("objects", 0))


@lru_cache(maxsize=8)
def _commit(folder: str, step: str) -> str | None:
    try:
        return json.loads(open_output(folder).get(f"_work/steps/{step}.json"))["digest"]
    except FileNotFoundError:
        return None


def same_matching(run: RunContext) -> bool:
    """Tell whether matching would only repeat what the previous run found.

    Equal objects hold equal contents, whose rows are a function of their bytes and of the code. The sitting masters are
    then those of the very clusters that are taken over.
    """
    earlier = reuse(run)
    if earlier is None or not matched_alike(run) or earlier.rows != run.rows("objects"):
        return False
    before, now = open_output(run.previous), run.store
    paths = parquet.shards(now, "objects/")
    return paths == parquet.shards(before, "objects/") and all(now.get(p) == before.get(p) for p in paths)


def matched_alike(run: RunContext) -> bool:
    """Tell whether the previous run chose masters as this one would: it searched alike, under the same policy."""
    if run.previous is None or not searched_alike(run):
        return False
    return read_record(run.previous)["policy_hash"] == policy_hash(run.policy)


def searched_alike(run: RunContext) -> bool:
    """Tell whether the previous run's edges are this one's too: the same code, signatures and settings.

    A merge may have matched contents whose lumas stayed at home, which are judged otherwise once they are read here.
    """
    earlier = reuse(run)
    if run.previous is None or earlier is None or not earlier.failures or _commit(run.previous, "merge"):
        return False
    if run.settings.match.refetch_bytes:
        return False  # a budget that is spent over all candidates, so that each hangs on all others
    record, settings = read_record(run.previous), run.settings.match.model_dump(mode="json")
    return record["schemas"].get(EDGES.name) == EDGES.version and record["settings"]["match"] == settings


def take_over(run: RunContext, tables: tuple[str, ...]) -> None:
    """Copy tables of the previous run as they are."""
    before = open_output(run.previous)
    for table in tables:
        for path in parquet.shards(before, f"{table}/"):
            run.store.put(path, before.get(path))


def state_of(previous: str | None, step: str) -> str | None:
    """Digest what an earlier run's tables of a step depend on, for the steps that build upon them."""
    if previous is None:
        return None
    return _commit(previous, step) or digest_of(read_record(previous))


@dataclass(eq=False)
class ReadMasters(beam.PTransform):
    """Read the masters of an earlier run, as blocks of keep_order.MASTERS; applied to a pipeline's root."""

    previous: str

    def expand(self, root):
        return (
            root
            | "ReadClusters" >> ReadTable(self.previous, CLUSTERS, (*MASTERS.names, "is_master"))
            | "TakeMasters" >> beam.Map(_masters).with_output_types(pa.Table)
        )


def _masters(block: pa.Table) -> pa.Table:
    return block.filter(block.column("is_master")).select(MASTERS.names)


def _place(folder: str) -> str:
    return folder.rstrip("/") if "://" in folder else os.path.realpath(folder)
