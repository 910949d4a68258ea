"""Raw listing files under DIR: blocks as they are listed, and one small commit per unit of work.

A unit that is listed anew after a failure overwrites its blocks and its commit; blocks that no commit names don't
count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa

from mirrorfold.transforms.blocks.parquet import to_parquet
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "_work/listing/"


@dataclass(frozen=True)
class Listed:
    """The commit of one unit: its rows and blocks."""

    unit: str
    library: str
    rows: int
    blocks: int

    def paths(self) -> list[str]:
        """Name the unit's blocks."""
        return [block_path(self.unit, number) for number in range(self.blocks)]


def block_path(unit: str, number: int) -> str:
    """Name a block of a unit."""
    return f"{FOLDER}{unit}-{number:06d}.parquet"


def write_unit(output: OutputStore, unit: str, library: str, blocks: Iterable[pa.Table]) -> Listed:
    """Write a unit's blocks as they come, then its commit."""
    rows = count = 0
    for block in blocks:
        if block.num_rows:
            output.put(block_path(unit, count), to_parquet(block))
            rows, count = rows + block.num_rows, count + 1
    listed = Listed(unit, library, rows, count)
    output.put(f"{FOLDER}{unit}.json", json.dumps(asdict(listed), sort_keys=True).encode())
    return listed


def read_commits(output: OutputStore) -> list[Listed]:
    """Read the commits of all units."""
    paths = sorted(path for path in output.list(FOLDER) if path.endswith(".json"))
    return [Listed(**json.loads(output.get(path))) for path in paths]


def clear(output: OutputStore) -> None:
    """Remove an earlier listing."""
    for path in output.list(FOLDER):
        output.delete(path)
