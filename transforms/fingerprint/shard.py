"""Fingerprint one shard of the plan: read, hash and decode in threads, sign in batches."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.schemas.failures import FAILURES, STORE_CODES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.fingerprint.budget import ByteBudget
from mirrorfold.transforms.fingerprint.crew import Crew
from mirrorfold.transforms.fingerprint.errors import DecodeError, unforeseen
from mirrorfold.transforms.fingerprint.evidence import Item, evidence_for, group_items
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.rows import Content, fitting_rows
from mirrorfold.transforms.fingerprint.sniff import sniff
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

ASSIGNMENTS = pa.schema(
    [OBJECTS.schema.field(name).with_nullable(False) for name in ("uri", "version", "content_id", "identity_evidence")]
)
"""Which content each object holds, and how that is known."""

KNOWN_FAILURE = ("known_stage", "known_error", "known_message", "known_sha256")
SNIFF_BYTES = 4096
TRIP_AFTER = 50
"""Reads of one bucket after which, all having failed at the store, the shard's others are not tried."""

Decoder = Callable[[bytes], Picture]
Advance = Callable[[int, int], None]


class ShardResult(NamedTuple):
    """Blocks of `contents`, of ASSIGNMENTS and of `failures`, each sorted."""

    contents: pa.Table
    assignments: pa.Table
    failures: pa.Table


class Failed(NamedTuple):
    """A row of `failures` to be."""

    item: Item
    stage: str
    code: str
    message: str
    sha256: str | None = None


@dataclass
class _Shard:
    """What the threads of one shard share."""

    stores: Stores
    decoder: Decoder
    options: FingerprintOptions
    budget: ByteBudget
    crew: Crew
    advance: Advance
    lock: threading.Lock = field(default_factory=threading.Lock)
    sizes: dict[str, int] = field(default_factory=dict)
    decoded: dict[str, Picture | DecodeError] = field(default_factory=dict)
    assigned: list[tuple[Item, str, str]] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    reads: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def look_up(self, item: Item) -> Item:
        """Ask the store for an object's SHA-256; a refusal only means that it is read."""
        if not item.look_up or item.sha256:
            return item
        if item.known:
            return item._replace(sha256=item.known)
        try:
            head = self.stores.head(item.ref)
        except StoreError:
            return item
        same = head.size == item.ref.size and head.etag == item.ref.etag
        return item._replace(sha256=head.sha256) if same else item

    def settle(self, group: Sequence[Item]) -> None:
        """Settle a group by reading one of it; each that can't be read fails for itself, the next is tried."""
        left = sorted(group, key=lambda item: not item.again)
        while left:
            item = left.pop(0)
            content_id = item.known if item.was_read else self._read(item)
            self.advance(1, item.ref.size)
            if content_id is None:
                continue
            unproven = []
            with self.lock:
                self.assigned.append((item, content_id, "read"))
                for other in left:
                    evidence = evidence_for(other, content_id, item, self.options.accept_md5)
                    # What is read once more takes no other object's word, unless both are one copy.
                    if evidence == "read" or (evidence and not other.again):
                        self.assigned.append((other, content_id, evidence))
                        self.advance(1, other.ref.size)
                    else:
                        unproven.append(other)
            left = unproven

    def _read(self, item: Item) -> str | None:
        if item.known_failure:
            return self._fail(item, *item.known_failure)
        if item.ref.size > self.options.max_bytes:
            return self._fail(
                item, "fetch", "too-large", f"{item.ref.size} bytes, more than the budget allows to fetch"
            )
        if self._tripped(item.ref):
            return self._fail(
                item, "fetch", "unreachable", f"not tried: the first {TRIP_AFTER} reads of its bucket failed"
            )
        try:
            if item.sniff and not item.again:
                sniff(self.stores.read(item.ref, 0, SNIFF_BYTES))
            with self.budget.hold(item.ref.size):
                with self.crew.fetching():
                    data = self.stores.read(item.ref)
                self._count(item.ref, 0)
                with self.crew.decoding():
                    content_id = hashlib.sha256(data).hexdigest()
                    if self._claim(content_id, len(data)):
                        self.decoded[content_id] = self._decode(data)
                del data
        except StoreError as error:
            self._count(item.ref, error.code in STORE_CODES)
            # An archive tier that the listing doesn't show is as little a failure as one that it does.
            stage = "skipped" if error.code == "archived" else "fetch"
            return self._fail(item, stage, error.code, error.message)
        except DecodeError as error:
            stage = "skipped" if error.code == "not-an-image" else "decode"
            return self._fail(item, stage, error.code, error.message)
        return content_id

    def _decode(self, data: bytes) -> Picture | DecodeError:
        try:
            return self.decoder(data)
        except DecodeError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever one file does to its reader is that file's failure
            return unforeseen(error)

    def _claim(self, content_id: str, size: int) -> bool:
        """Tell whether this thread is the first of the shard to hold this content, and so the one to decode it."""
        with self.lock:
            if content_id in self.sizes:
                return False
            self.sizes[content_id] = size
            return True

    def _fail(self, item: Item, stage: str, code: str, message: str, sha256: str | None = None) -> str | None:
        """Note a failure; there is no content id then."""
        with self.lock:
            self.failed.append(Failed(item, stage, code, message, sha256))
        return None

    def _count(self, ref: ObjectRef, failures: int) -> None:
        with self.lock:
            counts = self.reads.setdefault((ref.library, ref.bucket), [0, 0])
            counts[0] += 1
            counts[1] += failures

    def _tripped(self, ref: ObjectRef) -> bool:
        reads, failures = self.reads.get((ref.library, ref.bucket), (0, 0))
        return failures >= TRIP_AFTER and failures == reads

    def result(self) -> ShardResult:
        """Make the shard's blocks; objects whose content isn't a picture we read become failures."""
        pictures = {
            name: Content(self.sizes[name], found) for name, found in self.decoded.items() if isinstance(found, Picture)
        }
        contents, unfit = fitting_rows(pictures)
        failed = list(self.failed)
        rows = []
        for item, content_id, evidence in self.assigned:
            # None: an earlier run has its row.
            found = unfit.get(content_id) or self.decoded.get(content_id)
            if isinstance(found, DecodeError):
                shown = content_id if evidence in ("read", "sha256") else None
                failed.append(Failed(item, "decode", found.code, found.message, shown))
            else:
                rows.append((item.uri, item.ref.version, content_id, evidence))
        return ShardResult(contents, _assignment_rows(rows), _failure_rows(failed))


