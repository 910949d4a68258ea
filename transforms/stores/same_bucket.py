"""One disk under several names: an access point, a gateway, a second mount or endpoint shows the same copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.stores.api import SourceSpec

ALIAS_ENDINGS = ("-s3alias", "--ol-s3", ".mrap")
"""How AWS ends the bucket-style names of access points, of Object Lambda access points, of multi-region ones."""

COMPARED = ("key", "version", "etag", "size", "last_modified")
ENOUGH_SHARED = 200
ENOUGH_TIMES = 5
"""Distinct times of writing that two lists share before times alone count as evidence: a mirror may be filled within
the very seconds in which its original was."""
ALIKE = 0.9

Bucket = tuple[str, str]
"""Store and name."""


def is_access_point(bucket: str) -> bool:
    """Tell whether a bucket's name is an access point's alias."""
    return bucket.endswith(ALIAS_ENDINGS)


def is_door(spec: SourceSpec, specs: Sequence[SourceSpec]) -> bool:
    """Tell whether a source is said to show another library's files, rather than a bucket under another name."""
    buckets = {other.bucket for other in specs if other.store == spec.store}
    others = {other.library for other in specs if other is not spec}
    return bool(spec.same_as) and spec.same_as in others and not (spec.store != "file" and spec.same_as in buckets)


def door_libraries(specs: Sequence[SourceSpec]) -> frozenset[str]:
    """Name the libraries that show another library's very files, by another way: no copy in them is one of its own."""
    return frozenset(spec.library for spec in specs if is_door(spec, specs))


def mark_doors(objects: pa.Table, doors: Collection[str]) -> pa.Table:
    """Fill `passing` of objects in libraries that show another library's very files."""
    if not doors or not objects.num_rows:
        return objects
    door = pc.is_in(objects.column("library"), value_set=pa.array(sorted(doors), pa.string()))
    index = objects.schema.get_field_index("passing")
    said = pc.if_else(door, pa.scalar("door"), objects.column("passing"))
    return objects.set_column(index, objects.schema.field(index), said)


def physical_buckets(specs: Sequence[SourceSpec]) -> dict[Bucket, str]:
    """Give the true bucket of each (store, bucket) that has several names in a run."""
    named = {(spec.store, spec.bucket): spec.same_as for spec in specs if spec.same_as and not is_door(spec, specs)}
    return named | {(store, true): true for (store, _), true in named.items()}


def name_physical(objects: pa.Table, buckets: Mapping[Bucket, str]) -> pa.Table:
    """Fill `physical_id` of objects in buckets that have several names: equal for one version under all of them."""
    if not buckets or not objects.num_rows:
        return objects
    places = _joined(objects, ("store", "bucket"), "://")
    names = pa.array([f"{store}://{bucket}" for store, bucket in buckets])
    true = pa.array([f"{store}://{bucket}" for (store, _), bucket in buckets.items()])
    found = true.take(pc.index_in(places, value_set=names))
    versioned = pc.binary_join_element_wise("?", objects.column("version"), "")
    version = pc.if_else(pc.equal(objects.column("version"), ""), "", versioned)
    physical = pc.binary_join_element_wise(found, "/", objects.column("key"), version, "")
    index = objects.schema.get_field_index("physical_id")
    return objects.set_column(index, objects.schema.field(index), pc.coalesce(physical, objects.column("physical_id")))


def look_like_one(sample: pa.Table, other: pa.Table) -> bool | None:
    """Tell whether two lists of objects show one bucket under two names; None where too little is shared to say.

    Nearly every shared key then has the same version, ETag, size and time of writing. A copied object has a version id
    and a time of its own, unless replication left both as they were.

    Args:
      sample: columns COMPARED of some objects of the one; other: of all or some objects of the other.
    """
    place = pc.index_in(sample.column("key"), value_set=other.column("key").combine_chunks())
    mine, their = sample.filter(pc.is_valid(place)), other.take(pc.drop_null(place))
    if not mine.num_rows:
        return None
    alike = pa.array([True] * mine.num_rows)
    for name in COMPARED[1:]:
        alike = pc.and_(alike, pc.fill_null(pc.equal(mine.column(name), their.column(name)), False))
    if pc.sum(alike).as_py() < ALIKE * mine.num_rows:
        return False
    same = mine.filter(alike)
    versioned = pc.any(pc.invert(pc.is_in(same.column("version"), value_set=pa.array(["", "null"])))).as_py()
    return True if versioned or len(pc.unique(same.column("last_modified"))) >= ENOUGH_TIMES else None


DOOR_COLUMNS = ("key", "size", "last_modified", "physical_id")


def door_rows(objects: pa.Table) -> pa.Table:
    """Give what the same file shows through any door: its name without folders, its size, its time in microseconds."""
    names = pc.replace_substring_regex(objects.column("key"), r"(?s)^.*/", "")
    times = objects.column("last_modified").cast(pa.int64())
    return pa.table({"name": names, "size": objects.column("size"), "time": times})


def share_seen(sample: pa.Table, other: pa.Table) -> float:
    """Give the share of a sample's files that another list has as well, by `door_rows`: name, size and time.

    Times are compared as exactly as the coarser of the two states them: some doors show whole seconds.
    """
    if not sample.num_rows or not other.num_rows:
        return 0.0
    unit = max(_precision(sample.column("time")), _precision(other.column("time")))
    mine, their = (_joined_rows(rows, unit) for rows in (sample, other))
    found = pc.sum(pc.fill_null(pc.is_in(mine, value_set=their), False)).as_py()
    return (found or 0) / sample.num_rows


def _precision(times: pa.ChunkedArray) -> int:
    known = pc.drop_null(times).to_numpy()
    return next((unit for unit in (1_000_000, 1_000) if not (known % unit).any()), 1)


def _joined_rows(rows: pa.Table, unit: int) -> pa.Array:
    coarse = pc.divide(rows.column("time"), unit).cast(pa.string())
    name = pc.replace_substring(rows.column("name"), "\0", "\0\1")
    joined = pc.binary_join_element_wise(name, rows.column("size").cast(pa.string()), coarse, "\0\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def on_one_device(one: pa.Table, other: pa.Table) -> bool:
    """Tell whether two folders' files lie on one device, where inodes tell files apart for certain."""
    mine, their = (
        pc.unique(pc.replace_substring_regex(pc.drop_null(rows.column("physical_id")), ":.*$", ""))
        for rows in (one, other)
    )
    return len(mine) == 1 and mine == their


def may_be_doors(one: Collection[SourceSpec], other: Collection[SourceSpec], specs: Sequence[SourceSpec]) -> bool:
    """Tell whether two sets of sources could show one disk by two ways, as far as their settings say.

    Two buckets of one server are told apart by `look_like_one`.
    """
    both = (*one, *other)
    if any(spec.replica or is_door(spec, specs) for spec in both):
        return False
    stores = {spec.store for spec in both}
    return len(stores) > 1 or stores == {"file"} or len({spec.endpoint for spec in both}) > 1


def may_be_one(one: Collection[SourceSpec], other: Collection[SourceSpec]) -> bool:
    """Tell whether two sets of sources could show one bucket, as far as their settings say."""
    stated = any(spec.replica for spec in (*one, *other))
    return not stated and {spec.store for spec in one} == {spec.store for spec in other} != {"file"}


def _joined(rows: pa.Table, names: Sequence[str], between: str) -> pa.Array:
    joined = pc.binary_join_element_wise(*(rows.column(name) for name in names), between)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
