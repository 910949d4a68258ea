"""Read what a plan relies on once more: only bytes tell whether a copy is still what it was."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.schemas.rereadings import REREADINGS
from mirrorfold.transforms.blocks.parquet import read_table, replace_table
from mirrorfold.transforms.publish.manifests.kept import Copy, Kept, Key
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "_work/reread/"
BATCH = 1_000
PIECE = 16 << 20
MAX_AGE = dt.timedelta(days=1)
"""What a killed export read longer ago than this is read anew."""
ROTTEN = "its kept copy's bytes aren't those that were hashed: compare it with a backup, and keep this one"


class Cost(NamedTuple):
    """What reading again takes: copies, bytes, and both by (store, bucket, library, storage class)."""

    copies: int
    bytes: int
    places: dict[tuple[str, str, str, str], tuple[int, int]]


class Reading(NamedTuple):
    """What one reading found: SHA-256 of the bytes or None with the store's error, and when, in ISO 8601."""

    sha256: str | None
    error: str | None
    at: str


def cost_of(kept: Kept) -> Cost:
    """Sum up what reading every named copy once takes."""
    places: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for copy in kept.named.values():
        place = (copy.ref.store, copy.ref.bucket, copy.ref.library, copy.storage_class)
        count, size = places.get(place, (0, 0))
        places[place] = (count + 1, size + copy.ref.size)
    return Cost(len(kept.named), sum(size for _, size in places.values()), places)


def reread(
    kept: Kept, stores: Stores, output: OutputStore, threads: int, done: Callable[[int], None], plan: str = ""
) -> dict[Key, str]:
    """Read each copy that rows name once, however many name it; give what is wrong with it, by (uri, version).

    What was read is written down batch by batch, so that a killed export of the same plan goes on within MAX_AGE; in
    the end all of it is the table `rereadings`. A finished export clears the batches away, and the next reads anew.

    Args:
      done: is told the bytes that were read, now and before.
      plan: names the plan that they are read for.
    """
    known = _earlier(output, plan)
    wanted = {_name(copy): (key, copy) for key, copy in sorted(kept.named.items())}
    done(sum(copy.ref.size for name, (_, copy) in wanted.items() if name in known))
    left = iter([copy for name, (_, copy) in wanted.items() if name not in known])
    batch = len([path for path in output.list(FOLDER) if path.endswith(".json")])
    with ThreadPoolExecutor(threads) as pool:
        while copies := list(islice(left, BATCH)):
            found = dict(zip(map(_name, copies), pool.map(lambda copy: _read(stores, copy), copies), strict=True))
            said = json.dumps({"plan": plan, "readings": found}, sort_keys=True)
            output.put(f"{FOLDER}{batch:06d}.json", said.encode())
            known, batch = known | found, batch + 1
            done(sum(copy.ref.size for copy in copies))
    rows = [_row(key, copy, known[name], plan) for name, (key, copy) in wanted.items()]
    before = (row for row in read_table(output, REREADINGS).to_pylist() if row["plan"] == plan)
    others = [row for row in before if (row["uri"], row["version"]) not in kept.named]  # of earlier waves
    replace_table(output, REREADINGS, pa.Table.from_pylist([*others, *rows], schema=REREADINGS.schema))
    return {(row["uri"], row["version"]): _problem(row) for row in rows if row["outcome"] != "same"}


def forget(output: OutputStore) -> None:
    """Clear away what an export that is finished had read."""
    for path in output.list(FOLDER):
        output.delete(path)


def _row(key: Key, copy: Copy, reading: Reading, plan: str) -> dict:
    outcome = "unread" if reading.sha256 is None else "same" if reading.sha256 == copy.content_id else "rotted"
    return {
        "uri": key[0], "version": key[1], "content_id": copy.content_id, "sha256": reading.sha256, "outcome": outcome,
        "detail": reading.error, "plan": plan, "read_at": dt.datetime.fromisoformat(reading.at),
    }  # fmt: skip


def _problem(row: dict) -> str:
    return ROTTEN if row["outcome"] == "rotted" else f"its kept copy can't be read again: {row['detail']}"


def _earlier(output: OutputStore, plan: str) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    youngest = (dt.datetime.now(dt.UTC) - MAX_AGE).isoformat()
    for path in output.list(FOLDER):
        said = json.loads(output.get(path))
        if isinstance(said, dict) and said.get("plan") == plan:
            found |= {name: Reading(*reading) for name, reading in said["readings"].items()}
    # What the store didn't give is asked for again.
    return {name: reading for name, reading in found.items() if reading.sha256 and reading.at >= youngest}


def _name(copy: Copy) -> str:
    return json.dumps([copy.ref.store, copy.ref.bucket, copy.ref.key, copy.ref.version, copy.ref.etag, copy.content_id])


def _read(stores: Stores, copy: Copy) -> Reading:
    digest, at = hashlib.sha256(), dt.datetime.now(dt.UTC).isoformat()
    try:
        for part in _parts(stores, copy.ref):
            digest.update(part)
    except StoreError as error:
        return Reading(None, error.code, at)
    return Reading(digest.hexdigest(), None, at)


def _parts(stores: Stores, ref: ObjectRef) -> Iterable[bytes]:
    for start in range(0, max(ref.size, 1), PIECE):
        yield stores.read(ref, start, min(start + PIECE, ref.size))
