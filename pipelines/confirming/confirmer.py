"""Read pairs again and have them compared at full detail, in threads: two GETs for each pair, never a write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.confirm.compare import ALGORITHM
from mirrorfold.transforms.fingerprint.budget import ByteBudget
from mirrorfold.transforms.fingerprint.decode import BASE_BYTES
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.retain.lookups import ref_of
from mirrorfold.transforms.retain.records import Confirmed, Member, Question
from mirrorfold.transforms.stores.api import StoreError, Stores


def _row(pair: tuple[str, str], answer: bytes) -> Confirmed:
    said = json.loads(answer)
    x, y, w, h = (int(number) for number in said["place"])
    size = int(said["width"]), int(said["height"])
    damaged = [None if one is None else str(one) for one in said["damaged"]]
    soft, again = (said[name] or (None, None) for name in ("soft", "recoded"))
    return Confirmed(
        *pair, bool(said["confirmed"]), str(said["kind"]), *size, float(said["excess"]), x, y, w, h, ALGORITHM,
        damaged[0], damaged[1], *soft, *again,
    )  # fmt: skip


WORKER = "mirrorfold.pipelines.confirming.worker"
TRIES = 3
"""Objects of one content that are tried, one after the other."""


class Confirmer:
    """Compares pairs at full detail; what can't be read again, or is no more what was listed, isn't confirmed.

    Args:
      stores: where the objects lie.
      options: budgets, as the run fingerprints by.
    """

    def __init__(self, stores: Stores, options: FingerprintOptions):
        self.stores, self.options = stores, options
        self._cores = cores()
        self._limits = Limits(options.max_pixels, 1, options.sandbox_bytes - BASE_BYTES)
        self._budget = ByteBudget(options.flight_bytes)

    def __call__(self, questions: Sequence[Question]) -> dict[tuple[str, str], Confirmed]:
        """Compare pairs; a row for each."""
        if not questions:
            return {}
        pool = SandboxPool(
            self.options.sandboxes or self._cores, self.options.sandbox_bytes, self.options.max_seconds, WORKER
        )
        try:
            with ThreadPoolExecutor(min(self.options.threads, 2 * self._cores, len(questions)), "confirm") as threads:
                rows = list(threads.map(lambda question: self._compare(question, pool), questions))
        finally:
            pool.close()
        return {(row.content_a, row.content_b): row for row in rows}

    def _compare(self, question: Question, pool: SandboxPool) -> Confirmed:
        first, second = question.first, question.second
        with self._budget.hold(first[0].size + second[0].size):
            if (one := self._read(first)) is None or (other := self._read(second)) is None:
                return Confirmed(*question.pair, False, "unreadable", algorithm=ALGORITHM)
            try:
                return pool.ask(f"pair:{len(one)}", one + other, self._limits, partial(_row, question.pair))
            except DecodeError as error:
                return Confirmed(*question.pair, False, error.code, algorithm=ALGORITHM)

    def _read(self, members: Sequence[Member]) -> bytes | None:
        here = [member for member in members if not member.archived]
        for member in sorted(here, key=lambda m: (not m.is_latest, m.uri, m.version))[:TRIES]:
            try:
                data = self.stores.read(ref_of(member))
            except StoreError:
                continue
            if hashlib.sha256(data).hexdigest() == member.content_id:
                return data
        return None
