"""The report's largest clusters, with their pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import both, both_or
from mirrorfold.transforms.publish.text import human_bytes


@dataclass(frozen=True)
class Picture:
    """A small picture for a page: WebP bytes; `sketch` when it was drawn from the stored luma."""

    data: bytes
    sketch: bool = False

    @property
    def data_uri(self) -> str:
        return "data:image/webp;base64," + base64.b64encode(self.data).decode()


def cluster_cards(facts: Facts, pictures: Mapping[str, Picture]) -> list[dict]:
    """Make the largest clusters with their pictures."""
    members: dict[str, list[Mapping]] = {}
    for row in facts.members:
        members.setdefault(row["cluster_id"], []).append(row)
    return [
        {
            "freed": both("clusters.freed", now=human_bytes(row["freed"]), review=human_bytes(row["review"])),
            "objects": both("clusters.objects", objects=f"{row['objects']:,}", contents=f"{row['contents']:,}"),
            "libraries": row["libraries"],
            "shots": [_shot(member, pictures) for member in members.get(row["cluster_id"], [])],
        }
        for row in facts.largest
        if row["freed"] or row["review"]
    ]


def _shot(member: Mapping, pictures: Mapping[str, Picture]) -> dict:
    picture = pictures.get(member["content_id"])
    label = both("clusters.kept") if member["is_master"] else both_or(f"kinds.{member['kind']}", member["kind_text"])
    facts = [f"{member['width']:,} × {member['height']:,}"] if member["width"] else []
    return {
        "kept": member["is_master"],
        "image": picture and picture.data_uri,
        "sketch": bool(picture and picture.sketch),
        "label": label,
        "copies": f"× {member['objects']:,}" if member["objects"] > 1 else "",
        "facts": " · ".join([*facts, human_bytes(member["size"])]),
        "uri": member["uri"],
    }
