"""What full detail showed of single contents, and how it moves them in the keep order: their family is decided again.

The keep order is made from `contents`, before anything is read at full detail. What only a whole reading tells takes
its criterion's place in the key later: `LATE` gives a criterion's number, smaller being better, as `CRITERIA` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mirrorfold.transforms.retain.keep_order import place_of
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Confirmed, Member, Seen

LATE: dict[str, Callable[[Seen], int | None]] = {
    "sound": lambda seen: None if seen.damaged is None else int(seen.damaged != ""),
}
"""By criterion: its number by what was seen, None where that says nothing."""


def seen_of(pairs: Iterable[Confirmed]) -> dict[str, Seen]:
    """Give what rows of confirmations say of each content; two readings of the same bytes see the same."""
    found: dict[str, Seen] = {}
    for row in pairs:
        for content, seen in ((row.content_a, Seen(row.damaged_a)), (row.content_b, Seen(row.damaged_b))):
            if seen != Seen():
                found[content] = seen
    return found


def with_seen(members: Iterable[Member], seen: Mapping[str, Seen], policy: Policy) -> list[Member]:
    """Give members with what was seen of their contents in their priority, best first."""
    places = {by: place for by in LATE if (place := place_of(policy, by)) is not None}
    moved = [
        _moved(member, seen[member.content_id], places) if member.content_id in seen else member for member in members
    ]
    return sorted(moved, key=lambda member: member.priority)


def _moved(member: Member, seen: Seen, places: Mapping[str, slice]) -> Member:
    key = bytearray(member.priority)
    for by, place in places.items():
        number = LATE[by](seen)
        if number is not None:
            key[place] = number.to_bytes(8, "big")
    return member._replace(priority=bytes(key))
