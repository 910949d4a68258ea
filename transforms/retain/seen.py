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
    "detail": lambda seen: None if seen.soft is None else int(seen.soft),
    "history": lambda seen: None if seen.recoded is None else int(seen.recoded),
}
"""By criterion: its number by what was seen, None where that says nothing."""


def seen_of(pairs: Iterable[Confirmed]) -> dict[str, Seen]:
    """Give what rows of confirmations say of each content, of all the pairs that it is in."""
    found: dict[str, Seen] = {}
    for row in pairs:
        sides = (
            (row.content_a, Seen(row.damaged_a, row.soft_a, row.recoded_a)),
            (row.content_b, Seen(row.damaged_b, row.soft_b, row.recoded_b)),
        )
        for content, said in sides:
            if said != Seen():
                before = found.get(content, said)
                # Bytes are damaged whatever they are compared with, though a twin may have to tell.
                damaged = max((one for one in (before.damaged, said.damaged) if one is not None), default=None)
                found[content] = Seen(damaged, _either(before.soft, said.soft), _either(before.recoded, said.recoded))
    return found


def _either(one: bool | None, other: bool | None) -> bool | None:
    return max((told for told in (one, other) if told is not None), default=None)


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
