"""What lists that were handed out name, until their plan is taken back: a plan that is made anew keeps none of it.

A list may be in somebody's hands whatever becomes of the plan it was made from. So what it names stays named when the
same run is decided on again, and when it is merged with another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain.earlier import EARLIER, HANDED, keys_of
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "handed-out/"
OWN, SIDES = f"{FOLDER}named.parquet", f"{FOLDER}sides.parquet"
"""Below DIR, rows of EARLIER: what this run's own lists name, and what those of the sides of a merge do."""
TAKEN_BACK = f"{FOLDER}taken-back.txt"
USED = "inputs/handed-out.parquet"
"""What the decisions as they are took into account; signed with the plan."""


def named(output: OutputStore) -> Iterator[pa.Table]:
    """Read what lists name that were handed out, as blocks of EARLIER with the action HANDED."""
    for path in (OWN, SIDES):
        if output.exists(path):
            yield from parquet.read_blocks(output, path, EARLIER.names)


def add(output: OutputStore, only: frozenset[tuple[str, str]] | None = None) -> None:
    """Remember what the plan as it is names, or those rows of it alone, beside what earlier lists of this run do."""
    part = (
        None
        if only is None
        else keys_of(pa.table([*map(pa.array, zip(*sorted(only), strict=True))], ["uri", "version"]))
    )
    before = list(parquet.read_blocks(output, OWN, EARLIER.names)) if output.exists(OWN) else []
    known, seen = pa.concat_tables([EARLIER.empty_table(), *before]), []
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, EARLIER, compression="zstd") as writer:
        for block in parquet.table_blocks(output, DECISIONS.name, EARLIER.names):
            rows = as_handed(block.filter(pc.equal(block.column("action"), "quarantine")))
            rows = rows if part is None else rows.filter(pc.is_in(keys_of(rows), value_set=part))
            seen.append(keys_of(rows))
            writer.write_table(rows)
        new = pa.concat_arrays([pa.array([], pa.string()), *seen])
        writer.write_table(known.filter(pc.invert(pc.is_in(keys_of(known), value_set=new))))
    output.put(OWN, sink.getvalue().to_pybytes())


def forget(output: OutputStore, now: dt.datetime) -> None:
    """Forget what lists name, as their plan is taken back; decisions that hang on it are made anew."""
    if any(output.exists(path) for path in (OWN, SIDES)):
        output.put(TAKEN_BACK, f"{now.isoformat(timespec='seconds')}\n".encode())
    for path in (OWN, SIDES):
        output.delete(path)


def taken_back(output: OutputStore) -> str:
    """Say when lists were last taken back; '' where none ever was."""
    return output.get(TAKEN_BACK).decode() if output.exists(TAKEN_BACK) else ""


def keep_used(output: OutputStore) -> None:
    """Keep what the decisions took into account, so that `verify` and whoever signs can see it."""
    output.delete(USED)
    rows = pa.concat_tables([EARLIER.empty_table(), *named(output)])
    if rows.num_rows:
        output.put(USED, parquet.to_parquet(rows))


def as_handed(rows: pa.Table) -> pa.Table:
    """Mark rows of EARLIER as named by a list in somebody's hands."""
    place = rows.schema.get_field_index("action")
    marked = pa.array([HANDED] * rows.num_rows, EARLIER.field("action").type)
    return rows.select(EARLIER.names).set_column(place, EARLIER.field("action"), marked).cast(EARLIER)
