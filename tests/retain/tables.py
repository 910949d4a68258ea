"""Small tables for the tests of this room: only what a case is about has to be said."""

from __future__ import annotations

import datetime as dt
import hashlib

import pyarrow as pa

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.schemas.table import Table

FILLERS = {pa.types.is_string: "", pa.types.is_boolean: False, pa.types.is_integer: 0, pa.types.is_floating: 0.0}


def content_id(name: str) -> str:
    """Give a content_id that a test can name."""
    return hashlib.sha256(name.encode()).hexdigest()


def fill(table: Table, rows: list[dict]) -> pa.Table:
    """Make a table from partial rows: nullable columns are null, the others empty."""
    return pa.Table.from_pylist([_filled(table, row) for row in rows], schema=table.schema)


def _filled(table: Table, row: dict) -> dict:
    unknown = set(row) - set(table.schema.names)
    if unknown:
        raise KeyError(f"{table.name} has no column {sorted(unknown)}")
    return {f.name: row.get(f.name, None if f.nullable else _filler(f.type)) for f in table.schema}


def _filler(kind: pa.DataType):
    if pa.types.is_fixed_size_binary(kind):
        return bytes(kind.byte_width)
    if pa.types.is_list(kind):
        return []
    return next(value for test, value in FILLERS.items() if test(kind))


def obj(uri: str, content: str | None = None, **fields) -> dict:
    """Make a row of objects, current and read, whose content is named `content`."""
    store, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return {
        "uri": uri, "library": bucket, "store": store, "bucket": bucket, "key": key, "size": 1000, "etag": "e-" + key,
        "storage_class": "STANDARD", "last_modified": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "hold": "no",
        "is_latest": True, "content_id": content_id(content) if content else None,
        "identity_evidence": "read" if content else None,
    } | fields  # fmt: skip


def content(name: str, **fields) -> dict:
    """Make a row of contents for a named content."""
    return {
        "content_id": content_id(name), "media_type": "image/jpeg", "width": 60, "height": 40, "frames": 1,
        "bit_depth": 8, "mode": "RGB", "orientation": 1, "size": 1000, "windows64": [0] * 9, "dihedral64": [0] * 8,
    } | fields  # fmt: skip


def objects(*rows: dict) -> pa.Table:
    """Make the table objects."""
    return fill(OBJECTS, list(rows))


def contents(*rows: dict) -> pa.Table:
    """Make the table contents."""
    return fill(CONTENTS, list(rows))


def pairs(*rows: dict) -> pa.Table:
    """Make the table pairs."""
    return fill(PAIRS, list(rows))


def clusters(*rows: dict) -> pa.Table:
    """Make the table clusters."""
    return fill(CLUSTERS, list(rows))


def failures(*rows: dict) -> pa.Table:
    """Make the table failures."""
    return fill(FAILURES, list(rows))


def twin(uri: str, name: str, master: str, family: str | None = None, **fields) -> dict:
    """Make a row of clusters: `uri` shows content `name` in the cluster of content `master`."""
    return {
        "uri": uri, "library": uri.split("/")[2], "content_id": content_id(name), "cluster_id": content_id(master),
        "family_id": content_id(family or master), "tier": "identical", "kind": "copy", "kind_text": "copy",
    } | fields  # fmt: skip
