"""Sources that are one bucket or disk under two names: an object may never count as its own copy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines import list_objects
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.same_bucket import (
    ALIKE,
    COMPARED,
    DOOR_COLUMNS,
    ENOUGH_SHARED,
    door_rows,
    is_access_point,
    is_door,
    look_like_one,
    may_be_doors,
    may_be_one,
    on_one_device,
    share_seen,
)

Read = Callable[[Sequence[SourceSpec], Sequence[str]], Iterator[pa.Table]]
SAMPLE = 2_000
"""Objects of a bucket that are looked for in the others."""


def check_access_points(specs: Sequence[SourceSpec]) -> None:
    """Refuse an access point beside other buckets, unless the settings say which bucket it shows.

    Raises:
      UsageError: one line, naming the source and the setting.
    """
    buckets = {(spec.store, spec.bucket) for spec in specs if spec.store == "s3"}
    for spec in specs:
        if spec.store == "s3" and is_access_point(spec.bucket) and not spec.same_as and len(buckets) > 1:
            raise UsageError(
                f"{spec.library}=s3://{spec.bucket} is an access point, perhaps to another source's bucket, and its "
                f"objects would pass for copies: name that bucket in --config (sources: {{{spec.library}: {{same_as: "
                "BUCKET}}})"
            )


def check_same_buckets(run: RunContext, read: Read | None = None, elsewhere: Collection[str] = ()) -> None:
    """Stop when two sources look like one bucket under two names, or like one disk through two doors.

    Args:
      read: gives some columns of all that some sources list; by default from the run's raw listing.
      elsewhere: libraries that another machine listed: its inodes tell nothing apart from ours.

    Raises:
      SafetyStop: which, and how to say what they are.
    """
    read = read or partial(as_listed, run)
    groups: dict[tuple[str, str], list[SourceSpec]] = {}
    for spec in run.sources:
        if spec.bucket:
            true = spec.bucket if is_door(spec, run.sources) else spec.same_as or spec.bucket
            groups.setdefault((spec.store, true), []).append(spec)
    for (one, mine), (other, their) in itertools.combinations(sorted(groups.items()), 2):
        if may_be_one(mine, their) and (_same(read, mine, their) or _same(read, their, mine)):
            first, second = (make_uri(store, bucket, "") for store, bucket in (one, other))
            raise SafetyStop(
                f"{first} and {second} list the same keys with the same versions and times: if they are one bucket "
                f"under two names, an object would pass for its own copy. Say which it is in --config: sources: "
                f"{{{their[0].library}: {{same_as: {mine[0].bucket}}}}}, or replica: true for a true replica"
            )
        here = not any(spec.library in elsewhere for spec in (*mine, *their))
        doors = may_be_doors(mine, their, run.sources)
        if doors and (_seen(read, mine, their, inodes=here) or _seen(read, their, mine, inodes=here)):
            first, second = (make_uri(store, bucket, "") for store, bucket in (one, other))
            raise SafetyStop(
                f"{first} and {second} list the same names, sizes and times: if they are one disk by two ways (a "
                "gateway, a second mount or endpoint), every file would pass for its own copy. Say which it is in "
                f"--config: sources: {{{their[0].library}: {{same_as: {mine[0].library}}}}}, or replica: true where "
                "the bytes were truly copied"
            )


def check_doors(specs: Sequence[SourceSpec]) -> None:
    """Refuse a folder that is said to be the same as a library that isn't there.

    Raises:
      UsageError: one line, naming the source and the setting.
    """
    for spec in specs:
        if spec.same_as and spec.store == "file" and not is_door(spec, specs):
            names = ", ".join(sorted({other.library for other in specs if other is not spec})) or "none"
            raise UsageError(
                f"sources: {spec.library}: same_as: {spec.same_as} is the library of no other source: there are {names}"
            )


def _seen(read: Read, sampled: Sequence[SourceSpec], searched: Sequence[SourceSpec], *, inodes: bool) -> bool:
    """Tell whether nearly all of a sample of some sources' files is listed by others too, as the same file would be."""
    taken, rows = [], 0
    for block in _door_blocks(read, sampled):
        taken.append(block.slice(0, SAMPLE - rows))
        rows += block.num_rows
        if rows >= SAMPLE:
            break
    if not rows:
        return False
    sample = pa.concat_tables(taken)
    names = door_rows(sample).column("name")
    found = [sample.slice(0, 0)]
    for block in _door_blocks(read, searched):
        if inodes and {spec.store for spec in (*sampled, *searched)} == {"file"} and on_one_device(sample, block):
            return False
        found.append(block.filter(pc.is_in(door_rows(block).column("name"), value_set=names)))
    return share_seen(door_rows(sample), door_rows(pa.concat_tables(found))) >= ALIKE


def _door_blocks(read: Read, specs: Sequence[SourceSpec]) -> Iterator[pa.Table]:
    """Read current objects that have bytes."""
    for block in _blocks(read, specs, DOOR_COLUMNS):
        yield block.filter(pc.greater(block.column("size"), 0))


def _same(read: Read, sampled: Sequence[SourceSpec], searched: Sequence[SourceSpec]) -> bool:
    sample = pa.concat_tables(_first_rows(read, sampled))
    if not sample.num_rows:
        return False
    found = sample.schema.empty_table()
    for block in _blocks(read, searched):
        found = pa.concat_tables([found, block.filter(pc.is_in(block.column("key"), value_set=sample.column("key")))])
        if found.num_rows >= ENOUGH_SHARED:
            break
    return bool(look_like_one(sample, ipc.distinct_rows(ipc.sort_rows(found, ("key",)), ("key",))))


def _first_rows(read: Read, specs: Sequence[SourceSpec]) -> Iterator[pa.Table]:
    rows = 0
    for block in _blocks(read, specs):
        yield block.slice(0, SAMPLE - rows)
        rows += block.num_rows
        if rows >= SAMPLE:
            return
    if not rows:
        yield pa.schema([OBJECTS.schema.field(name) for name in COMPARED]).empty_table()


def _blocks(read: Read, specs: Sequence[SourceSpec], columns: Sequence[str] = COMPARED) -> Iterator[pa.Table]:
    """Read current objects."""
    for block in read(specs, (*columns, "is_latest", "is_delete_marker")):
        current = pc.and_not(block.column("is_latest"), block.column("is_delete_marker"))
        yield block.filter(current).select(list(columns))


def as_listed(run: RunContext, specs: Sequence[SourceSpec], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read what some sources list from the raw listing."""
    for path in list_objects.block_paths(run, specs):
        yield from parquet.read_blocks(run.store, path, columns)


def as_merged(run: RunContext, specs: Sequence[SourceSpec], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read what some sources list from the table objects, which a merge has in place of a raw listing."""
    for block in parquet.table_blocks(run.store, OBJECTS.name, ("store", "bucket", "key", *columns[1:])):
        mine = pa.array([False] * block.num_rows)
        for spec in specs:
            there = pc.and_(pc.equal(block.column("store"), spec.store), pc.equal(block.column("bucket"), spec.bucket))
            mine = pc.or_(mine, pc.and_(there, pc.starts_with(block.column("key"), spec.prefix)))
        yield block.filter(mine).select(list(columns))
