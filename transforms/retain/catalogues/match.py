"""Which listed object a catalogue's record means by the file name, path or address that it states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.transforms.retain.spelling import join_keys, line_keys

_ADDRESS = re.compile(r"(?i)^(?:[a-z][a-z0-9+.-]*:)?//|^/")
_DRIVE = re.compile(r"^[A-Za-z]:/*")
NONE, SEVERAL = "no listed object", "several listed objects"


class Found(NamedTuple):
    """What a stated file means: the object's URI, or why none: NONE or SEVERAL."""

    uri: str
    why: str = ""


def match_files(stated: Sequence[str], objects: Iterable[pa.Table]) -> Mapping[str, Found]:
    """Find the object that each stated file means; where two would do, none does.

    An address or absolute path means that very object. A path or a name means the one object whose path ends in it,
    whole folders at a time; a name without an ending, where none has it, the one file that has it before its ending.

    Args:
      stated: as in the export.
      objects: blocks with the column uri.
    """
    keys = dict(zip(stated, _keys(stated), strict=True))
    wanted: dict[str, set[str]] = {}
    for key in keys.values():
        wanted.setdefault(key.rpartition("/")[2], set())
    ends: dict[str, list[tuple[str, str]]] = {}
    stems: dict[str, list[tuple[str, str]]] = {}
    for block in objects:
        uris = block.column("uri")
        for uri, key in zip(uris.to_pylist(), join_keys(uris).to_pylist(), strict=True):
            name = key.rpartition("/")[2]
            if name in wanted:
                ends.setdefault(name, []).append((key, uri))
            if (stem := name.rpartition(".")[0]) in wanted:
                stems.setdefault(stem, []).append((f"{key.rpartition('.')[0]}", uri))
    return {text: _one(text, key, ends, stems) for text, key in keys.items()}


def _keys(stated: Sequence[str]) -> list[str]:
    plain = [_DRIVE.sub("", text.strip().replace("\\", "/")) if not _ADDRESS.match(text) else text for text in stated]
    return [key if _ADDRESS.match(text) else key.strip("/") for text, key in zip(plain, line_keys(plain), strict=True)]


def _one(text: str, key: str, ends: Mapping[str, list], stems: Mapping[str, list]) -> Found:
    name = key.rpartition("/")[2]
    for known in (ends.get(name, []), stems.get(name, [])):
        exact = {uri for path, uri in known if path == key}
        found = exact or (set() if _ADDRESS.match(text) else {u for p, u in known if f"/{p}".endswith(f"/{key}")})
        if found:
            return Found(min(found)) if len(found) == 1 else Found("", SEVERAL)
    return Found("", NONE)
