"""Match some contents in one process: what the Beam transforms do, over one table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mirrorfold.transforms.match.edges import edges_of, met_block, met_ids
from mirrorfold.transforms.match.join import search
from mirrorfold.transforms.match.kernels import KIND_SHIFT
from mirrorfold.transforms.match.plan import compared_like, make_plan
from mirrorfold.transforms.match.rows import same_pictures, searched_rows
from mirrorfold.transforms.match.signatures import KINDS, make_light
from mirrorfold.transforms.match.verified import REQUESTS, TABLE, verify_edges
from mirrorfold.transforms.match.verify import Verifier


def candidate_edges(contents: pa.Table, verifier: Verifier) -> pa.Table:
    """Search contents, with the verifier's columns, for candidates: rows of `edges.EDGES`."""
    light = make_light(contents, verifier.crops)
    rows = searched_rows(light)
    signatures = compared_like(len(contents), KINDS if verifier.crops else 1)
    plan = make_plan(verifier.rule.radius, max(2, signatures), np.unique(light.column("phash64").to_numpy()))
    pairs, _ = search(rows, plan, verifier.rule)
    same = met_ids(same_pictures(light) << KIND_SHIFT)
    return edges_of(pa.concat_tables([met_block(rows, pairs), same]))


def verified_edges(contents: pa.Table, edges: pa.Table, verifier: Verifier) -> tuple[pa.Table, pa.Table]:
    """Verify edges: rows of the table `edges`, and of `verified.REQUESTS`."""
    found: dict[str, list[pa.Table]] = {"edges": [TABLE.schema.empty_table()], "requests": [REQUESTS.empty_table()]}
    for name, block in verify_edges(contents, edges, verifier):
        found[name].append(block)
    return pa.concat_tables(found["edges"]), pa.concat_tables(found["requests"])
