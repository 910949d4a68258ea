"""Read what a plan relies on once more: only bytes tell whether a copy is still what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from mirrorfold.transforms.publish.manifests.kept import Copy, Kept, Key
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "_work/reread/"
BATCH = 1_000
PIECE = 16 << 20
ROTTEN = "its kept copy's bytes aren't those that were hashed: compare it with a backup, and keep this one"


class Cost(NamedTuple):
    """What reading again takes: copies, bytes, and both by (store, bucket, library, storage class)."""

    copies: int
    bytes: int
    places: dict[tuple[str, str, str, str], tuple[int, int]]


def cost_of(kept: Kept) -> Cost:
    """Sum up what reading every named copy once takes."""
    places: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for copy in kept.named.values():
        place = (copy.ref.store, copy.ref.bucket, copy.ref.library, copy.storage_class)
        count, size = places.get(place, (0, 0))
        places[place] = (count + 1, size + copy.ref.size)
    return Cost(len(kept.named), sum(size for _, size in places.values()), places)


def reread(
    kept: Kept, stores: Stores, output: OutputStore, threads: int, done: Callable[[int], None]
) -> dict[Key, str]:
    """Read each copy that rows name once, however many name it; give what is wrong with it, by (uri, version).

    What was read is written down batch by batch, so that a killed export goes on; a finished one clears it away, and
    the next reads anew.

    Args:
      done: is told the bytes that were read, now and before.
    """
    known = _earlier(output)
    wanted = {_name(copy): (key, copy) for key, copy in sorted(kept.named.items())}
    done(sum(copy.ref.size for name, (_, copy) in wanted.items() if name in known))
    left = iter([copy for name, (_, copy) in wanted.items() if name not in known])
    batch = len([path for path in output.list(FOLDER) if path.endswith(".json")])
    with ThreadPoolExecutor(threads) as pool:
        while copies := list(islice(left, BATCH)):
            found = dict(zip(map(_name, copies), pool.map(lambda copy: _read(stores, copy), copies), strict=True))
            output.put(f"{FOLDER}{batch:06d}.json", json.dumps(found, sort_keys=True).encode())
            known, batch = known | found, batch + 1
            done(sum(copy.ref.size for copy in copies))
    return {key: known[name] for name, (key, _) in wanted.items() if known[name]}


def forget(output: OutputStore) -> None:
    """Clear away what an export that is finished had read."""
    for path in output.list(FOLDER):
        output.delete(path)


def _earlier(output: OutputStore) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in output.list(FOLDER):
        found |= json.loads(output.get(path))
    # What the store didn't give is asked for again.
    return {name: problem for name, problem in found.items() if not problem or problem == ROTTEN}


def _name(copy: Copy) -> str:
    return json.dumps([copy.ref.store, copy.ref.bucket, copy.ref.key, copy.ref.version, copy.ref.etag, copy.content_id])


def _read(stores: Stores, copy: Copy) -> str:
    digest = hashlib.sha256()
    try:
        for part in _parts(stores, copy.ref):
            digest.update(part)
    except StoreError as error:
        return f"its kept copy can't be read again: {error.code}"
    return "" if digest.hexdigest() == copy.content_id else ROTTEN


def _parts(stores: Stores, ref: ObjectRef) -> Iterable[bytes]:
    for start in range(0, max(ref.size, 1), PIECE):
        yield stores.read(ref, start, min(start + PIECE, ref.size))
