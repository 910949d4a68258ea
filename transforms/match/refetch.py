"""Which contents are read a second time: those of pairs that stored signatures leave open, within a budget.

All of it follows the set of contents: pairs are ranked by how well they fit, the likeliest copies first, then by their
ids, and the budget is spent in that order until a pair doesn't fit into it. So no order of arrival, parallelism or
engine changes what is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.match.signatures import node_ids

WANTED = pa.schema([("content_id", pa.string()), ("component", pa.uint64())])
"""A content to read again, and its node: what is read comes back under it."""
DETAILS = WANTED.append(pa.field("detail", pa.binary()))
"""A content that was read again: its 256x256 luma."""
ORDER = [("rank", "ascending"), ("content_a", "ascending"), ("content_b", "ascending")]


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
        ids = pa.chunked_array([*requests.column("content_a").chunks, *requests.column("content_b").chunks]).unique()
        ids = ids.take(pc.sort_indices(ids))
        yield pa.table([ids, pa.array(node_ids(ids))], schema=WANTED)


def with_details(contents: pa.Table, details: pa.Table) -> pa.Table:
    """Give the contents that were read again, with the column `detail`."""
    place = pc.index_in(contents.column("content_id"), value_set=details.column("content_id").combine_chunks())
    found = contents.append_column("detail", details.column("detail").take(place))
    return found.filter(pc.is_valid(found.column("detail")))
