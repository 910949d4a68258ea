"""Put a finished run's tables into an Iceberg catalogue where they lie: files are named there, none is copied.

Each registration is a snapshot with a tag of its own, so that an audit's tables stand beside those of the run before.
The catalogue keeps bounds of what is looked up alone: pyiceberg can't state those of numbers above 2^63, as hashes are.
"""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore, open_output

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as IcebergTable

RUN = "mirrorfold.run"
"""The snapshot's property that names a run: the SHA-256 of its run.json."""
LOOKED_UP = ("uri", "content_id")
"""Columns whose bounds the catalogue keeps for each file, for point look-ups."""


class Registered(NamedTuple):
    """What a catalogue holds now: rows by table, and the tag of these snapshots; `new` where they weren't there yet."""

    tables: dict[str, int]
    tag: str
    new: bool


def register(folder: str, catalog: str, namespace: str = "mirrorfold") -> Registered:
    """Register a finished run's tables.

    Args:
      folder: DIR.
      catalog: a name of pyiceberg's own settings, or the URL of a catalogue: sqlite:////PATH.db, postgresql://...,
        https://... (REST). Credentials come by pyiceberg's settings alone.

    Raises:
      UsageError: no finished run, no pyiceberg, a catalogue that can't be used; one line.
    """
    output = open_output(folder)
    try:
        tag = "run-" + hashlib.sha256(output.get("run.json")).hexdigest()[:16]
        output.size("_SUCCESS")
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no finished run") from None
    if find_spec("pyiceberg") is None:
        raise UsageError("an Iceberg catalogue needs pyiceberg: pip install 'mirrorfold[pyiceberg]'")
    opened = open_catalog(catalog, folder)
    tables = {name: shards for name in TABLES if (shards := parquet.shards(output, f"{name}/"))}
    rows, new = {}, False
    try:
        opened.create_namespace_if_not_exists(namespace)
        for name, shards in tables.items():
            new |= _register(opened, f"{namespace}.{name}", output, shards, tag)
            rows[name] = sum(_footer(output, shard).num_rows for shard in shards)
    except outside_errors() as error:
        raise UsageError(f"catalogue {catalog}: {type(error).__name__}: {_said(error)}") from error
    return Registered(rows, tag, new)


def open_catalog(catalog: str, folder: str) -> Catalog:
    """Open a catalogue by its name or URL.

    Raises:
      UsageError: it can't be opened.
    """
    from pyiceberg.catalog import load_catalog

    scheme, found, rest = catalog.partition("://")
    options: dict[str, Any] = {}
    if found:
        options = {"uri": catalog, "type": "rest" if scheme in ("http", "https") else "sql"}
    if scheme == "sqlite":
        path = os.path.abspath("/" + rest.lstrip("/")) if rest.startswith("//") else os.path.abspath(rest.lstrip("/"))
        options |= {"uri": f"sqlite:///{path}", "warehouse": f"file://{os.path.dirname(path)}"}
    try:
        return load_catalog("default" if found else catalog, **options)
    except outside_errors(ValueError) as error:  # ValueError: settings that pyiceberg can't use
        raise UsageError(
            f"there is no catalogue {catalog}: name one of pyiceberg's settings, or its URL ({_said(error)})"
        ) from error


def outside_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Give what can go wrong outside of us: at the catalogue, on the way to it, at the files; not our own mistakes."""
    import pyiceberg.exceptions

    own = vars(pyiceberg.exceptions).values()
    kinds: list[type[Exception]] = [found for found in own if isinstance(found, type) and issubclass(found, Exception)]
    if find_spec("sqlalchemy") is not None:
        from sqlalchemy.exc import SQLAlchemyError

        kinds.append(SQLAlchemyError)
    # Arrow's and requests' are kinds of OSError, or pass through as these two.
    kinds += [OSError, StoreError, *more]
    return tuple(kinds)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _register(catalog: Catalog, name: str, output: OutputStore, shards: list[str], tag: str) -> bool:
    """Make one table's files its content; tell whether that wasn't so yet."""
    with output.open_part(shards[0]) as file:
        schema = pq.read_schema(file)
    table = catalog.create_table_if_not_exists(name, schema=schema, properties=_properties(schema))
    current = table.current_snapshot()
    if current is not None and current.summary is not None and current.summary.additional_properties.get(RUN) == tag:
        return False
    files = [_place(output, shard) for shard in shards]
    _replace(table, schema, files, tag)
    return True


def _replace(table: IcebergTable, schema: pa.Schema, files: list[str], tag: str) -> None:
    from pyiceberg.expressions import AlwaysTrue

    with table.update_schema() as change:
        change.union_by_name(schema)
    # One commit: who reads sees the run before or this one, never both or none.
    with table.transaction() as change:
        if table.current_snapshot() is not None:
            change.delete(AlwaysTrue(), snapshot_properties={RUN: tag})
        change.add_files(files, snapshot_properties={RUN: tag}, check_duplicate_files=False)
    made = table.refresh().current_snapshot()
    if made is not None and tag not in table.refs():
        table.manage_snapshots().create_tag(made.snapshot_id, tag).commit()


def _properties(schema: pa.Schema) -> dict[str, str]:
    bounds = {f"write.metadata.metrics.column.{name}": "full" for name in LOOKED_UP if name in schema.names}
    return {"write.metadata.metrics.default": "none", **bounds}


def _place(output: OutputStore, path: str) -> str:
    place = output.url(path)
    if place.startswith("az://"):
        raise UsageError("Iceberg names Azure's files by abfss://: copy DIR to a folder, S3 or GCS to register it")
    return f"file://{place}" if isinstance(output, LocalOutput) else place


def _footer(output: OutputStore, shard: str) -> pq.FileMetaData:
    with output.open_part(shard) as file:
        return pq.read_metadata(file)
