"""Rows that several runs have: one is chosen by what it says, never by which run came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.table import STRINGS
from mirrorfold.transforms.blocks import ipc

TABLE = b"mirrorfold.table"
SIDE = pa.field("side", pa.int32())
OBJECT_ROWS, FAILURE_ROWS = OBJECTS.schema.append(SIDE), FAILURES.schema.append(SIDE)
HOLDS = ("yes", "unknown", "no")
"""The most careful first: a hold that one run saw holds."""


@dataclass(frozen=True)
class Names:
    """How a run's names are told apart from another's.

    Attributes:
      libraries: new name by old.
      folders: new folder by old, for files of a machine whose paths another machine has too.
      silent: how URIs begin of which the run's word doesn't count: they lie in sources of another side's own.
      doubles: URIs of which it doesn't count either: what they name looks to be an object of another side's own.
    """

    libraries: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()

    def rename(self, rows: pa.Table, side: int, *, silence: bool = True) -> pa.Table:
        """Rename in rows of `objects` or `failures`, leave out what doesn't count, and add the side's number."""
        for name, names in (("library", self.libraries), ("bucket", self.folders)):
            if name in rows.column_names and names:
                rows = _set(rows, name, [names.get(value, value) for value in rows.column(name).to_pylist()])
        if self.folders:
            rows = _set(rows, "uri", [self.uri(uri) for uri in rows.column("uri").to_pylist()])
            if "package" in rows.column_names:
                rows = self._belongings(rows)
        for start in self.silent if silence else ():
            rows = rows.filter(pc.invert(pc.starts_with(rows.column("uri"), start)))
        if self.doubles and silence:
            rows = rows.filter(pc.invert(pc.is_in(rows.column("uri"), value_set=pa.array(self.doubles, pa.string()))))
        return rows.append_column(SIDE, pa.array([side] * rows.num_rows, SIDE.type))

    def _belongings(self, rows: pa.Table) -> pa.Table:
        packages = [p and f"{p.partition(':')[0]}:{self.uri(p.partition(':')[2])}" for p in rows["package"].to_pylist()]
        rows = _set(rows, "package", packages)
        for name in ("companions", "beside"):
            renamed = [uris and [self.uri(uri) for uri in uris] for uris in rows[name].to_pylist()]
            rows = _set(rows, name, pa.array(renamed, STRINGS))
        return rows

    def uri(self, uri: str) -> str:
        """Rename a URI that lies in a renamed folder."""
        for old, new in self.folders.items():
            if uri.startswith(f"file://{old.rstrip('/')}/"):
                return f"file://{new}" + uri.removeprefix(f"file://{old.rstrip('/')}")
        return uri


def join_objects(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose one row of each object, and its failure; one partition of (uri, version).

    Of an object that two runs listed the later state counts; of one state, the row whose bytes were read.

    Args:
      blocks: "objects" and "failures", each with the column side.

    Yields:
      A block of `objects` and one of `failures`, named in their schemas' metadata.
    """
    objects, failures = blocks["objects"], blocks["failures"]
    if not objects.num_rows:
        return
    objects = _chosen(_with_worst_hold(objects))
    unread = objects.filter(pc.is_null(objects.column("content_id")))
    belongs = pc.is_in(_keys(failures), value_set=_keys(unread))
    yield _named(objects.drop_columns(["side"]), "objects")
    yield _named(failures.filter(belongs).drop_columns(["side"]), "failures")


def _chosen(objects: pa.Table) -> pa.Table:
    ranked = objects.append_column("_unread", pc.is_null(objects.column("content_id")))
    ranked = ranked.append_column(
        "_unsure", pc.fill_null(pc.not_equal(ranked.column("identity_evidence"), "read"), True)
    )
    order = [
        ("uri", "ascending"), ("version", "ascending"), ("last_modified", "descending"), ("_unread", "ascending"),
        ("_unsure", "ascending"), ("etag", "ascending"), ("library", "ascending"), ("storage_class", "ascending"),
        ("identity_evidence", "ascending"), ("side", "ascending"),
    ]  # fmt: skip
    ordered = ranked.take(pc.sort_indices(ranked, sort_keys=order)).drop_columns(["_unread", "_unsure"])
    return ipc.distinct_rows(ordered.combine_chunks(), ("uri", "version"))


def _with_worst_hold(objects: pa.Table) -> pa.Table:
    keys = _object_keys(objects)
    rank = pc.index_in(objects.column("hold"), value_set=pa.array(HOLDS))
    worst = pa.table({"key": keys, "rank": rank}).group_by("key").aggregate([("rank", "min")])
    found = worst.column("rank_min").take(pc.index_in(keys, value_set=worst.column("key").combine_chunks()))
    return _set(objects, "hold", pa.array(HOLDS).take(found.combine_chunks()))


def join_contents(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose one row of each content that an object holds: one whose luma travelled, where there is one."""
    ids = pc.unique(blocks["wanted"].column("content_id"))
    rows = blocks["contents"].filter(pc.is_in(blocks["contents"].column("content_id"), value_set=ids))
    rows = rows.append_column("_withheld", pc.is_null(rows.column("luma")))
    ordered = ipc.sort_rows(rows, ("content_id", "_withheld")).drop_columns(["_withheld"]).combine_chunks()
    yield ipc.distinct_rows(ordered, ("content_id",)).cast(CONTENTS.schema)


def kind_of(block: pa.Table) -> str:
    """Tell the blocks of `join_objects` apart."""
    return (block.schema.metadata or {}).get(TABLE, b"").decode()


def _named(block: pa.Table, name: str) -> pa.Table:
    return block.replace_schema_metadata({TABLE: name})


def _set(rows: pa.Table, name: str, values) -> pa.Table:
    index = rows.schema.get_field_index(name)
    column = pa.array(values, pa.string()) if isinstance(values, list) else values
    return rows.set_column(index, rows.schema.field(name), column)


def _keys(rows: pa.Table) -> pa.Array:
    sides = rows.column("side").cast(pa.string())
    return _joined([sides, *(_escaped(rows, name) for name in ("uri", "version"))])


def _object_keys(rows: pa.Table) -> pa.Array:
    return _joined([_escaped(rows, name) for name in ("uri", "version")])


def _escaped(rows: pa.Table, name: str):
    return pc.replace_substring(rows.column(name), "\0", "\0\1")


def _joined(parts) -> pa.Array:
    joined = pc.binary_join_element_wise(*parts, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
