"""What XMP sidecars state of the pictures beside them: facts of objects, never of contents.

Two objects of equal bytes are one content though different sidecars lie beside them. A sidecar is an object of its own,
whose row of `objects` keeps what it states; the row of each picture that it describes keeps that of all its sidecars.
An unchanged sidecar of an earlier run isn't read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import UNREAD, XMP
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.fingerprint.known import SAME
from mirrorfold.transforms.fingerprint.xmp import MAX_BYTES, parse, properties_of
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

STATED = OBJECTS.schema.field("stated")
FACTS = pa.schema([OBJECTS.schema.field("uri"), OBJECTS.schema.field("version"), STATED])
"""What a sidecar states; of a picture, in several rows, what each of its sidecars does."""
SIDECAR_COLUMNS = (*ObjectRef._fields, "uri", "archived", "passing")
SIDECARS = pa.schema([OBJECTS.schema.field(name) for name in SIDECAR_COLUMNS])
EARLIER = pa.schema([*(OBJECTS.schema.field(name) for name in SAME), STATED])
BESIDE = pa.schema([pa.field("uri", pa.string()), pa.field("picture", pa.string()), pa.field("version", pa.string())])
"""A picture under the URI of a sidecar."""
JOIN = " | "
BATCH = 512


def sidecars_of(objects: pa.Table) -> pa.Table:
    """Give the current XMP files that lie beside pictures: rows of SIDECARS."""
    return objects.filter(_are_sidecars(objects)).select(SIDECARS.names)


def _are_sidecars(objects: pa.Table) -> pa.ChunkedArray:
    named = pc.ends_with(pc.utf8_lower(objects.column("uri")), XMP)
    current = pc.and_not(objects.column("is_latest"), objects.column("is_delete_marker"))
    return pc.and_(pc.and_(named, current), pc.is_valid(objects.column("companions")))


def pictures_of(objects: pa.Table) -> pa.Table:
    """Give the pictures with sidecars, one row for each of these: rows of BESIDE."""
    rows = objects.filter(pc.is_valid(objects.column("beside")))
    place = pc.list_parent_indices(rows.column("beside"))
    return pa.table(
        [pc.list_flatten(rows.column("beside")), rows.column("uri").take(place), rows.column("version").take(place)],
        schema=BESIDE,
    )


def earlier_of(objects: pa.Table, again: Callable[[pa.Table], pa.Array] | None = None) -> pa.Table:
    """Give what an earlier run read of sidecars: rows of EARLIER; those that it couldn't read are tried again.

    Args:
      again: says which are read again though nothing changed.
    """
    if again is not None:
        objects = objects.filter(pc.invert(again(objects)))
    named = pc.and_(pc.ends_with(pc.utf8_lower(objects.column("uri")), XMP), pc.is_valid(objects.column("stated")))
    rows = objects.select(EARLIER.names).filter(named)
    read = [UNREAD not in dict(stated) for stated in rows.column("stated").to_pylist()]
    return rows.filter(pa.array(read, pa.bool_()))


def attach_earlier(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Add to sidecars what an earlier run read of the unchanged ones, null for others; one partition of URIs."""
    rows = ipc.sort_rows(blocks["sidecars"], ("uri", "version"))
    known = blocks.get("earlier")
    stated = pa.nulls(rows.num_rows, STATED.type)
    if known is not None and known.num_rows:
        found = dict(zip(_keys(known), known.column("stated").to_pylist(), strict=True))
        stated = pa.array([found.get(key) for key in _keys(rows)], STATED.type)
    rows = rows.append_column(STATED, stated)
    for start in range(0, rows.num_rows, BATCH):
        yield rows.slice(start, BATCH)


def _keys(rows: pa.Table) -> list[tuple]:
    return list(zip(*(rows.column(name).to_pylist() for name in SAME), strict=True))


