"""What earlier plans name where a run didn't look: remembered until a run lists that place again.

An audit of one library alone says nothing of the others. What an earlier plan sends away there may lie there still, so
the next run that lists the place has to know of it. Where a run looked and found nothing, it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks.globs import any_match
from mirrorfold.transforms.retain.earlier import EARLIER, OUTSIDE
from mirrorfold.transforms.stores.api import SourceSpec

PATH = "inputs/outside.parquet"
"""Below DIR: rows of EARLIER; absent where every run looked at all that the one before it did."""


def looked_at(sources: Sequence[SourceSpec]) -> list[tuple[str, tuple[str, ...]]]:
    """Say where a run saw all that there is: what URIs begin with there, and the patterns that were left out.

    Inventory reports and lists of files name what somebody put there: what they don't name may exist.
    """
    live = [spec for spec in sources if spec.kind == "live" and spec.bucket]
    return [(make_uri(spec.store, spec.bucket, spec.prefix), spec.exclude) for spec in live]


def remember(
    before: Iterable[pa.Table],
    sources: Sequence[SourceSpec],
    listed: Callable[[], Iterable[pa.Table]],
    *,
    withdrawn: bool,
) -> pa.Table:
    """Take what the run before says of objects that this run didn't look for, as rows of EARLIER.

    Args:
      before: that run's decisions, and what it remembers itself, as blocks of EARLIER.
      sources: of this run.
      listed: gives blocks with the column uri of what this run listed; read only where a row may be outside.
      withdrawn: that run's own plan was taken back.
    """
    found = [EARLIER.empty_table(), *(_outside(block, looked_at(sources), withdrawn) for block in before)]
    rows = pa.concat_tables(found)
    for block in listed() if rows.num_rows else ():
        rows = rows.filter(pc.invert(pc.is_in(rows.column("uri"), value_set=block.column("uri").combine_chunks())))
    return rows


def _outside(block: pa.Table, looked: list[tuple[str, tuple[str, ...]]], withdrawn: bool) -> pa.Table:
    action, earlier = block.column("action"), block.column("earlier")
    own = pc.or_(_is(action, "quarantine"), _is(earlier, "planned"))
    named = pc.or_(_is(action, OUTSIDE), pc.and_(own, pa.scalar(not withdrawn)))
    action = pc.if_else(named, pa.scalar(OUTSIDE), action)
    block = block.set_column(block.schema.get_field_index("action"), EARLIER.field("action"), action)
    rows = block.select(EARLIER.names).filter(pc.or_(named, _is(earlier, "rotted"))).cast(EARLIER)
    for start, exclude in looked:
        uris = rows.column("uri")
        seen = pc.and_not(pc.starts_with(uris, start), any_match(uris, exclude))
        rows = rows.filter(pc.invert(seen))
    return rows


def _is(values: pa.ChunkedArray, word: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(values, word), False)
