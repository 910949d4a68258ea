"""Indexes of WebDataset shards: which file goes into which tar under which key, and what the shards will be.

Each sample is a picture as it is and a JSON file beside it, under one key (WebDataset's convention); the list of shards
is that of its library wids (`wids-shard-index-v1`). Nothing is copied: who makes the tars follows the lists, in USTAR.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

BLOCK, RECORD = 512, 10_240
"""Bytes of a tar's blocks, and of the records that it is filled up to."""
ENDINGS = {
    "image/jpeg": "jpg", "image/tiff": "tif", "image/svg+xml": "svg", "image/x-portable-anymap": "pnm",
}  # fmt: skip


class Shard(NamedTuple):
    """A shard: the name of its tar, its samples and the bytes that it will have."""

    name: str
    samples: list[dict]
    filesize: int


def sample_of(row: Mapping) -> dict:
    """Give a sample: its key, the picture's ending and where it lies, and what its JSON file says."""
    kind = row["media_type"]
    said = {name: value for name, value in row.items() if value is not None}
    return {
        "__key__": row["content_id"],
        "ending": ENDINGS.get(kind, kind.rpartition("/")[2].removeprefix("x-")),
        "uri": row["uri"], "version": row["version"], "size": row["size"],
        "json": json.dumps(said, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip


def shards(rows: Iterable[Mapping], largest: int, name: str = "kept") -> Iterator[Shard]:
    """Divide rows among shards of at most `largest` bytes each; a picture that is larger has one of its own."""
    samples: list[dict] = []
    size = number = 0
    for sample in map(sample_of, rows):
        more = _member(sample["size"]) + _member(len(sample["json"].encode()))
        if samples and _whole(size + more) > largest:
            yield Shard(f"{name}-{number:06d}.tar", samples, _whole(size))
            samples, size, number = [], 0, number + 1
        samples.append(sample)
        size += more
    if samples:
        yield Shard(f"{name}-{number:06d}.tar", samples, _whole(size))


def index(made: Iterable[tuple[str, int, int]], name: str) -> bytes:
    """Write the list of shards: (name, samples, bytes) of each."""
    listed = [{"url": url, "nsamples": samples, "filesize": size} for url, samples, size in made]
    document = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": listed}
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _member(size: int) -> int:
    return BLOCK + -(-size // BLOCK) * BLOCK


def _whole(size: int) -> int:
    return -(-(size + 2 * BLOCK) // RECORD) * RECORD
