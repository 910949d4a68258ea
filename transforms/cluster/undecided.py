"""Which contents are worth reading again: those of pairs that stored signatures leave open, within a budget.

All of it follows the set of contents: pairs are ranked by how well they fit, the likeliest copies first, then by their
ids, and the budget is spent in that order until a pair doesn't fit into it. So no order of arrival, parallelism or
engine changes what is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.cluster.resolve import batches, bounds_of
from mirrorfold.transforms.cluster.stars import Verifier

REQUESTS = pa.schema(
    [
        ("rank", pa.int32()),
        ("content_a", pa.string()),
        ("content_b", pa.string()),
        ("size_a", pa.int64()),
        ("size_b", pa.int64()),
        ("component", pa.uint64()),
    ]
)
"""A pair that reading both again could settle; the smallest rank is the likeliest."""
WANTED = pa.schema([("content_id", pa.string()), ("component", pa.uint64())])
ORDER = [("rank", "ascending"), ("content_a", "ascending"), ("content_b", "ascending")]
MOST_ROWS = 4_096
"""Components above this are left as they are: their pairs are too many to look at each."""


def find_undecided(contents: pa.Table, verifier: Verifier) -> tuple[pa.Table, int]:
    """Give the undecided pairs among the components of some contents, and the contents of components left out."""
    contents = contents.sort_by([("component", "ascending"), ("content_id", "ascending")])
    found = [REQUESTS.empty_table()]
    left_out = 0
    for start, stop in batches(contents.column("component").to_numpy()):
        batch = contents.slice(start, stop - start).combine_chunks()
        sizes = np.diff(bounds_of(batch.column("component").to_numpy()))
        small = np.repeat(sizes <= MOST_ROWS, sizes)
        left_out += int((~small).sum())
        batch = batch.filter(pa.array(small))
        if batch.num_rows:
            found.append(_requests(batch, verifier))
    return pa.concat_tables(found).sort_by(ORDER), left_out


def _requests(batch: pa.Table, verifier: Verifier) -> pa.Table:
    features = verifier.features(batch)
    pairs, rank = verifier.undecided(features, bounds_of(batch.column("component").to_numpy()))
    a, b = batch.take(pa.array(pairs[:, 0])), batch.take(pa.array(pairs[:, 1]))
    columns = [
        pa.array(rank, pa.int32()),
        *(part.column(name) for name in ("content_id", "size") for part in (a, b)),
        a.column("component"),
    ]
    return pa.table(columns, schema=REQUESTS)


def within_budget(requests: pa.Table, budget: int, part: bool = False) -> pa.Table:
    """Keep the first pairs, in the order of ORDER, whose contents fit into a budget of bytes, each counted once.

    A pair that alone is more than the budget is passed over; the first other one that doesn't fit ends the choice.

    Args:
      part: these are a part of the pairs: keep the one that ends the choice as well, for it ends the whole's too if it
        comes to it.
    """
    alone = pc.add(requests.column("size_a"), requests.column("size_b"))
    requests = requests.filter(pc.less_equal(alone, budget)).sort_by(ORDER)
    columns = [requests.column(name).to_pylist() for name in ("content_a", "content_b", "size_a", "size_b")]
    chosen: set[str] = set()
    spent = kept = 0
    for a, b, size_a, size_b in zip(*columns, strict=True):
        spent += (a not in chosen) * size_a + (b not in chosen) * size_b
        if spent > budget:
            break
        chosen.update((a, b))
        kept += 1
    return requests.slice(0, kept + part)


def contents_of(requests: pa.Table) -> Iterator[pa.Table]:
    """Give each content of the pairs once, as a block of WANTED; nothing for no pairs."""
    if requests.num_rows:
        sides = [requests.select([f"content_{side}", "component"]).rename_columns(WANTED.names) for side in "ab"]
        yield pa.concat_tables(sides).group_by(WANTED.names).aggregate([]).sort_by("content_id").cast(WANTED)
