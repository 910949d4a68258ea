"""The page of a merge: what each side keeps, for itself and for the other."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorfold.transforms.publish.environment import environment
from mirrorfold.transforms.publish.languages import NAMES, both, both_or
from mirrorfold.transforms.publish.text import human_bytes


def render_sides(found: Mapping, language: str = "en") -> str:
    """Render the page in every language from what `side_plans.summarise_sides` gives; everything is escaped."""
    sides = []
    for side in found["sides"]:
        cells = {
            action: f"{row['objects']:,} ({human_bytes(row['bytes'])})"
            for action in ("keep", "quarantine", "review", "blocked")
            for row in [side["actions"].get(action, {"objects": 0, "bytes": 0})]
        }
        sides.append({**{k: v for k, v in side.items() if k != "actions"}, **cells})
    for side in sides:
        side["travels"] = both_or(f"sides.travels_{side['travels']}", side["travels"])
    keeps = [
        {
            **row,
            "freed": human_bytes(row["bytes_freed"]),
            "action": both(f"actions.{row['action']}"),
            "tier": both_or(f"tiers.{row['tier']}", row["tier"] or ""),
        }
        for row in found["keeps"]
    ]
    hashes = [side["name"] for side in found["sides"] if side["travels"] == "hashes"]
    return (
        environment()
        .get_template("sides.html.j2")
        .render(sides=sides, keeps=keeps, hashes=hashes, languages=NAMES, language=language)
    )
