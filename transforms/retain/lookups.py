"""Questions to the stores: is it held, and are these truly its bytes. In threads, since each is one round trip."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from mirrorfold.schemas.decisions import HOLD_CHECKS
from mirrorfold.transforms.retain.records import Key, Member
from mirrorfold.transforms.stores.api import HoldAnswer, ObjectRef, StoreError, Stores

CHUNK = 64 << 20


class Lookups:
    """Asks stores about objects and remembers when; `checks` makes the rows of hold_checks."""

    def __init__(self, stores: Stores, threads: int, now: Callable[[], dt.datetime]):
        self.stores, self.threads, self.now = stores, threads, now
        self.rows: list[dict] = []

    def holds(self, members: list[Member]) -> dict[Key, str]:
        """Look up holds; anything but a clear no or yes is unknown."""
        if not members:
            return {}
        with ThreadPoolExecutor(self.threads) as pool:
            rows = list(pool.map(self._hold, members))
        self.rows += rows
        return {(row["uri"], row["version"]): row["hold"] for row in rows}

    def reads(self, members: list[Member]) -> dict[Key, bool | None]:
        """Read objects whole and say whether they are what their content_id says; None where they can't be read."""
        if not members:
            return {}
        with ThreadPoolExecutor(self.threads) as pool:
            return dict(zip((m.id for m in members), pool.map(self._confirm, members), strict=True))

    def lasting(self, members: list[Member], tag: tuple[str, str]) -> dict[Key, str]:
        """Look up what no listing shows of kept copies: tags, and rules that go by them."""
        if not members:
            return {}
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(lambda member: self.stores.lasting(ref_of(member), tag).lasting, members))
        return dict(zip((member.id for member in members), found, strict=True))

    def checks(self) -> pa.Table:
        """Make the rows of hold_checks."""
        return pa.Table.from_pylist(self.rows, schema=HOLD_CHECKS.schema)

    def _hold(self, member: Member) -> dict:
        answer: HoldAnswer = self.stores.hold(ref_of(member))
        return {
            "uri": member.uri,
            "version": member.version,
            "hold": answer.hold if answer.hold in ("yes", "no") else "unknown",
            "kind": answer.kind,
            "checked_at": self.now(),
            "detail": answer.detail,
        }

    def _confirm(self, member: Member) -> bool | None:
        if member.archived:
            return None
        digest, read = hashlib.sha256(), 0
        try:
            while read < member.size or not read:
                part = self.stores.read(ref_of(member), read, min(read + CHUNK, member.size))
                if not part:
                    break
                digest.update(part)
                read += len(part)
        except StoreError:
            return None
        return digest.hexdigest() == member.content_id


def ref_of(member: Member) -> ObjectRef:
    """Name a member to the stores."""
    return ObjectRef(member.library, member.store, member.bucket, member.key, member.version, member.etag, member.size)
