"""What changed since the previous run, for the report: by library, and kept copies that are gone."""

from __future__ import annotations

from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.text import human_bytes

SUMS = ("duplicate", "realised", "waiting")


def changes_part(facts: Facts) -> dict:
    """Make the table of changes and the lists of what rotted and was relied on; empty without a previous run."""
    rows = [
        {
            **{name: f"{row[name]:,}" for name in ("new", "changed", "gone")},
            **{name: human_bytes(row[name]) for name in SUMS},
            "library": row["library"],
        }
        for row in facts.changes
    ]
    relied = [{**row, "relied_on": f"{row['relied_on']:,}"} for row in facts.relied]
    copies = facts.rotted[0]["copies"] if facts.rotted else 0
    return {"changes": rows, "relied": relied, "rotted": facts.rotted, "rotted_copies": f"{copies:,}"}
