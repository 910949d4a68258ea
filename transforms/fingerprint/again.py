"""Read contents again, for the detail that their stored luma doesn't hold: once each, read-only, in threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.fingerprint.budget import ByteBudget
from mirrorfold.transforms.fingerprint.decode import Sandbox, decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import DETAIL_SIDE
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

COLUMNS = (
    "uri", "content_id", "library", "store", "bucket", "key", "version", "etag", "size", "archived", "is_latest",
)  # fmt: skip
"""Columns of `objects` by which a content is found again."""
OBJECT_ROWS = pa.schema([OBJECTS.schema.field(name) for name in COLUMNS])
DETAILS = pa.schema([("content_id", pa.string()), ("component", pa.uint64()), ("detail", pa.binary())])
"""A content's 256x256 canonical grey, and the component that asked for it."""
TRIES = 3
"""Objects of one content that are tried, one after the other."""
BATCH = 64


@dataclass(frozen=True)
class Done:
    """What reading again came to: contents and bytes read, and contents that no object gave."""

    contents: int
    bytes: int
    failed: int


def detail_options(options: FingerprintOptions) -> FingerprintOptions:
    """Give the options of a decode to the detail's side; further pages aren't wanted."""
    return replace(options, side=DETAIL_SIDE, max_pages=1, imagehash=())


def places_of(objects: pa.Table) -> dict[str, list[ObjectRef]]:
    """List where each content lies, in a stated order: current objects first, then by URI and version."""
    found: dict[str, list[tuple]] = {}
    for row in objects.to_pylist():
        if not row["archived"]:
            order = (not row["is_latest"], row["uri"], row["version"])
            found.setdefault(row["content_id"], []).append((order, ObjectRef(*(row[n] for n in ObjectRef._fields))))
    return {name: [ref for _, ref in sorted(refs)][:TRIES] for name, refs in found.items()}


def read_again(
    wanted: pa.Table,
    objects: pa.Table,
    stores: Stores,
    sandbox: Sandbox,
    options: FingerprintOptions,
    note: Callable[[Done], None] = lambda done: None,
) -> Iterable[pa.Table]:
    """Give the detail of wanted contents, blocks of DETAILS; one that can't be read again has no row.

    Args:
      wanted: content_id and component, a row for each content.
      objects: OBJECT_ROWS of these contents.
      options: as `detail_options` gives them.
      note: told what each batch came to.
    """
    places = places_of(objects)
    rows = sorted(zip(wanted.column("content_id").to_pylist(), wanted.column("component").to_pylist(), strict=True))
    budget = ByteBudget(options.flight_bytes)

    def read(content_id: str) -> tuple[bytes | None, int]:
        spent = 0
        for ref in places.get(content_id, ()):
            with budget.hold(ref.size):
                try:
                    data = stores.read(ref)
                    spent += len(data)
                    if hashlib.sha256(data).hexdigest() == content_id:
                        return decode(data, options, sandbox).luma, spent
                except (StoreError, DecodeError):
                    continue
        return None, spent

    with ThreadPoolExecutor(options.threads, "again") as pool:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            found = list(pool.map(read, [content_id for content_id, _ in batch]))
            lumas = [luma for luma, _ in found]
            failed = lumas.count(None)
            note(Done(len(batch) - failed, sum(spent for _, spent in found), failed))
            there = [(*row, luma) for row, luma in zip(batch, lumas, strict=True) if luma is not None]
            if there:
                yield pa.table([pa.array(c, f.type) for c, f in zip(zip(*there, strict=True), DETAILS, strict=True)],
                               schema=DETAILS)  # fmt: skip
