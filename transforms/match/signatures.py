"""What is searched: one full signature of each content and probes for its crops, rotations and mirrors.

A probe is compared with full signatures only: a window of A against the whole of B finds that B is a crop of A. Beside
the 64-bit hash goes a 128-bit check, made from the stored luma of the same region: it throws out all but a few of the
pairs that share a hash by chance, inside the bucket, before anything larger has to move.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import pyarrow as pa

KIND_BITS = 5
CHECK_WORDS = 2
CHECK_SIDE = 9
DEAD_ZONE = 1.5
"""Levels of luma below which two cells count as equal: noise on plain ground would otherwise be half of the bits."""


def _grid(share: float, steps: int) -> list[tuple[float, float, float]]:
    starts = [(1 - share) * step / (steps - 1) for step in range(steps)]
    return [(top, left, share) for top in starts for left in starts]


STORED_WINDOWS = 9
WINDOWS = (*_grid(0.9, 3), *_grid(0.95, 2), *_grid(0.85, 3))
"""Crop windows as (top, left, share of each side). The first nine are stored in `contents`; the others are hashed here,
from the stored luma: they lift the recall of a 5 % crop from .73 to .93, and of a 15 % crop from .46 to .68."""

WINDOW_KINDS = range(1, 1 + len(WINDOWS))
DIHEDRAL_KINDS = range(WINDOW_KINDS.stop, WINDOW_KINDS.stop + 7)
KINDS = DIHEDRAL_KINDS.stop
"""Full picture, windows, seven symmetries."""
assert KINDS <= 1 << KIND_BITS

COLUMNS = (
    "content_id",
    "width",
    "height",
    "orientation",
    "phash64",
    "windows64",
    "dihedral64",
    "luma",
    "low_information",
    "picture_digest",
)


def light_schema(kinds: int, words: int = CHECK_WORDS) -> pa.Schema:
    """Give the columns of a searched row: node id, hashes and checks of all kinds, digest of the coded picture."""
    return pa.schema(
        [
            ("node", pa.uint64()),
            ("phash64", pa.uint64()),
            ("low", pa.bool_()),
            ("digest", pa.uint64()),
            ("hashes", pa.list_(pa.uint64(), kinds)),
            ("checks", pa.list_(pa.uint64(), kinds * words)),
        ]
    )


def node_ids(content_ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Give each content's node, the first 59 bits of its SHA-256 as uint64 below 2^59.

    Two contents that share a node by chance are only searched as one: rows are verified by their full ids.
    """
    return np.array([int(text[:16], 16) >> KIND_BITS for text in content_ids.to_pylist()], dtype=np.uint64)


def make_light(contents: pa.Table, crops: bool) -> pa.Table:
    """Make searched rows from contents; a missing list of windows or symmetries repeats the full signature."""
    kinds = KINDS if crops else 1
    rows = contents.num_rows
    full = contents.column("phash64").to_numpy()
    hashes = np.repeat(full[:, None], kinds, axis=1)
    lumas = luma_array(contents.column("luma"))
    checks = np.empty((rows, kinds, CHECK_WORDS), dtype=np.uint64)
    checks[:] = check_bits(lumas)[:, None, :]
    if crops:
        windows, has_windows = _lists(contents.column("windows64"), STORED_WINDOWS)
        symmetries, has_symmetries = _lists(contents.column("dihedral64"), len(DIHEDRAL_KINDS) + 1)
        hashes[has_windows, 1 : 1 + STORED_WINDOWS] = windows[has_windows]
        hashes[has_symmetries, DIHEDRAL_KINDS.start : KINDS] = symmetries[has_symmetries, 1:]
        for kind in WINDOW_KINDS[STORED_WINDOWS:]:
            hashes[has_windows, kind] = window_hash(lumas[has_windows], kind)
        for kind in WINDOW_KINDS:
            checks[has_windows, kind] = check_bits(window_of(lumas[has_windows], kind))
        for kind in DIHEDRAL_KINDS:
            checks[has_symmetries, kind] = check_bits(turn(lumas[has_symmetries], kind - DIHEDRAL_KINDS.start + 1))
    schema = light_schema(kinds)
    return pa.table(
        [
            pa.array(node_ids(contents.column("content_id"))),
            pa.array(full),
            contents.column("low_information").combine_chunks(),
            pa.array(_digests(contents)),
            _fixed(hashes, schema.field("hashes").type),
            _fixed(checks, schema.field("checks").type),
        ],
        schema=schema,
    )


