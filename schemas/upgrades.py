"""How a table of an older schema version becomes one of the next: a pure function of a shard's rows for each step.

A new version of a table comes with its step here, so that an older run's folder can be brought up to date by
`mirrorfold state upgrade`. Added columns need none: they are null in older rows. A step can't move rows between shards.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa


def _same(rows: pa.Table) -> pa.Table:
    return rows


UPGRADES: dict[tuple[str, int], Callable[[pa.Table], pa.Table]] = {
    ("decisions", 1): _same,  # bytes_if_same was added
}
"""By table and the version that is left behind."""


def leads_up(table: str, found: int, ours: int) -> bool:
    """Tell whether there is a step for each version between."""
    return found <= ours and all((table, version) in UPGRADES for version in range(found, ours))
