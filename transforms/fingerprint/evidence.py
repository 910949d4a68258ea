"""Which objects of a shard one read settles, by what the listing shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mirrorfold.transforms.stores.api import ObjectRef


class Item(NamedTuple):
    """One object of a shard.

    `known` is the content_id that an earlier run proved, `was_read` whether it read this very object, `known_failure`
    the (stage, code, message, sha256) of a failure that would only repeat. `again`: an earlier run knows its content,
    and it is read once more all the same, to the end.
    """

    uri: str
    ref: ObjectRef
    md5: str | None
    sha256: str | None
    physical_id: str | None
    look_up: bool
    sniff: bool
    known: str | None = None
    was_read: bool = False
    known_failure: tuple[str, str, str, str | None] | None = None
    again: bool = False


def group_items(items: Sequence[Item], accept_md5: bool) -> list[list[Item]]:
    """Group items that the listing shows to hold the same bytes: by SHA-256, by physical place, by MD5 where accepted.

    Order is kept, within groups and between them.
    """
    parent = list(range(len(items)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple, int] = {}
    for index, item in enumerate(items):
        for key in _keys(item, accept_md5):
            joined = root(first.setdefault(key, index))
            mine = root(index)
            parent[max(joined, mine)] = min(joined, mine)
    groups: dict[int, list[Item]] = {}
    for index, item in enumerate(items):
        groups.setdefault(root(index), []).append(item)
    return list(groups.values())


def _keys(item: Item, accept_md5: bool) -> list[tuple]:
    keys: list[tuple] = []
    if item.sha256:
        keys.append(("sha256", item.sha256))
    if item.physical_id:
        keys.append(("physical", item.physical_id, item.ref.size, item.ref.etag))
    if item.md5 and accept_md5:
        keys.append(("md5", item.md5, item.ref.size))
    return keys


def evidence_for(item: Item, content_id: str, reader: Item, accept_md5: bool) -> str | None:
    """Say how an unread item's content is known from the one that was read; None where nothing shows it after all."""
    if item.sha256:
        return "sha256" if item.sha256 == content_id else None
    if item.physical_id and _keys(item, False) == _keys(reader._replace(sha256=None), False):
        return "read"
    if accept_md5 and item.md5 and (item.md5, item.ref.size) == (reader.md5, reader.ref.size):
        return "md5"
    return None
