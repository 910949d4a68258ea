"""What a listing alone tells about copies: objects of one size, and those whose checksums are the same.

Two objects can only be copies if their sizes are equal, so a size that occurs once is settled without a byte read, and
so is a size whose objects all state a trusted checksum. The rest, the open sizes, is what a sample has to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

OBJECT_COLUMNS = ("library", "store", "bucket", "storage_class", "size", "md5", "sha256", "hold", "physical_id")
"""The columns of `objects` that a census reads, beside those that its `skip` does."""

Skip = Callable[[pa.Table], "list[str | None]"]

PLACE = ("library", "store", "bucket", "storage_class")


@dataclass(frozen=True)
class Listed:
    """The readable objects of a listing, columnar: arrays of shape (objects,).

    Attributes:
      size: bytes.
      md5, sha256: the first 64 bits of the stated checksum; 0 where none is stated.
      place: index into `places`.
      held: whether something is known to hold the object.
      places: (library, store, bucket, storage class) by index.
      left_out: objects by the reason they aren't counted: archived, noncurrent, delete-marker, empty, same-place.
      unknown_holds: objects whose hold isn't known yet.
    """

    size: np.ndarray
    md5: np.ndarray
    sha256: np.ndarray
    place: np.ndarray
    held: np.ndarray
    places: tuple[tuple[str, str, str, str], ...]
    left_out: dict[str, int]
    unknown_holds: int = 0

    @property
    def objects(self) -> int:
        """How many."""
        return len(self.size)

    @property
    def bytes(self) -> int:
        """How many bytes."""
        return int(self.size.sum())


def readable(blocks: Iterable[pa.Table], skip: Skip, left_out: dict[str, int]) -> Iterator[pa.Table]:
    """Filter a listing's blocks to the objects a run would read, each physical copy once, in their order.

    Args:
      skip: gives each object's reason not to be read, or None.
      left_out: counts the reasons.
    """
    physical: set[tuple[str, str]] = set()
    for block in blocks:
        reasons = skip(block)
        for reason in reasons:
            if reason is not None:
                left_out[reason] = left_out.get(reason, 0) + 1
        wanted = pa.array([reason is None for reason in reasons], pa.bool_())
        yield _one_per_place(block.filter(wanted), physical, left_out)


def collect(blocks: Iterable[pa.Table], skip: Skip) -> Listed:
    """Collect the readable objects of a listing's blocks; 29 bytes of memory an object."""
    parts: list[tuple[np.ndarray, ...]] = []
    places: dict[tuple, int] = {}
    left_out: dict[str, int] = {}
    unknown_holds = 0
    for block in readable(blocks, skip, left_out):
        if not block.num_rows:
            continue
        holds = block["hold"]
        unknown_holds += pc.sum(pc.equal(holds, "unknown")).as_py() or 0
        parts.append(
            (
                block["size"].to_numpy(),
                _digest_bits(block["md5"]),
                _digest_bits(block["sha256"]),
                _place_codes(block, places),
                pc.equal(holds, "yes").to_numpy(),
            )
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else _NO_COLUMNS
    size, md5, sha256, place, held = columns
    return Listed(size, md5, sha256, place, held, tuple(places), left_out, unknown_holds)


_NO_COLUMNS = (
    np.zeros(0, np.int64),
    np.zeros(0, np.uint64),
    np.zeros(0, np.uint64),
    np.zeros(0, np.int32),
    np.zeros(0, bool),
)


def _one_per_place(block: pa.Table, physical: set[tuple[str, str]], left_out: dict[str, int]) -> pa.Table:
    """Keep one object per physical place: hard links and bucket aliases are the same copy."""
    if block["physical_id"].null_count == block.num_rows:
        return block
    keep = []
    for bucket, found in zip(block["store"].to_pylist(), block["physical_id"].to_pylist(), strict=True):
        fresh = found is None or (bucket, found) not in physical
        if found is not None:
            physical.add((bucket, found))
        keep.append(fresh)
    again = keep.count(False)
    if again:
        left_out["same-place"] = left_out.get("same-place", 0) + again
    return block.filter(pa.array(keep, pa.bool_())) if again else block


def _digest_bits(column: pa.ChunkedArray) -> np.ndarray:
    """The first 64 bits of hex digests, never 0; 0 for null."""
    values = column.to_pylist()
    return np.fromiter((int(v[:16], 16) | 1 if v else 0 for v in values), np.uint64, len(values))


def _place_codes(block: pa.Table, places: dict[tuple, int]) -> np.ndarray:
    keys = zip(*(block[name].to_pylist() for name in PLACE), strict=True)
    return np.fromiter((places.setdefault(key, len(places)) for key in keys), np.int32, block.num_rows)


@dataclass(frozen=True)
class Sizes:
    """A listing grouped by size: arrays of shape (distinct sizes,), ascending.

    Attributes:
      size: bytes of each object of the group.
      count: its objects.
      unread: those that state no checksum the others can be compared by.
      by_md5: whether the group compares MD5 (any object states one), else SHA-256.
    """

    size: np.ndarray
    count: np.ndarray
    unread: np.ndarray
    by_md5: np.ndarray

    @property
    def open(self) -> np.ndarray:
        """Groups that only reading can settle: more than one object, and one without a checksum."""
        return (self.count > 1) & (self.unread > 0)

    @property
    def most(self) -> np.ndarray:
        """Bytes a group frees at the very most: all its objects but one."""
        return self.size * (self.count - 1)


def group(listed: Listed) -> Sizes:
    """Group a listing by size."""
    size, place = np.unique(listed.size, return_inverse=True)
    count = np.bincount(place, minlength=len(size))
    by_md5 = np.bincount(place, weights=listed.md5 != 0, minlength=len(size)) > 0
    identity = np.where(by_md5[place], listed.md5, listed.sha256)
    unread = np.bincount(place, weights=identity == 0, minlength=len(size)).astype(np.int64)
    return Sizes(size, count, unread, by_md5)


@dataclass(frozen=True)
class Copies:
    """What copies of the same bytes free, by size: arrays of shape (sizes,).

    Attributes:
      copies: objects that could go.
      bytes: bytes of these.
      by_place: of shape (sizes, places), bytes by place: which of the copies goes isn't decided yet, so that each
        bears its share.
    """

    copies: np.ndarray
    bytes: np.ndarray
    by_place: np.ndarray


def count_copies(listed: Listed, identity: np.ndarray, number: np.ndarray, numbers: int, keep: int = 1) -> Copies:
    """Count the copies among objects whose identity is known, keeping `keep` of each content and all that are held.

    Args:
      identity: of shape (objects,); 0 where it isn't known, which counts as kept.
      number: of shape (objects,), the number of each object's size; negative for objects that don't count.
      numbers: how many there are.
    """
    places = len(listed.places)
    chosen = np.flatnonzero((number >= 0) & (identity != 0))
    order = chosen[np.lexsort((identity[chosen], number[chosen]))]
    number, identity = number[order], identity[order]
    held, place, size = listed.held[order], listed.place[order], listed.size[order]
    starts = np.flatnonzero(np.r_[True, (number[1:] != number[:-1]) | (identity[1:] != identity[:-1])][: len(order)])
    count = np.diff(np.r_[starts, len(order)])
    holding = np.add.reduceat(held.astype(np.int64), starts) if len(starts) else count
    going = count - np.minimum(count, np.maximum(keep, holding))
    share = going / np.maximum(count - holding, 1)
    bears = np.repeat(share, count) * ~held * size
    copies = np.bincount(number[starts], weights=going, minlength=numbers)
    return Copies(
        copies.astype(np.int64),
        np.bincount(number[starts], weights=going * size[starts], minlength=numbers).astype(np.int64),
        np.bincount(number * places + place, weights=bears, minlength=numbers * places).reshape(numbers, places),
    )


@dataclass(frozen=True)
class Reads:
    """What a full run reads: GETs of whole objects, and their bytes."""

    requests: int
    bytes: int


def full_reads(listed: Listed, accept_md5: bool) -> Reads:
    """Count what a full run reads: objects that a trusted checksum shows to be the same are read once.

    Args:
      accept_md5: whether the policy takes MD5 as proof; SHA-256 always is.
    """
    proof = np.where(listed.sha256 == 0, listed.md5, listed.sha256) if accept_md5 else listed.sha256
    proven = proof != 0
    order = np.lexsort((proof[proven], listed.size[proven]))
    size, proof = listed.size[proven][order], proof[proven][order]
    first = np.ones(len(size), bool)
    first[1:] = (size[1:] != size[:-1]) | (proof[1:] != proof[:-1])
    unproven = listed.size[~proven]
    return Reads(int(first.sum()) + len(unproven), int(size[first].sum()) + int(unproven.sum()))
