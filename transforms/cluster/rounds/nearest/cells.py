"""The nearest neighbour of each content of a family, by the cells of its grid.

A cell tries, for each of its contents, the nearest of the other side until one verifies. The tries of all cells, taken
together and in order, begin with those that one worker would have made, so the choice among them is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.cluster.nearest import NEAREST_TRIES, first_verified, nearest_candidates
from mirrorfold.transforms.cluster.resolve import pair_row
from mirrorfold.transforms.cluster.stars import Judged, Verifier

TRIES = pa.schema(
    [
        ("owner", pa.string()),
        ("other", pa.string()),
        ("near", pa.int64()),
        ("verifies", pa.bool_()),
        ("star", pa.bool_()),
        *(field.with_nullable(True) for field in PAIRS.schema),
    ]
)
"""A pair that was tried for `owner`: its nearness in bits, and whether it is one of a content and its master."""


def try_cells(cells: pa.Table, verifier: Verifier) -> Iterator[pa.Table]:
    """Try the nearest pairs of the cells of one partition: blocks of TRIES.

    Args:
      cells: as `grid.to_cells` gives them, with the column cluster_id.
    """
    cells = cells.sort_by([(name, "ascending") for name in ("component", "cell", "content_id")])
    keys = np.stack([cells.column(name).to_numpy().astype(np.uint64) for name in ("component", "cell")], axis=1)
    bounds = [0, *(np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist(), len(keys)]
    for start, stop in itertools.pairwise(bounds):
        if stop > start:
            yield _try(cells.slice(start, stop - start).combine_chunks(), verifier)


def _try(cell: pa.Table, verifier: Verifier) -> pa.Table:
    count, rows = cell.num_rows, np.arange(cell.num_rows)
    alone = cell.column("first")[0].as_py() == cell.column("second")[0].as_py()
    sides = rows if alone else cell.column("group").to_numpy().astype(np.int64)
    judged = Judged(verifier, verifier.features(cell))
    others, near = nearest_candidates(judged, rows, sides)
    verified = first_verified(judged, rows, others)
    ids, masters = (cell.column(name).to_pylist() for name in ("content_id", "cluster_id"))
    found = []
    for row in range(count):
        for turn in range(min(int(verified[row]) + 1, NEAREST_TRIES)):
            if (other := int(others[row, turn])) < 0:
                break
            a, b = min(row, other), max(row, other)
            pair = pair_row(judged.known[a, b], ids[a], ids[b], "nearest", masters[a] == masters[b])
            star = masters[row] == ids[other] or masters[other] == ids[row]
            known = {"owner": ids[row], "other": ids[other], "near": int(near[row, turn])}
            found.append(pair | known | {"verifies": turn == verified[row], "star": star})
    return pa.Table.from_pylist(found, schema=TRIES)


def chosen(tries: pa.Table) -> pa.Table:
    """Choose each content's nearest among the tries of all cells: rows of `pairs`, without those of stars."""
    tries = tries.sort_by([(name, "ascending") for name in ("owner", "near", "other")]).combine_chunks()
    owner = pc.dictionary_encode(tries.column("owner")).combine_chunks().indices.to_numpy()
    first = np.searchsorted(owner, owner)
    verifies = tries.column("verifies").to_numpy()
    among = verifies & (np.arange(len(owner)) - first < NEAREST_TRIES)
    place = np.flatnonzero(among)
    place = place[np.unique(owner[place], return_index=True)[1]]
    rows = tries.take(pa.array(place))
    return rows.filter(pc.invert(rows.column("star"))).select(PAIRS.schema.names).cast(PAIRS.schema)
