"""Where to cut a bucket, by what an earlier run's `objects` says of it."""

from __future__ import annotations

import pyarrow.compute as pc

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.blocks.parquet import read_blocks, shards
from mirrorfold.transforms.listing.ranges import quantiles
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import OutputStore

SAMPLE = 200_000


def earlier_cuts(output: OutputStore, spec: SourceSpec, pieces: int) -> list[str]:
    """Choose cuts of a bucket from an earlier run's `objects`; [] where it had none of it.

    Rows lie in shards by a hash, so the first shards are a fair sample of all keys.
    """
    keys: list[str] = []
    for path in shards(output, f"{OBJECTS.name}/"):
        for block in read_blocks(output, path, ["store", "bucket", "key"]):
            own = pc.and_(pc.equal(block["store"], spec.store), pc.equal(block["bucket"], spec.bucket))
            own = pc.and_(own, pc.starts_with(block["key"], spec.prefix))
            keys += block.filter(own)["key"].to_pylist()
        if len(keys) >= SAMPLE:
            break
    if len(keys) < 1000 * pieces:
        return []  # too few to be worth cutting
    return quantiles([unescape_key(key).decode() for key in keys], pieces)
