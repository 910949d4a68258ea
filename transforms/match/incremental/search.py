"""New contents against all of them: what an audit searches instead of everything against everything.

A candidate pair is a full signature near a full signature, or a probe near a full one. With few new contents among many
old ones, three of the four kinds of pairs that touch a new content go through the tables of the plan, in which an old
content then has one row instead of thirty. The fourth, old probes against new full signatures, needs no shuffle: the
new signatures are broadcast, dealt to buckets once for each table, and the old probes pass by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.match.agreement import agreeing
from mirrorfold.transforms.match.edges import MET, met_ids
from mirrorfold.transforms.match.join import Rule, bucket_bits
from mirrorfold.transforms.match.kernels import KIND_SHIFT, MIX, ZERO, deal, meets, popcount
from mirrorfold.transforms.match.plan import Plan
from mirrorfold.transforms.match.signatures import (
    KINDS,
    light_schema,
    low_rows,
    make_light,
    node_ids,
    probe_hashes,
)

BATCH_ROWS = 8_192


@compiled
def _pass_by(hashes, low, fulls, order, starts, bits, mask, earlier, radius):
    """Compare probes, uint64 (rows, kinds) without their first column, with the full signatures of their buckets."""
    shift = np.uint64(64 - bits)
    found = np.empty((256, 3), np.int64)
    count = 0
    for i in range(len(hashes)):
        if low[i]:
            continue
        for kind in range(1, hashes.shape[1]):
            place = ((hashes[i, kind] & mask) * MIX) >> shift
            for p in range(starts[place], starts[place + np.uint64(1)]):
                difference = hashes[i, kind] ^ fulls[order[p]]
                if popcount(difference) > radius or difference & mask != ZERO:
                    continue
                if meets(difference, earlier):
                    continue
                if count == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[count, 0], found[count, 1], found[count, 2] = i, kind, order[p]
                count += 1
    return found[:count]


@dataclass(frozen=True)
class Broadcast:
    """The full signatures of the new contents, dealt to the buckets of each table.

    Attributes:
      nodes: uint64 (rows,); hashes: uint64 (rows,); checks: uint64 (rows, words).
      tables: for each mask of the plan (order as int32 rows, starts as int32 bounds of the buckets).
    """

    nodes: np.ndarray
    hashes: np.ndarray
    checks: np.ndarray
    tables: list[tuple[np.ndarray, np.ndarray, int]]


def make_broadcast(light: list[pa.Table], plan: Plan) -> Broadcast:
    """Deal the new contents, blocks of searched rows, to buckets; low-information ones are never searched."""
    rows = pa.concat_tables(light) if light else light_schema(KINDS).empty_table()
    rows = rows.filter(pa.array(~rows.column("low").to_numpy()))
    kinds = rows.schema.field("hashes").type.list_size
    hashes = _flat(rows, "hashes").reshape(-1, kinds)[:, 0].copy()
    words = rows.schema.field("checks").type.list_size // kinds
    checks = _flat(rows, "checks").reshape(-1, kinds, words)[:, 0].copy()
    ids = np.zeros(len(hashes), np.uint64)
    tables = []
    for mask in plan.masks:
        bits = bucket_bits(max(2, len(hashes)), np.uint64(mask))
        order, starts, _ = deal(hashes, ids, np.uint64(mask), bits)
        tables.append((order, starts.astype(np.int32), bits))
    return Broadcast(rows.column("node").to_numpy().copy(), hashes, checks, tables)


def pass_by(contents: pa.Table, new: Broadcast, plan: Plan, rule: Rule) -> pa.Table:
    """Give rows of MET of contents whose probes meet a new full signature, and that new content."""
    found = [MET.empty_table()]
    for start in range(0, contents.num_rows if len(new.nodes) else 0, BATCH_ROWS):
        found.append(_pass_batch(contents.slice(start, BATCH_ROWS).combine_chunks(), new, plan, rule))
    return pa.concat_tables(found)


def _pass_batch(contents: pa.Table, new: Broadcast, plan: Plan, rule: Rule) -> pa.Table:
    hashes, low = probe_hashes(contents), low_rows(contents)
    masks = np.array(plan.masks, np.uint64)
    hits = np.concatenate(
        [
            _pass_by(hashes, low, new.hashes, order, starts, bits, masks[table], masks[:table], rule.radius)
            for table, (order, starts, bits) in enumerate(new.tables)
        ]
    )
    # Few pass the hash, so only these have their checks made.
    rows, place = np.unique(hits[:, 0], return_inverse=True)
    if not len(rows):
        return MET.empty_table()
    some = contents.take(pa.array(rows))
    kind, full = hits[:, 1], hits[:, 2]
    all_checks = _flat(make_light(some, crops=True), "checks").reshape(len(rows), KINDS, -1)
    checks, probes = all_checks[place, kind], hashes[hits[:, 0], kind]
    gap = np.bitwise_count(probes ^ new.hashes[full])
    near = agreeing(checks, new.checks[full], gap, rule.check_limit)
    # A probe that repeats the full signature isn't searched, see `rows.searched_rows`.
    near &= (probes != hashes[hits[:, 0], 0]) | (checks != all_checks[place, 0]).any(axis=1)
    mine = (node_ids(some.column("content_id"))[place] << KIND_SHIFT) | kind.astype(np.uint64)
    their = new.nodes[full] << KIND_SHIFT
    near &= mine >> KIND_SHIFT != new.nodes[full]
    return met_ids(np.stack([mine, their], axis=1)[near], gap[near])


def full_only(light: pa.Table) -> pa.Table:
    """Give searched rows of one kind as rows of all kinds: repeats of the full signature, which are dropped again."""
    schema = light_schema(KINDS)
    columns = {name: light.column(name) for name in ("node", "phash64", "low", "digest")}
    for name in ("hashes", "checks"):
        values = _flat(light, name).reshape(light.num_rows, 1, -1)
        repeated = np.repeat(values, KINDS, axis=1).reshape(-1)
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(repeated), type=schema.field(name).type)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _flat(rows: pa.Table, name: str) -> np.ndarray:
    column = rows.column(name).combine_chunks()
    flat = column.flatten() if isinstance(column, pa.Array) else pa.concat_arrays([c.flatten() for c in column.chunks])
    return flat.to_numpy()
