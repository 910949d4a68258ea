"""A whole finished run in a folder, made from small tables without the other stages."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.digests import run_digests
from mirrorfold.transforms.retain.merged_record import INPUTS, merged_record
from mirrorfold.transforms.retain.policy import compile_policy, policy_hash
from mirrorfold.transforms.stores.output import LocalOutput

from .pure import decide_tables
from .tables import fill


def write_run(folder, tables: dict, policy: str = "", said=(), stores=None) -> dict[str, pa.Table]:
    """Decide on tables and write everything that verify and export read; give the tables."""
    output = LocalOutput(str(folder))
    resolved = resolve_policy("version: 1\n" + policy, "p.yaml")
    verdicts.store_verdicts(output, list(said))
    rulings = verdicts.rule_on(said, resolved["review"]["reviewers"], compile_policy(resolved).may_review)
    made = {k: v for k, v in tables.items() if k in TABLES} | decide_tables(tables, resolved, rulings, stores)
    made["savings"] = _savings(made["decisions"])
    for name, table in made.items():
        write_table(output, name, table)
    with connect(output, *INPUTS) as connection:
        made["merged_record"] = merged_record(connection)
    write_table(output, "merged_record", made["merged_record"])
    counts = {name: table.num_rows for name, table in made.items()}
    output.put("policy.yaml", yaml.safe_dump(resolved).encode())
    record = {"policy_hash": policy_hash(resolved), "counts": counts, "sources": [], "digests": run_digests(output)}
    output.put("run.json", json.dumps(record).encode())
    output.put("_SUCCESS", b"")
    return made


def accept_tampering(folder) -> None:
    """Let run.json say of a tampered folder that it was so from the start: the promises alone can tell then."""
    output = LocalOutput(str(folder))
    record = json.loads(output.get("run.json"))
    output.put("run.json", json.dumps(record | {"digests": run_digests(output)}).encode())


def write_table(output: LocalOutput, name: str, table: pa.Table) -> None:
    """Write a table as one shard in its order."""
    write_shard(output, TABLES[name], sort_rows(table, TABLES[name].order), 0, 1)


def _savings(decisions: pa.Table) -> pa.Table:
    if not decisions.num_rows:
        return SAVINGS.schema.empty_table()
    row = {
        "library": "all", "tier": "none", "action": "keep", "objects": decisions.num_rows, "currency": "USD",
        "bytes_freed": pc.sum(decisions["bytes_freed"]).as_py(), "bytes": pc.sum(decisions["size"]).as_py(),
    }  # fmt: skip
    return fill(SAVINGS, [row])
