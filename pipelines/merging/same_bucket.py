"""Sources that are one bucket under two names: an object may never count as its own copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

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
    COMPARED,
    ENOUGH_SHARED,
    is_access_point,
    look_like_one,
    may_be_one,
)

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


def check_same_buckets(run: RunContext) -> None:
    """Stop when two sources look like one bucket under two names.

    Raises:
      SafetyStop: which, and how to say what they are.
    """
    groups: dict[tuple[str, str], list[SourceSpec]] = {}
    for spec in run.sources:
        if spec.bucket:
            groups.setdefault((spec.store, spec.same_as or spec.bucket), []).append(spec)
    for (one, mine), (other, their) in itertools.combinations(sorted(groups.items()), 2):
        if may_be_one(mine, their) and (_same(run, mine, their) or _same(run, their, mine)):
            first, second = (make_uri(store, bucket, "") for store, bucket in (one, other))
            raise SafetyStop(
                f"{first} and {second} list the same keys with the same versions and times: if they are one bucket "
                f"under two names, an object would pass for its own copy. Say which it is in --config: sources: "
                f"{{{their[0].library}: {{same_as: {mine[0].bucket}}}}}, or replica: true for a true replica"
            )


def _same(run: RunContext, sampled: Sequence[SourceSpec], searched: Sequence[SourceSpec]) -> bool:
    sample = pa.concat_tables(_first_rows(run, sampled))
    if not sample.num_rows:
        return False
    found = sample.schema.empty_table()
    for block in _blocks(run, searched):
        found = pa.concat_tables([found, block.filter(pc.is_in(block.column("key"), value_set=sample.column("key")))])
        if found.num_rows >= ENOUGH_SHARED:
            break
    return bool(look_like_one(sample, ipc.distinct_rows(ipc.sort_rows(found, ("key",)), ("key",))))


def _first_rows(run: RunContext, specs: Sequence[SourceSpec]) -> Iterator[pa.Table]:
    rows = 0
    for block in _blocks(run, specs):
        yield block.slice(0, SAMPLE - rows)
        rows += block.num_rows
        if rows >= SAMPLE:
            return
    if not rows:
        yield pa.schema([OBJECTS.schema.field(name) for name in COMPARED]).empty_table()


def _blocks(run: RunContext, specs: Sequence[SourceSpec]) -> Iterator[pa.Table]:
    """Read current objects as they were listed."""
    for path in list_objects.block_paths(run, specs):
        for block in parquet.read_blocks(run.store, path, [*COMPARED, "is_latest", "is_delete_marker"]):
            current = pc.and_not(block.column("is_latest"), block.column("is_delete_marker"))
            yield block.filter(current).select(list(COMPARED))
