"""Retain: from `clusters` and the policy to `decisions`, `hold_checks`, `confirmations` and `lineage`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from importlib.metadata import version

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines import lists
from mirrorfold.pipelines.confirming import carried, cost
from mirrorfold.pipelines.confirming.confirmer import Confirmer
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.fingerprint import options_of
from mirrorfold.pipelines.record.previous import ReadMasters, state_of
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.package_failures import PACKAGE_FAILURES
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable
from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn
from mirrorfold.transforms.retain import acceptance, blocks, handed, outside, sidecar, verdicts
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.wiring import Retain
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.sources import open_stores


def build(root: beam.Pipeline, run: RunContext) -> None:
    """Compose the decisions over the tables in DIR."""
    said, policy = run_verdicts(run), compile_policy(run.policy)
    inputs = {
        "objects": root | "ReadObjects" >> ReadTable(run.output, OBJECTS, blocks.OBJECT_ROWS.names),
        "contents": root | "ReadContents" >> ReadTable(run.output, CONTENTS, blocks.CONTENT_ROWS.names),
        "clusters": root | "ReadClusters" >> ReadTable(run.output, CLUSTERS, blocks.CLUSTER_ROWS.names),
        "pairs": root | "ReadPairs" >> ReadTable(run.output, PAIRS, blocks.PAIR_ROWS.names),
        "failures": root | "ReadFailures" >> ReadTable(run.output, FAILURES, blocks.FAILURE_ROWS.names),
    }
    inputs["confirmed"] = root | "ReadCarried" >> carried.ReadCarried(carried.folders(run), run.spill)
    said_before = []
    if run.previous:
        inputs["masters"] = root | "ReadMasters" >> ReadMasters(run.previous)
        said_before = [
            root | "ReadEarlier" >> ReadTable(run.previous, DECISIONS, EARLIER.names),
            _read_small(root, "Outside", run.previous, _outside),
        ]
    if any(handed.named(run.store)):
        said_before.append(_read_small(root, "HandedOut", run.output, _handed_out))
    if said_before:
        inputs["earlier"] = tuple(said_before) | "JoinEarlierRows" >> FlattenBlocks(run.spill)
    files = lists.sidecars(run.settings, run.policy)
    if files:
        inputs["catalogue"] = root | "NameSidecars" >> beam.Create(files) | "ReadSidecars" >> beam.FlatMap(_read)
    rulings = acceptance.rule_with_samples(run.store, said, policy)
    comparing = cost.count(run, rulings)
    cost.say(run, comparing)
    retained = inputs | "Retain" >> Retain(
        policy=run.policy,
        open_stores=functools.partial(open_stores, tuple(run.sources)),
        rows=run.rows("objects"),
        code_version=version("mirrorfold"),
        open_confirmer=functools.partial(Confirmer, options=options_of(run)),
        rulings=rulings,
        spill=run.spill,
        hold_patterns=tuple(p for kind, path in files if kind == "hold_list" for p in sidecar.hold_patterns(path)),
        withdrawn=bool(run.previous) and is_withdrawn(open_output(run.previous)),
        denied=frozenset(denied(run.store)),
        listed_bytes=listed_bytes(run.store) if run.policy["review"].get("min_share_freed") is not None else None,
        near_bytes=comparing.near,
    )
    rows = run.rows("objects")
    retained.decisions | "WriteDecisions" >> WriteTable(run.output, DECISIONS, rows, spill=run.spill)
    retained.hold_checks | "WriteHoldChecks" >> WriteTable(run.output, HOLD_CHECKS, rows, spill=run.spill)
    retained.confirmations | "WriteConfirmations" >> WriteTable(run.output, CONFIRMATIONS, rows, spill=run.spill)
    retained.lineage | "WriteLineage" >> WriteTable(run.output, LINEAGE, rows, spill=run.spill)


def _read_small(root: beam.Pipeline, name: str, folder: str, read: Callable[[str], Iterator[pa.Table]]):
    named = root | f"Name{name}" >> beam.Create([folder])
    return named | f"Read{name}" >> beam.FlatMap(read).with_output_types(pa.Table)


def keep(run: RunContext) -> None:
    """Keep what later runs go by: pairs that were compared, and what earlier plans name where this run didn't look."""
    carried.keep(run)
    handed.keep_used(run.store)
    run.store.delete(outside.PATH)
    if not run.previous:
        return
    before = open_output(run.previous)
    decided = parquet.table_blocks(before, DECISIONS.name, EARLIER.names)
    rows = outside.remember(
        itertools.chain(decided, _outside(run.previous)),
        run.sources,
        lambda: parquet.table_blocks(run.store, OBJECTS.name, ["uri"]),
        withdrawn=is_withdrawn(before),
    )
    if rows.num_rows:
        run.store.put(outside.PATH, parquet.to_parquet(rows))


def _outside(folder: str) -> Iterator[pa.Table]:
    """Read what a run remembers of places where it didn't look."""
    store = open_output(folder)
    if store.exists(outside.PATH):
        yield from parquet.read_blocks(store, outside.PATH, EARLIER.names)


def _handed_out(folder: str) -> Iterator[pa.Table]:
    yield from handed.named(open_output(folder))


def listed_bytes(store: OutputStore) -> int:
    """Add up the bytes of all objects."""
    return sum(pc.sum(block["size"]).as_py() or 0 for block in parquet.table_blocks(store, OBJECTS.name, ["size"]))


def denied(store: OutputStore) -> list[str]:
    """Name the files of which an export of fixity found that their own package states other bytes."""
    rows = parquet.read_table(store, PACKAGE_FAILURES, ["uri", "error"])
    return sorted(set(rows.filter(pc.equal(rows.column("error"), "differs")).column("uri").to_pylist()))


def depends_on(run: RunContext) -> dict:
    """Name what decisions depend on beside policy and tables: verdicts, the previous run, the catalogue's bytes."""
    return {
        "previous": [state_of(run.previous, "match"), state_of(run.previous, "retain")],
        "withdrawn": bool(run.previous) and is_withdrawn(open_output(run.previous)),
        "taken back": handed.taken_back(run.store),
        "denied": denied(run.store),
        "verdicts": [verdict["id"] for verdict in run_verdicts(run)],
        "samples": [plan.id for plan, _ in acceptance.read(run.store)],
        "files": [[kind, lists.digest(path)] for kind, path in lists.sidecars(run.settings, run.policy)],
    }


def run_verdicts(run: RunContext) -> list[dict]:
    """Read the verdicts of this run and of the run before it, which are carried over into this one's DIR."""
    if run.previous and run.previous != run.output:
        earlier = open_output(run.previous)
        verdicts.store_verdicts(run.store, verdicts.read_verdicts(earlier) + verdicts.read_sample(earlier))
    return verdicts.read_verdicts(run.store)


def _read(file: tuple[str, str]):
    kind, path = file
    return sidecar.read_hold_list(path) if kind == "hold_list" else sidecar.read_sidecar(path)
