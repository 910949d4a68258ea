"""A quarantine of files in folders: a list, and scripts for POSIX shells and PowerShell that move and move back.

The scripts look before each move: the file must have the size and SHA-256 that it was decided on, and its kept copy
must be there, with the same bytes where the plan says so. What isn't as it should be is left where it is and named.
Nothing is overwritten; a script that was stopped goes on when it is run again.
"""

from __future__ import annotations

import re
from importlib.resources import files

from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.publish.manifests.rows import PlanRow

CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
SAME, OTHER, ELSEWHERE = "same", "other", "elsewhere"
"""What the plan says of the kept copy: the same bytes, other bytes, or a copy that isn't in a folder here."""

SCRIPTS = ("quarantine.sh", "quarantine.ps1")


def refuse(row: PlanRow, target: str | None) -> str:
    """Say why a script can't move a file; '' when it can."""
    if row.content_id is None:
        return "its bytes were never read: a script couldn't tell whether it is still the same file"
    places = [place_of(row), target_of(row, target), kept_of(row)[1]]
    if any(place is None for place in places):
        return "the name isn't UTF-8"
    if any(CONTROLS.search(place or "") for place in places):
        return "a control character or line break in the name"
    if target is not None and f"{target}/".startswith(f"{_text(row.bucket)}/"):
        return "the quarantine folder lies within the source: choose another --target"
    return ""


def line(row: PlanRow, target: str | None) -> bytes:
    """Write a file's line: bytes, SHA-256, from, to, what the kept copy is, and where; tabs between."""
    kind, kept = kept_of(row)
    cells = (str(row.size), row.content_id, place_of(row), target_of(row, target), kind, kept)
    return "\t".join(map(str, cells)).encode() + b"\n"


def place_of(row: PlanRow) -> str | None:
    """Give the file's path; None where its name isn't UTF-8."""
    folder, key = _text(row.bucket), _text(row.key)
    return None if folder is None or key is None else f"{folder.rstrip('/')}/{key}"


def target_of(row: PlanRow, target: str | None) -> str | None:
    """Give the path that the file moves to: beside its source by default, else below `target` by its whole path."""
    place, folder = place_of(row), _text(row.bucket)
    if place is None or folder is None:
        return None
    return target + place if target else f"{folder.rstrip('/')}-quarantine{place.removeprefix(folder.rstrip('/'))}"


def kept_of(row: PlanRow) -> tuple[str, str | None]:
    """Give what the kept copy is, and its path, or `-` where it isn't a file here."""
    uri = row.kept_uri or ""
    if not uri.startswith("file://"):
        return ELSEWHERE, "-"
    return (SAME if row.tier_to_kept == "identical" else OTHER), _text(uri.removeprefix("file://"))


def scripts(list_names: list[str]) -> dict[str, bytes]:
    """Write the scripts, for the lists of an export."""
    room = files("mirrorfold.transforms.publish") / "templates"
    quoted = {"sh": " ".join(f"'{name}'" for name in list_names), "ps1": ", ".join(f"'{n}'" for n in list_names)}
    return {
        name: (room / name).read_text("utf-8").replace("@LISTS@", quoted[name.rpartition(".")[2]]).encode()
        for name in SCRIPTS
    }


def _text(escaped: str) -> str | None:
    try:
        return unescape_key(escaped).decode()
    except UnicodeDecodeError:
        return None
