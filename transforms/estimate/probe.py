"""Reading the sample: a few kilobytes of each object of the drawn sizes, many at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.blocks import progress
from mirrorfold.transforms.estimate.exact import PROBE
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

STEP = "sample"
"""The step's name on progress bars."""


@dataclass
class Probed:
    """What reading the sample gave.

    Attributes:
      identity: of shape (objects,), the first 64 bits of a digest of what was read, 0 where it couldn't be.
      read: of the same shape, whether the object was to be read.
      requests, bytes: what it took.
      failures: objects by the store's error code.
    """

    identity: np.ndarray
    read: np.ndarray
    requests: int = 0
    bytes: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def probe(blocks: Iterable[pa.Table], objects: int, sizes: np.ndarray, stores: Stores, threads: int) -> Probed:
    """Read every object whose size was drawn.

    Args:
      blocks: the readable objects, in the census's order, with the columns of `ObjectRef`.
      objects: how many there are.
      sizes: the drawn sizes, ascending.
    """
    found = Probed(np.zeros(objects, np.uint64), np.zeros(objects, bool))

    def read(job: tuple[int, ObjectRef]) -> tuple[int, int, str | None]:
        row, ref = job
        try:
            return row, digest(stores, ref), None
        except StoreError as error:
            return row, 0, error.code

    with ThreadPoolExecutor(threads, thread_name_prefix="probe") as pool:
        for jobs in _batches(_chosen(blocks, sizes), threads * 64):
            for (_, ref), (row, identity, failure) in zip(jobs, pool.map(read, jobs), strict=True):
                found.read[row] = True
                found.identity[row] = identity
                found.requests += 1 if ref.size <= PROBE else 2
                found.bytes += min(ref.size, PROBE)
                if failure is not None:
                    found.failures[failure] += 1
                progress.advance(STEP, 1, min(ref.size, PROBE))
    return found


def digest(stores: Stores, ref: ObjectRef) -> int:
    """Digest an object's head and middle, or all of a small one: 64 bits, never 0.

    Raises:
      StoreError: the store didn't give the bytes.
    """
    if ref.size <= PROBE:
        data = stores.read(ref)
    else:
        half, middle = PROBE // 2, ref.size // 2
        data = stores.read(ref, 0, half) + stores.read(ref, middle, middle + half)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") | 1


def _chosen(blocks: Iterable[pa.Table], sizes: np.ndarray) -> Iterator[tuple[int, ObjectRef]]:
    drawn, before = pa.array(sizes), 0
    for block in blocks:
        rows = np.flatnonzero(pc.is_in(block["size"], drawn).to_numpy())
        for row, *ref in zip(
            rows.tolist(), *(block[name].take(rows).to_pylist() for name in ObjectRef._fields), strict=True
        ):
            yield before + row, ObjectRef(*ref)
        before += block.num_rows


def _batches(jobs: Iterator, size: int) -> Iterator[list]:
    batch: list = []
    for job in jobs:
        batch.append(job)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
