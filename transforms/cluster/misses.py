"""Near misses: pairs of two families that nearly passed, the best few of each content."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks import ipc

MISSES = 2
"""Near misses listed for each content, the best first."""
WITH_FAMILY = EDGES.schema.append(pa.field("family", pa.uint64())).append(pa.field("node", pa.uint64()))
"""An edge that doesn't join, the family of its content_a, and the node of its content_b."""
OF_CONTENT = EDGES.schema.append(pa.field("content", pa.string()))
"""The same, as one of its two contents sees it."""


def between_families(misses: pa.Table, families: np.ndarray) -> pa.Table:
    """Keep the misses of two families: rows of OF_CONTENT, two for each.

    Args:
      misses: rows of WITH_FAMILY; families: uint64, that of each one's content_b.
    """
    apart = misses.filter(pa.array(misses.column("family").to_numpy() != families)).select(EDGES.schema.names)
    sides = [apart.append_column("content", apart.column(name)) for name in ("content_a", "content_b")]
    return pa.concat_tables(sides).cast(OF_CONTENT)


def choose(misses: pa.Table) -> pa.Table:
    """Choose the best misses of each content: rows of PAIRS. A pair that either side chooses is listed.

    What can't be measured comes last: nobody says that it nearly passed.

    Args:
      misses: rows of OF_CONTENT, all of a content; a pair may stand there twice.
    """
    misses = ipc.distinct_rows(
        ipc.sort_rows(misses, ("content", "content_a", "content_b")).combine_chunks(),
        ("content", "content_a", "content_b"),
    )
    fit = pc.negate(pc.fill_null(misses.column("highpass"), 0.0))
    ranked = misses.append_column("fit", fit)
    order = ("content", "fit", "d_phash256", "content_a", "content_b")
    ranked = ranked.sort_by([(name, "ascending") for name in order])
    codes = pc.dictionary_encode(ranked.column("content")).combine_chunks().indices.to_numpy()
    rank = np.arange(len(codes)) - np.searchsorted(codes, codes)  # sorted, so are the codes
    chosen = ranked.filter(pa.array(rank < MISSES))
    chosen = chosen.append_column("reason", pa.array(["near-miss"] * len(chosen), pa.string()))
    chosen = chosen.append_column("in_cluster", pa.array(np.zeros(len(chosen), bool)))
    return chosen.select(PAIRS.schema.names).cast(PAIRS.schema)
