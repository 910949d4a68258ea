"""What is known of a plan's having been carried out: what the last reconciliation of this very plan found."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

from mirrorfold.schemas.reconciliation import ACTED, RECONCILIATION
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import OutputStore

RECORD = "reconciliation.json"


class Acted(NamedTuple):
    """What was done with a plan, by the state of its objects.

    Attributes:
      asked_at: when it was reconciled, in ISO 8601; None where nobody has reconciled this very plan.
      counts: objects by state, of those that somebody acted on.
    """

    asked_at: str | None
    counts: dict[str, int]

    @property
    def told(self) -> str:
        """Say it in a line."""
        if self.asked_at is None:
            return "whether anybody acted on this plan isn't known: nobody has reconciled it (`mirrorfold reconcile`)"
        found = ", ".join(f"{count:,} {state}" for state, count in sorted(self.counts.items())) or "nothing"
        return f"acted on, by the reconciliation of {self.asked_at}: {found}"


def acted_on(output: OutputStore, libraries: frozenset[str] | None = None) -> Acted:
    """Say what the last reconciliation of the plan as it is now found done.

    Args:
      libraries: of a merged plan, those that it is asked about; None for all.
    """
    try:
        record = json.loads(output.get(RECORD))
        asked_at = record["made_at"] if record["plan_hash"] == plan_hash(output) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        asked_at = None
    counts: Counter[str] = Counter()
    for block in parquet.table_blocks(output, RECONCILIATION.name, ["library", "state"]) if asked_at else ():
        for row in block.to_pylist():
            if row["state"] in ACTED and (libraries is None or row["library"] in libraries):
                counts[row["state"]] += 1
    return Acted(asked_at, dict(counts))
