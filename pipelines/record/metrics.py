"""What a run measured, under one list of names: counted from the tables, so that retried work counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.fingerprint.beside.facts import READ_COLUMNS, was_read
from mirrorfold.transforms.stores.output import OutputStore

NAMES: Mapping[str, str] = {
    "objects_listed": "object versions in the listing",
    "bytes_listed": "their bytes",
    "bytes_read": "bytes of objects whose content was read in this run, and of XMP sidecars",
    "bytes_spared": "bytes of objects whose content was known without reading: by the listing, or an earlier run",
    "contents": "distinct contents",
    "failures": "objects that weren't read or decoded; failures/CODE splits them",
    "edges": "pairs that the search found and verification kept: those that join, and near misses",
    "pairs": "verified pairs; pairs/TIER splits them",
    "objects": "decided objects, as objects/ACTION only",
    "bytes_freed": "bytes that the plan frees without a further word",
}
"""Every metric's name, and what it counts. A name with a slash splits the one before it."""


def measure(store: OutputStore, bytes_read: int | None = None) -> dict[str, int]:
    """Count every metric of a finished run from its tables, in the order of the names.

    Args:
      bytes_read: of an audit, what it read itself; the tables don't tell that from what an earlier run had read.
    """
    found: Counter[str] = Counter({name: 0 for name in NAMES if name != "objects"})
    for block in _blocks(store, "objects", ["identity_evidence", *READ_COLUMNS]):
        found["objects_listed"] += block.num_rows
        found["bytes_listed"] += _sum(block)
        known = pc.is_valid(block["identity_evidence"])
        read = pc.fill_null(pc.equal(block["identity_evidence"], "read"), False)
        found["bytes_read"] += _sum(block.filter(pc.or_(read, was_read(block))))
        found["bytes_spared"] += _sum(block.filter(pc.and_not(known, read)))
    if bytes_read is not None:
        found["bytes_spared"] += found["bytes_read"] - bytes_read
        found["bytes_read"] = bytes_read
    last = None
    for block in _blocks(store, "contents", ["content_id"]):  # sorted by it; a document has a row for each page
        found["contents"] += pc.count_distinct(block["content_id"]).as_py() - (block["content_id"][0].as_py() == last)
        last = block["content_id"][-1].as_py()
    found["edges"] = sum(block.num_rows for block in _blocks(store, "edges", ["content_a"]))
    for table, column in (("failures", "error"), ("pairs", "tier"), ("decisions", "action")):
        name = "objects" if table == "decisions" else table
        for block in _blocks(store, table, [column]):
            for counted in block[column].value_counts().to_pylist():
                found[f"{name}/{counted['values']}"] += counted["counts"]
                if name in found:
                    found[name] += counted["counts"]
    for block in _blocks(store, "decisions", ["action", "bytes_freed"]):
        found["bytes_freed"] += _sum(block.filter(pc.equal(block["action"], "quarantine")), "bytes_freed")
    return dict(sorted(found.items(), key=lambda item: (list(NAMES).index(item[0].partition("/")[0]), item[0])))


def _blocks(store: OutputStore, table: str, columns: list[str]) -> Iterator[pa.Table]:
    return (block for block in parquet.table_blocks(store, TABLES[table].name, columns) if block.num_rows)


def _sum(block: pa.Table, column: str = "size") -> int:
    return pc.sum(block[column]).as_py() or 0
