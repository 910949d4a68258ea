"""Manifests of one group of files in the forms of sha256sum, BagIt (RFC 8493) and OCFL 1.1, all by SHA-256.

Paths are keys, from the top of the bucket or folder, so that each form stands beside the files as they are copied.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from mirrorfold.schemas.uri import unescape_key

FORMS = ("sha256sum", "bagit", "ocfl", "csv")
NO_PATH = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|\x00")
"""A path that a checker would look for outside its folder, or that no folder can hold."""
BAG_BLANK = re.compile(r"^\s|\s$|%")
"""bagit.py takes blanks off a path's ends, and reads `%25` as it stands where RFC 8493 means `%`."""
LINE_END = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class File(NamedTuple):
    """A file of a group: its key as the tables escape it, its size and SHA-256, whether the plan carries it."""

    key: str
    size: int
    sha256: str
    carried: bool
    uri: str = ""
    version: str = ""


class Group(NamedTuple):
    """What a manifest is of.

    Attributes:
      name: a URI for it: `urn:mirrorfold:` and its place.
      library, agent, made: for the tags of a bag and an OCFL object; made is ISO 8601 with an offset.
      plan: the plan's hash.
    """

    name: str
    library: str
    agent: str
    made: str
    plan: str


def refuse(form: str, file: File, folders: set[str]) -> str:
    """Say why a form can't name a file; '' when it can.

    Args:
      folders: every key's folders in the group: no disk can hold a file and a folder of one name.
    """
    if form == "csv":
        return ""
    if NO_PATH.search(file.key):
        return "no folder can hold a path like this"
    if file.key in folders:
        return "it is a file and a folder at once"
    if form == "sha256sum":
        return ""
    try:
        unescape_key(file.key).decode()
    except UnicodeDecodeError:
        return "its name isn't UTF-8, which this form demands"
    if form == "bagit" and (BAG_BLANK.search(file.key) or LINE_END.search(file.key)):
        return "readers of BagIt disagree about a name with %, or with blanks or line ends at its ends"
    return ""


def folders_of(keys: Sequence[str]) -> set[str]:
    """Give every folder that keys lie in, at any depth."""
    found: set[str] = set()
    for key in keys:
        while (key := key.rpartition("/")[0]) and key not in found:
            found.add(key)
    return found


def sha256sum(files: Sequence[File], _: Group) -> dict[str, bytes]:
    """Write what `sha256sum -c` takes, run at the top of the bucket or folder: carried and set aside apart."""
    named = {"carried.sha256": True, "set-aside.sha256": False}
    texts = {name: b"".join(_line(f) for f in files if f.carried == carried) for name, carried in named.items()}
    return {name: text for name, text in texts.items() if text}


def _line(file: File) -> bytes:
    """Write a line as coreutils does: a backslash before a digest says that the name is escaped."""
    name = unescape_key(file.key)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != name else b"") + file.sha256.encode() + b"  " + escaped + b"\n"


def bagit(files: Sequence[File], group: Group) -> dict[str, bytes]:
    """Write a bag's tag files; the files belong into `data/` beside them, or are fetched by fetch.txt."""
    carried = [file for file in files if file.carried]
    info = {
        "Bag-Software-Agent": group.agent,
        "External-Identifier": group.name,
        "External-Description": f"carried over from library {group.library} by plan {group.plan}",
        "Bagging-Date": group.made[:10],
        "Payload-Oxum": f"{sum(f.size for f in carried)}.{len(carried)}",
    }
    made = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": "".join(f"{name}: {value}\n" for name, value in info.items()).encode(),
        "manifest-sha256.txt": "".join(f"{f.sha256}  data/{_bagged(f.key)}\n" for f in carried).encode(),
    }
    fetched = [f for f in carried if not f.uri.startswith("file://")]
    if fetched:
        lines = (f"{quote(f.uri, safe=':/')} {f.size} data/{_bagged(f.key)}\n" for f in fetched)
        made["fetch.txt"] = "".join(lines).encode()
    tags = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items()))
    return made | {"tagmanifest-sha256.txt": "".join(tags).encode()}


def _bagged(key: str) -> str:
    return unescape_key(key).decode().replace("\r", "%0D").replace("\n", "%0A")


def ocfl(files: Sequence[File], group: Group) -> dict[str, bytes]:
    """Write an OCFL object's inventory; the files belong into `v1/content/` beside it."""
    state: dict[str, list[str]] = {}
    for file in files:
        if file.carried:
            state.setdefault(file.sha256, []).append(unescape_key(file.key).decode())
    inventory = {
        "id": group.name,
        "type": "https://ocfl.io/1.1/spec/#inventory",
        "digestAlgorithm": "sha256",
        "head": "v1",
        "manifest": {digest: [f"v1/content/{path}" for path in paths] for digest, paths in state.items()},
        "versions": {
            "v1": {
                "created": group.made,
                "message": f"carried over from library {group.library} by plan {group.plan}",
                "state": state,
                "user": {"name": group.agent, "address": "https://pypi.org/project/mirrorfold/"},
            }
        },
    }
    data = json.dumps(inventory, indent=1, ensure_ascii=False).encode()
    sidecar = f"{hashlib.sha256(data).hexdigest()} inventory.json\n".encode()
    return {
        "0=ocfl_object_1.1": b"ocfl_object_1.1\n",
        **{f"{folder}inventory.json": data for folder in ("", "v1/")},
        **{f"{folder}inventory.json.sha256": sidecar for folder in ("", "v1/")},
    }


WRITERS = {"sha256sum": sha256sum, "bagit": bagit, "ocfl": ocfl}

HOW = {
    "sha256sum": "In the folder with the copies: sha256sum -c THIS/carried.sha256 (names are keys from the bucket's or "
    "folder's top). set-aside.sha256 is of what the plan sets aside: for the quarantine, or before the move.",
    "bagit": "Copy the archive's files into data/ beside bagit.txt (each under its key), or have them fetched by "
    "fetch.txt; then: bagit.py --validate FOLDER",
    "ocfl": "Copy the archive's files into v1/content/ beside inventory.json (each under its key); then check FOLDER "
    "with a validator of OCFL 1.1.",
    "csv": "A row for each listed object version: its digest and how it is known, or why there is none.",
}
