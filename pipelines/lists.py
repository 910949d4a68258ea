"""Hold lists and the catalogue: which files a run uses, what they were when it decided, and whether they still are."""

from __future__ import annotations

import hashlib
import json
import os

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.retain import sidecar
from mirrorfold.transforms.retain.digests import INPUTS
from mirrorfold.transforms.stores.output import OutputStore

USED = f"{INPUTS}lists.json"
"""Which files the decisions rest on: kind and SHA-256 of each."""


def sidecars(settings: Settings, policy: dict) -> list[tuple[str, str]]:
    """Name the sidecar files as (kind, path)."""
    hold_lists = (policy["holds"]["hold_list"], settings.listing.hold_list)
    files = [("hold_list", path) for path in hold_lists if path]
    return files + ([("catalogue", settings.catalogue)] if settings.catalogue else [])


def check_sidecars(settings: Settings, policy: dict) -> None:
    """Refuse a catalogue or hold list that can't be used, before any work starts.

    Raises:
      UsageError: one line naming the file.
    """
    for kind, path in sidecars(settings, policy):
        try:
            sidecar.check_sidecar(path, needs_field=kind == "catalogue")
        except ValueError as error:
            raise UsageError(str(error)) from error


def keep(run: RunContext) -> None:
    """Write down under DIR/inputs which files the decisions are made with."""
    used = [{"kind": kind, "sha256": digest(path)} for kind, path in sidecars(run.settings, run.policy)]
    run.store.put(USED, json.dumps(used, indent=1, sort_keys=True).encode())


def changed(store: OutputStore, settings: Settings, policy: dict) -> list[str]:
    """Name the files that say something else now than when the decisions were made.

    A file that isn't there any more says nothing new: the decisions go by what it said then.
    """
    try:
        used = {(file["kind"], file["sha256"]) for file in json.loads(store.get(USED))}
    except FileNotFoundError:
        used = set()
    return [
        path for kind, path in sidecars(settings, policy) if os.path.isfile(path) and (kind, digest(path)) not in used
    ]


def digest(path: str) -> str:
    """Give a file's SHA-256 (hex)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