def fingerprint_shard(
    plan: pa.Table,
    stores: Stores,
    decoder: Decoder,
    options: FingerprintOptions,
    crew: Crew | None = None,
    advance: Advance = lambda objects, size: None,
) -> ShardResult:
    """Fingerprint the objects of one block of the plan.

    Args:
      plan: rows as in plan.PLAN.
      decoder: bytes to a picture; raises DecodeError; called from many threads.
      crew: what the shards of a process share; without one, this shard decodes in as many threads as it fetches.
    """
    crew = crew or Crew(options.threads)
    shard = _Shard(stores, decoder, options, ByteBudget(options.flight_bytes), crew, advance)
    items = items_of(plan)
    with ThreadPoolExecutor(options.threads, "fingerprint") as pool:
        if any(item.look_up for item in items):
            items = list(pool.map(shard.look_up, items))
        _settle_all(shard, pool, deque(group_items(items, options.accept_md5)))
    return shard.result()


def _settle_all(shard: _Shard, pool: ThreadPoolExecutor, groups: deque[Sequence[Item]]) -> None:
    """Settle groups in as many threads as their fetching calls for; a group that raises ends the shard."""
    tasks: list[Future] = []

    def staff() -> None:
        wanted = min(len(groups), shard.crew.threads(shard.options.threads) - len(tasks))
        tasks.extend(pool.submit(work) for _ in range(wanted))

    def work() -> None:
        while True:
            try:
                group = groups.popleft()
            except IndexError:
                return
            try:
                shard.settle(group)
            except BaseException:
                groups.clear()
                raise
            staff()

    staff()
    for task in tasks:  # a running task may append another
        task.result()


def items_of(plan: pa.Table) -> list[Item]:
    """Make the items of a plan's rows."""
    return [
        Item(
            row["uri"],
            ObjectRef(*(row[name] for name in ObjectRef._fields)),
            row["md5"],
            row["sha256"],
            row["physical_id"],
            row["look_up"],
            row["sniff"],
            row["known"],
            row["was_read"],
            tuple(row[name] for name in KNOWN_FAILURE) if row["known_error"] else None,
            row["again"],
        )
        for row in plan.to_pylist()
    ]


def _assignment_rows(rows: list[tuple]) -> pa.Table:
    return _table(sorted(rows), ASSIGNMENTS)


def _failure_rows(failed: list[Failed]) -> pa.Table:
    rows = [(f.item.uri, f.item.ref.version, f.item.ref.library, f.stage, f.code, f.message, f.sha256) for f in failed]
    return _table(sorted(rows, key=lambda row: row[:2]), FAILURES.schema)


def _table(rows: list[tuple], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(values, one.type) for values, one in zip(columns, schema, strict=True)], schema=schema
    )


def join_results(first: ShardResult, second: ShardResult) -> ShardResult:
    """Join the results of two parts of one shard."""
    contents = ipc.sort_rows(pa.concat_tables([first.contents, second.contents]), ("content_id",))
    return ShardResult(
        ipc.distinct_rows(contents, ("content_id",)).combine_chunks(),
        ipc.sort_rows(pa.concat_tables([first.assignments, second.assignments]), ("uri", "version")).combine_chunks(),
        ipc.sort_rows(pa.concat_tables([first.failures, second.failures]), ("uri", "version")).combine_chunks(),
    )