def read_sidecars(rows: pa.Table, stores: Stores, threads: int) -> pa.Table:
    """Read the sidecars that aren't known yet, in threads; give rows of FACTS.

    Args:
      rows: SIDECARS with the column `stated`.
    """

    def facts(row: dict) -> list[tuple[str, str]]:
        return row["stated"] if row["stated"] is not None else sorted(read_sidecar(row, stores).items())

    with ThreadPoolExecutor(threads, "sidecars") as pool:
        stated = list(pool.map(facts, rows.to_pylist()))
    return pa.table([rows.column("uri"), rows.column("version"), pa.array(stated, STATED.type)], schema=FACTS)


def read_sidecar(row: dict, stores: Stores) -> dict[str, str]:
    """Read one sidecar; where it can't be read, what it states is unknown: UNREAD says why."""
    reasons = {"archived": row["archived"], "too-large": row["size"] > MAX_BYTES, "link": row["passing"] == "link-out"}
    if code := next((code for code, holds in reasons.items() if holds), None):
        return {UNREAD: code}
    try:
        packet = stores.read(ObjectRef(*(row[name] for name in ObjectRef._fields))) if row["size"] else b""
    except StoreError as error:
        return {UNREAD: error.code}
    return facts_of(packet)


WOULD_COLUMNS = ("uri", "size", "is_latest", "is_delete_marker", "companions", "archived", "passing")
"""Columns of `objects` that tell which sidecars a run would read."""
READ_COLUMNS = ("size", "beside", "stated")
"""Columns of `objects` that tell which were read as sidecars."""
READ_SQL = f"""(size > 0 AND beside IS NULL AND stated IS NOT NULL AND
    (NOT list_contains(map_keys(stated), '{UNREAD}') OR list_contains(map_values(stated), 'corrupt')))"""
"""What `was_read` asks, of a view of `objects`."""


def was_read(objects: pa.Table) -> pa.Array:
    """Tell of each object whether its bytes were read as a sidecar's; takes READ_COLUMNS."""
    told = pc.and_(pc.is_valid(objects.column("stated")), pc.is_null(objects.column("beside")))
    places = np.flatnonzero(pc.and_(told, pc.greater(objects.column("size"), 0)).to_numpy())
    read = np.zeros(objects.num_rows, np.bool_)
    words = objects.column("stated").take(places).to_pylist()
    read[places] = [dict(stated).get(UNREAD, "corrupt") == "corrupt" for stated in words]
    return pa.array(read)


def would_read(objects: pa.Table) -> pa.Table:
    """Filter a listing to the sidecars that a run reads."""
    rows = objects.filter(_are_sidecars(objects))
    small = pc.and_(pc.greater(rows.column("size"), 0), pc.less_equal(rows.column("size"), MAX_BYTES))
    linked = pc.fill_null(pc.equal(rows.column("passing"), "link-out"), False)
    return rows.filter(pc.and_not(pc.and_not(small, rows.column("archived")), linked))


def facts_of(packet: bytes) -> dict[str, str]:
    """Give what an XMP file states, by column of `contents`, as texts."""
    root = parse(packet) if packet.strip() else None
    if root is None:
        return {UNREAD: "corrupt"} if packet.strip() else {}
    found = properties_of(root)
    return {name: "; ".join(value) if isinstance(value, list) else value for name, value in found.items()}


def spread_facts(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Give each picture what its sidecars state, and each sidecar its own; one partition of the sidecars' URIs."""
    facts, pictures = blocks["facts"], blocks["pictures"]
    if facts.num_rows:
        yield facts
    place = pc.index_in(pictures.column("uri"), value_set=facts.column("uri").combine_chunks())
    there = pc.is_valid(place)
    rows = pictures.filter(there)
    if rows.num_rows:
        stated = facts.column("stated").take(place.filter(there))
        yield pa.table([rows.column("picture"), rows.column("version"), stated], schema=FACTS)


def join_facts(facts: pa.Table) -> dict[tuple[str, str], dict[str, str]]:
    """Join the rows of FACTS of each object; where sidecars disagree, all of their words, in a stated order."""
    said: dict[tuple[str, str], dict[str, set[str]]] = {}
    for row in facts.to_pylist():
        mine = said.setdefault((row["uri"], row["version"]), {})
        for name, text in row["stated"]:
            mine.setdefault(name, set()).add(text)
    return {key: {name: JOIN.join(sorted(texts)) for name, texts in mine.items()} for key, mine in said.items()}