def luma_array(column: pa.ChunkedArray) -> np.ndarray:
    """Give stored lumas as uint8 of shape (rows, 64, 64)."""
    return np.frombuffer(b"".join(column.to_pylist()), dtype=np.uint8).reshape(-1, 64, 64)


def turn(lumas: np.ndarray, symmetry: int) -> np.ndarray:
    """Apply a symmetry to lumas (rows, n, n): quarter turns counter-clockwise 0..3, after a mirror for 4..7."""
    turned = lumas[:, :, ::-1] if symmetry >= 4 else lumas
    return np.rot90(turned, symmetry % 4, axes=(1, 2))


def window_of(lumas: np.ndarray, kind: int) -> np.ndarray:
    """Average a window's region of lumas down to the check's cells, float32 (rows, 9, 9)."""
    top, left, share = WINDOWS[kind - 1]
    down, across = _area_weights(64, CHECK_SIDE, top, share), _area_weights(64, CHECK_SIDE, left, share)
    return down @ lumas.astype(np.float32) @ across.T


def window_hash(lumas: np.ndarray, kind: int) -> np.ndarray:
    """Hash a window's region of lumas as phash64 would, uint64 (rows,): cosines laid over the window itself.

    Within half a bit, on average, of the stored windows' hashes. Integer cosines keep the sums exact, and the bits the
    same on every CPU.
    """
    top, left, share = WINDOWS[kind - 1]
    found = _cosines(top, share) @ lumas.astype(np.float64) @ _cosines(left, share).T
    found = found.reshape(len(lumas), 64)
    middle = np.partition(found, (31, 32), axis=1)
    bits = found > (middle[:, 31:32] + middle[:, 32:33]) / 2
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(-1)


@lru_cache(maxsize=64)
def _cosines(start: float, share: float) -> np.ndarray:
    cells = np.arange(64)
    low, high = np.maximum(cells, start * 64), np.minimum(cells + 1, (start + share) * 64)
    place = ((low + high) / 128 - start) / share
    return np.rint(1024 * np.maximum(0, high - low) * np.cos(np.pi * np.outer(np.arange(8), place)))


@lru_cache(maxsize=64)
def _area_weights(source: int, target: int, start: float = 0.0, share: float = 1.0) -> np.ndarray:
    """Make an area-averaging matrix (target, source) of the part of a side from `start`, `share` of it long."""
    edges = source * (start + share * np.arange(target + 1) / target)
    cells = np.arange(source)
    low, high = np.maximum(edges[:-1, None], cells), np.minimum(edges[1:, None], cells + 1)
    weights = np.maximum(0, high - low)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def check_bits(lumas: np.ndarray) -> np.ndarray:
    """Make the check, uint64 (rows, 2): on 9x9 cells, whether brightness falls to the right, and downwards."""
    if lumas.shape[1] != CHECK_SIDE:
        weights = _area_weights(lumas.shape[1], CHECK_SIDE)
        lumas = np.einsum("as,nst,bt->nab", weights, lumas.astype(np.float32), weights, optimize=True)
    across = lumas[:, :8, :8] - lumas[:, :8, 1:] > DEAD_ZONE
    down = lumas[:, :8, :8] - lumas[:, 1:, :8] > DEAD_ZONE
    bits = np.stack([across, down], axis=1).reshape(len(lumas), CHECK_WORDS, 64)
    return np.packbits(bits, axis=2).view(">u8").astype(np.uint64)[:, :, 0]


def _lists(column: pa.ChunkedArray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Give a fixed-size list column as (uint64 of shape (rows, length), which rows are there)."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    there = array.is_valid().to_numpy(zero_copy_only=False)
    values = np.zeros((len(array), length), dtype=np.uint64)
    if there.any():
        values[there] = array.drop_null().flatten().to_numpy().reshape(-1, length)
    return values, there


def _fixed(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), kind.list_size).cast(
        kind
    )


def _digests(contents: pa.Table) -> np.ndarray:
    """Hash what makes a coded picture the same picture: its digest, orientation and size. 0 where unknown."""
    columns = [contents.column(name).to_pylist() for name in ("picture_digest", "orientation", "width", "height")]
    return np.array([_digest(*values) for values in zip(*columns, strict=True)], dtype=np.uint64)


def _digest(digest: str | None, orientation: int, width: int, height: int) -> int:
    if not digest:
        return 0
    text = f"{digest}|{orientation}|{width}|{height}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") | 1
