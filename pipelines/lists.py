"""Hold lists and the catalogue: which files a run uses, what they were when it decided, and whether they still are."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import logging
import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain import matched, sidecar
from mirrorfold.transforms.retain.digests import INPUTS
from mirrorfold.transforms.stores.output import OutputStore

USED = f"{INPUTS}lists.json"
"""Which files the decisions rest on, by kind and SHA-256, and how many of their lines mean a listed object."""
HOLDS = f"{INPUTS}holds.parquet"
UNMATCHED = f"{INPUTS}unmatched.csv"
NAMED = 10
"""Lines that an error names; the file has all."""
WARNED = 0.05
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")

_log = logging.getLogger("mirrorfold.lists")


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
            if kind == "hold_list":
                sidecar.hold_patterns(path)
        except ValueError as error:
            raise UsageError(str(error)) from error


def check(run: RunContext) -> None:
    """Join the lists with what was listed before hours of work rest on them, and keep what they say under DIR/inputs.

    Raises:
      SafetyStop: lines of a hold list mean no listed object, and nobody said that this is right.
    """
    files = sidecars(run.settings, run.policy)
    for path in (USED, HOLDS, UNMATCHED):
        run.store.delete(path)
    if not files:
        return
    lines = matched.hold_lines(files)
    holds = matched.match_holds(lines, lambda: parquet.table_blocks(run.store, "objects", ["uri"]))
    catalogue = _match_catalogue(run, [path for kind, path in files if kind == "catalogue"])
    used = [{"kind": kind, "sha256": digest(path)} for kind, path in files]
    joined = {
        name: {"lines": found.lines, "matched": found.matched}
        for name, found in (("holds", holds), ("catalogue", catalogue))
        if found.lines
    }
    run.store.put(HOLDS, parquet.to_parquet(lines))
    run.store.put(UNMATCHED, _as_csv(holds, catalogue))
    run.store.put(USED, json.dumps({"files": used, "joined": joined}, indent=1, sort_keys=True).encode())
    for line in tell(joined, run.store.url(UNMATCHED)):
        _log.info(line)
    if holds.unmatched and not run.settings.listing.allow_unmatched_holds:
        missing = holds.lines - holds.matched
        raise SafetyStop(
            f"{missing:,} of {holds.lines:,} hold lines match no listed object, so they would hold nothing: "
            f"{'; '.join(map(repr, holds.unmatched[:NAMED]))}{' ...' if missing > NAMED else ''} (all of them: "
            f"{run.store.url(UNMATCHED)}). Mend the list, or say --allow-unmatched-holds if those objects lie elsewhere"
        )


def _match_catalogue(run: RunContext, paths: list[str]) -> matched.Matched:
    def blocks() -> Iterator[pa.Table]:
        return itertools.chain.from_iterable(map(sidecar.read_sidecar, paths))

    if not paths:
        return matched.Matched(0, 0, [])
    return matched.match_catalogue(blocks, lambda: parquet.table_blocks(run.store, "objects", ["uri"]))


def _as_csv(holds: matched.Matched, catalogue: matched.Matched) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["kind", "line"])
    for kind, found in (("hold", holds), ("catalogue", catalogue)):
        writer.writerows([kind, f"'{line}" if line.startswith(FORMULA) else line] for line in found.unmatched)
    return text.getvalue().encode("utf-8", "surrogatepass")


def tell(joined: dict[str, dict[str, int]], unmatched: str) -> list[str]:
    """Write how the lists were joined, one line each; more than 5 % of a catalogue without an object is a warning."""
    told = []
    for name, words in (("holds", "holds"), ("catalogue", "catalogue rows")):
        if name in joined:
            lines, found = joined[name]["lines"], joined[name]["matched"]
            warning = "Warning: only " if name == "catalogue" and lines - found > WARNED * lines else ""
            rest = f"; {unmatched} names the others" if found < lines else ""
            told.append(f"{warning}{found:,} of {lines:,} {words} matched{rest}")
    return told


def joined_lists(store: OutputStore) -> dict[str, dict[str, int]]:
    """Read how many lines of the hold lists and of the catalogue mean a listed object; empty without lists."""
    return _used(store).get("joined", {})


def had_catalogue(store: OutputStore) -> bool:
    """Tell whether the plan was made with a catalogue."""
    return any(file["kind"] == "catalogue" for file in _used(store)["files"])


def hold_lines(store: OutputStore) -> list[tuple[str, str | None]]:
    """Read the hold lines that the plan was made with: each with an expression over `join_keys` if it is a pattern."""
    try:
        with store.open(HOLDS) as file:
            lines = pq.read_table(file)
    except FileNotFoundError:
        return []
    names, patterns = (lines.column(name).to_pylist() for name in ("line", "pattern"))
    regexes = sidecar.pattern_regexes(names)
    return [(n, regex if wide else None) for n, wide, regex in zip(names, patterns, regexes, strict=True)]


def depends_on(run: RunContext) -> list:
    """Name what the check depends on beside the listing."""
    files = [[kind, digest(path)] for kind, path in sidecars(run.settings, run.policy)]
    return [files, run.settings.listing.allow_unmatched_holds]


def _used(store: OutputStore) -> dict:
    try:
        return json.loads(store.get(USED))
    except FileNotFoundError:
        return {"files": []}


def changed(store: OutputStore, settings: Settings, policy: dict) -> list[str]:
    """Name the files that say something else now than when the decisions were made.

    A file that isn't there any more says nothing new: the decisions go by what it said then.
    """
    used = {(file["kind"], file["sha256"]) for file in _used(store)["files"]}
    return [
        path for kind, path in sidecars(settings, policy) if os.path.isfile(path) and (kind, digest(path)) not in used
    ]


def digest(path: str) -> str:
    """Give a file's SHA-256 (hex).

    Raises:
      UsageError: it can't be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: can't read this list: {error.strerror}; put it back, or name another") from error
