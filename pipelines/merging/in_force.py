"""What lists of the sides of a merge name: the merged plan keeps none of it, whichever side holds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.merging import partner
from mirrorfold.pipelines.merging.sides import Brought
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn
from mirrorfold.transforms.retain import handed, outside
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.output import OutputStore, open_output

SIDES = f"{handed.FOLDER}sides.json"
"""Below a merge's DIR: runs of our own that it was made of, each with the digest of what its lists named then."""


def note_sides(output: OutputStore, sides: Sequence[Brought]) -> None:
    """Write what the sides' lists name below a merge's DIR."""
    rows = [EARLIER.empty_table(), *(block for side in sides for block in _brought(side))]
    output.delete(handed.SIDES)
    if sum(block.num_rows for block in rows):
        output.put(handed.SIDES, parquet.to_parquet(pa.concat_tables(rows)))
    own = {side.folder: state(side.folder) for side in sides if not partner.is_packed(side.record)}
    output.put(SIDES, json.dumps(own, indent=1, sort_keys=True).encode())


def refuse_changed_sides(output: OutputStore) -> None:
    """Refuse to hand out a merged plan where a side handed out a list since the merge, or took one back.

    Raises:
      SafetyStop: which side.
    """
    for folder, then in sides_of(output).items():
        if state(folder) != then:
            raise SafetyStop(
                f"nothing was exported: lists of {folder} were handed out or taken back since the merge: run the merge "
                "again with --policy or --config as before, so that it keeps nothing that they name"
            )


def sides_of(output: OutputStore) -> dict[str, str]:
    """Give the runs of our own that a merge was made of, with what their lists' state was; {} of any other run."""
    return json.loads(output.get(SIDES)) if output.exists(SIDES) else {}


def named_by(output: OutputStore) -> Iterator[pa.Table]:
    """Read what lists of a run name, and what earlier plans of its line do, as blocks of EARLIER."""
    yield from handed.named(output)
    if output.exists(outside.PATH):
        yield from map(handed.as_handed, parquet.read_blocks(output, outside.PATH, EARLIER.names))
    if not is_withdrawn(output):
        for block in parquet.table_blocks(output, DECISIONS.name, EARLIER.names):
            yield handed.as_handed(block.filter(pc.equal(block.column("earlier"), "planned")))


def state(folder: str) -> str:
    """Digest what lists of a run name; '' where none was handed out, and where that run is gone."""
    try:
        return hashlib.sha256(open_output(folder).get(handed.OWN)).hexdigest()
    except FileNotFoundError:
        return ""


def _brought(side: Brought) -> Iterator[pa.Table]:
    """Give a side's rows under the merge's names; a packed side speaks for its own sources alone."""
    store, packed = open_output(side.folder), partner.is_packed(side.record)
    if packed and store.exists(handed.SIDES):
        partner.check_file(store, side.name, handed.SIDES, EARLIER)
    for block in handed.named(store) if packed else named_by(store):
        rows = side.side.names.rename(block, 0).select(EARLIER.names).cast(EARLIER)
        yield handed.as_handed(rows.filter(partner.declared(side, rows)) if packed else rows)
