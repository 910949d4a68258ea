"""What the review pages show of each cluster: its files, where they lie, and the questions about them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import duckdb
import pyarrow as pa

from mirrorfold.schemas.belongings import UNREAD, UNREAD_SIDECAR
from mirrorfold.schemas.merged_record import MERGED_RECORD
from mirrorfold.transforms.blocks.tables import rows_of
from mirrorfold.transforms.publish.pictures import Wanted, group_refs

PROPOSED = 60
"""Values of a merged record shown of one cluster; the table has all."""

PATHS = 12
"""Places shown of one content; the rest are counted."""

RECORD = ("catalogue_no", "licence", "creator", "capture_time", "provenance", "role")
"""What a catalogue may say of an object beside what its file states."""

SOURCES = 3
"""Copies of one content that are tried for its thumbnail."""

METADATA = (
    "media_type", "pixels", "size", "mode", "bit_depth", "icc_profile", "jpeg_quality", "capture_time", "camera",
    "creator", "rights", "licence", "rights_uri", "usage_terms", "instructions", "credit", "data_mining",
    "catalogue_no", "title", "caption", "keywords", "gps", "software", "digital_source_type", "c2pa", "document_id",
    "derived_from", "image_unique_id", "rating",
)  # fmt: skip

CONTENT_COLUMNS = (
    "content_id", "media_type", "width", "height", "size", "mode", "bit_depth", "icc_profile", "jpeg_quality",
    "capture_time", "camera_make", "camera_model", "camera_serial", "creator", "rights", "licence", "catalogue_no",
    "title", "keywords", "software", "document_id", "derived_from", "image_unique_id", "rights_uri", "usage_terms",
    "instructions", "credit", "data_mining", "caption", "gps", "digital_source_type", "c2pa", "rating",
)  # fmt: skip

_GATHER = (
    """create table shown as
    select distinct item, content_id from (select item, unnest([kept, other]) content_id from queue where item < $items)
    """,
    f"""create table shown_contents as
    select s.item, {", ".join(f"c.{name}" for name in CONTENT_COLUMNS)}
    from shown s join contents c using (content_id)""",
    f"""create table shown_objects as
    with found as (select content_id, uri, version, library, storage_class, action,
            row_number() over (partition by content_id order by action = 'keep' desc, uri, version) place,
            count(*) over (partition by content_id) places
        from decisions where content_id in (select content_id from shown)
        qualify place <= {PATHS})
    select s.item, f.*, o.stated from found f join shown s using (content_id)
        left join (select uri, version, stated from objects where stated is not null) o using (uri, version)""",
)


def gather_details(connection: duckdb.DuckDBPyConnection, items: int) -> None:
    """Make the tables behind the pages, for the first `items` clusters of the queue."""
    connection.execute(_GATHER[0], {"items": items})
    for sql in _GATHER[1:]:
        connection.execute(sql)


def gather_records(connection: duckdb.DuckDBPyConnection, blocks: Iterable[pa.Table]) -> None:
    """Keep what the catalogue says of the shown objects; blocks have a column uri and any of RECORD."""
    columns = ", ".join(f"{name} varchar" for name in RECORD)
    connection.execute(f"create table shown_records (uri varchar, {columns})")
    for block in blocks:
        known = ", ".join(name if name in block.column_names else f"null {name}" for name in RECORD)
        connection.register("_records", block)
        connection.execute(
            f"insert into shown_records select uri, {known} from _records where uri in (select uri from shown_objects)"
        )
        connection.unregister("_records")


def gather_proposals(connection: duckdb.DuckDBPyConnection, proposals: pa.Table | None) -> None:
    """Keep what copies of the shown clusters state beyond the kept one: at most PROPOSED values of a cluster."""
    connection.register("_proposals", MERGED_RECORD.empty() if proposals is None else proposals)
    connection.execute(f"""create table shown_proposals as
        select q.item, p.field, p.value, p.kept_value, p.state, p.from_uri
        from _proposals p join decisions k using (uri, version)
        join (select distinct item, cluster_id from queue where item in (select item from shown)) q
            on q.cluster_id = k.cluster_id
        qualify {PROPOSED} >= row_number() over (partition by item order by state = 'conflict' desc, field, value)""")
    connection.unregister("_proposals")


def read_items(connection: duckdb.DuckDBPyConnection) -> Iterator[dict]:
    """Read the shown clusters in rank order, each with its pairs, contents and objects."""
    pairs = _stream(
        connection,
        """select q.*, c.width seen_width, c.height seen_height, c.x, c.y, c.w, c.h
        from queue q left join confirmations c on c.content_a = least(q.kept, q.other)
            and c.content_b = greatest(q.kept, q.other) and not c.confirmed and c.w > 0
        where item in (select item from shown) order by pair""",
    )
    contents = _stream(connection, "select * from shown_contents order by item, content_id")
    objects = _stream(
        connection,
        f"""select o.*, {", ".join(f"r.{name}" for name in RECORD)}
        from shown_objects o left join (select uri, {", ".join(f"min({name}) {name}" for name in RECORD)}
            from shown_records group by uri) r on r.uri = o.uri
        order by item, content_id, place""",
    )
    proposals = _stream(
        connection, "select * from shown_proposals order by item, state = 'conflict' desc, field, value, from_uri"
    )
    grouped = [_by_item(rows) for rows in (pairs, contents, objects, proposals)]
    waiting = [next(rows, None) for rows in grouped]
    while (first := waiting[0]) is not None:
        item = first[0]
        found: list[list[dict]] = []
        for index, rows in enumerate(grouped):
            group = waiting[index]
            if group is not None and group[0] == item:
                found.append(group[1])
                waiting[index] = next(rows, None)
            else:
                found.append([])
        yield {"item": item, "pairs": found[0], "contents": found[1], "objects": found[2], "proposals": found[3]}


def _by_item(rows: Iterator[dict]) -> Iterator[tuple[int, list[dict]]]:
    for item, group in itertools.groupby(rows, key=itemgetter("item")):
        yield item, list(group)


def _stream(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict]:
    cursor = connection.cursor()
    cursor.execute(sql)
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(2_000):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def wanted_pictures(connection: duckdb.DuckDBPyConnection, content_ids: Sequence[str], luma: bool) -> list[Wanted]:
    """Say where the pictures of some contents can be had, in the order given."""
    if not content_ids:
        return []
    connection.execute(
        "create or replace temp table wanted as select unnest($ids) content_id", {"ids": list(content_ids)}
    )
    refs = group_refs(
        rows_of(
            connection,
            f"""select content_id, library, store, bucket, key, version, etag, size from objects
            where content_id in (select content_id from wanted) and not archived and not is_delete_marker
            qualify {SOURCES} >= row_number() over (partition by content_id
                order by is_latest desc, store, uri, version)
            order by content_id, is_latest desc, store, uri, version""",
        )
    )
    found = {
        row["content_id"]: row
        for row in rows_of(
            connection,
            f"""select content_id, media_type, width, height, {"luma" if luma else "null luma"} from contents
            where content_id in (select content_id from wanted)""",
        )
    }
    return [
        Wanted(refs=refs.get(content_id, ()), **found[content_id]) for content_id in content_ids if content_id in found
    ]


def describe_record(places: Sequence[dict]) -> dict[str, str]:
    """Give what the catalogue says of a content's objects; where it says several things, all of them."""
    found = {name: sorted({row[name] for row in places if row[name]}) for name in RECORD}
    return {name: " | ".join(values) for name, values in found.items() if values}


def describe_beside(places: Sequence[dict]) -> dict[str, str]:
    """Give what XMP sidecars state of a content's objects; where they state several things, all of them."""
    said: dict[str, set[str]] = {}
    for place in places:
        for name, text in (place["stated"] or {}).items():
            said.setdefault(UNREAD_SIDECAR if name == UNREAD else name, set()).add(text)
    return {name: " | ".join(sorted(said[name])) for name in (*METADATA, UNREAD_SIDECAR) if name in said}


def describe(content: Mapping) -> dict[str, str | int]:
    """Give a content's metadata as shown side by side; what it doesn't state is left out."""
    camera = " ".join(str(content[name]) for name in ("camera_make", "camera_model", "camera_serial") if content[name])
    known = {
        **content,
        "pixels": f"{content['width']:,} × {content['height']:,}",
        "camera": camera,
        "keywords": "; ".join(content["keywords"] or ()),
    }
    return {name: known[name] for name in METADATA if known[name] not in (None, "")}
