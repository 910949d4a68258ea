"""What is searched: one full signature of each content and probes for its crops, rotations and mirrors.

A probe is compared with full signatures only: a window of A against the whole of B finds that B is a crop of A. Beside
the 64-bit hash goes a check of 128 places, made from the stored luma of the same region: it throws out all but a few
of the pairs that share a hash by chance, inside the bucket, before anything larger has to move.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.match.probes import (
    CHECK_WORDS,
    STORED_WINDOWS,
    WINDOWS,
    all_checks,
    box_hashes,
    full_checks,
    trimmed,
    trimmed_boxes,
    window_hashes,
)

KIND_BITS = 6
DIGITS = 16
"""Hex digits of a content_id that its node is made from."""

WINDOW_KINDS = range(1, 2 + len(WINDOWS))
EXTRA_KIND = 1 + STORED_WINDOWS
TRIMMED_KIND = 1 + len(WINDOWS)
"""What is left of a picture without its plain edges: the last of the windows."""
DIHEDRAL_KINDS = range(WINDOW_KINDS.stop, WINDOW_KINDS.stop + 7)
BLACK_KIND = DIHEDRAL_KINDS.stop
"""The picture laid on black, where transparency makes that look otherwise: a copy without transparency may lie so."""
KINDS = BLACK_KIND + 1
"""Full picture, windows, what is left without plain edges, seven symmetries, the picture on black."""
assert KINDS <= 1 << KIND_BITS

COLUMNS = (
    "content_id",
    "width",
    "height",
    "orientation",
    "phash64",
    "windows64",
    "dihedral64",
    "phash64_on_black",
    "luma",
    "luma_on_black",
    "search",
    "low_information",
    "pdq_quality",
    "document",
    "picture_digest",
)
FAINT_QUALITY = 25
"""PDQ quality from which a document is searched although it counts as low in information: a typescript in pale ribbon
has 30 to 50, and its hash holds within 4 bits; a blank sheet has less."""

SMOOTH_QUALITY = 30
"""PDQ quality from which a smooth picture, such as a sky, is searched although it counts as low in information: its
copies still hash alike (`python -m benchmarks.faint`)."""


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
    """Give each content's node, the first 58 bits of its SHA-256 as uint64 below 2^58.

    Two contents that share a node by chance are only searched as one: rows are verified by their full ids.
    """
    first = pc.utf8_slice_codeunits(content_ids, 0, DIGITS)
    digits = np.frombuffer("".join(first.to_pylist()).encode(), np.uint8).reshape(-1, DIGITS)
    nibbles = (digits & 15) + np.where(digits > ord("9"), np.uint8(9), np.uint8(0))
    octets = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    return np.ascontiguousarray(octets).view(">u8").astype(np.uint64).reshape(-1) >> np.uint64(KIND_BITS)


def make_light(contents: pa.Table, crops: bool) -> pa.Table:
    """Make searched rows from contents; a missing list of windows or symmetries repeats the full signature."""
    kinds = KINDS if crops else 1
    full = contents.column("phash64").to_numpy()
    hashes = np.repeat(full[:, None], kinds, axis=1)
    lumas = luma_array(contents.column("luma"))
    if not crops or not contents.num_rows:
        checks = np.repeat(full_checks(lumas)[:, None], kinds, axis=1)
    else:
        boxes = trimmed_boxes(lumas)
        checked = all_checks(lumas, boxes)
        checks = np.repeat(checked[:, :1], kinds, axis=1)
        has_windows, has_symmetries = _fill_probes(contents, lumas, boxes, hashes)
        for there, group in ((has_windows, WINDOW_KINDS), (has_symmetries, DIHEDRAL_KINDS)):
            checks[there, group.start : group.stop] = checked[there, group.start : group.stop]
        _fill_black(contents, hashes, checks)
    _take_withheld(contents, hashes, checks)
    schema = light_schema(kinds)
    return pa.table(
        [
            pa.array(node_ids(contents.column("content_id"))),
            pa.array(full),
            pa.array(low_rows(contents)),
            pa.array(picture_digests(contents)),
            _fixed(hashes, schema.field("hashes").type),
            _fixed(checks, schema.field("checks").type),
        ],
        schema=schema,
    )


def probe_hashes(contents: pa.Table) -> np.ndarray:
    """Give the hashes of all kinds as `make_light` does, uint64 (rows, KINDS), without the checks, half of the work."""
    hashes = np.repeat(contents.column("phash64").to_numpy()[:, None], KINDS, axis=1)
    if contents.num_rows:
        lumas = luma_array(contents.column("luma"))
        _fill_probes(contents, lumas, trimmed_boxes(lumas), hashes)
        _fill_black(contents, hashes)
    _take_withheld(contents, hashes, np.empty((*hashes.shape, CHECK_WORDS), np.uint64))
    return hashes


def _fill_probes(
    contents: pa.Table, lumas: np.ndarray, boxes: np.ndarray, hashes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill in the hashes of the probes; tell which contents have windows, and which have symmetries."""
    windows, has_windows = lists(contents.column("windows64"), STORED_WINDOWS)
    symmetries, has_symmetries = lists(contents.column("dihedral64"), len(DIHEDRAL_KINDS) + 1)
    extra = window_hashes(lumas)
    for there, found, kind in ((has_windows, windows, WINDOW_KINDS.start), (has_windows, extra, EXTRA_KIND)):
        hashes[there, kind : kind + found.shape[1]] = found[there]
    hashes[has_symmetries, DIHEDRAL_KINDS.start : DIHEDRAL_KINDS.stop] = symmetries[has_symmetries, 1:]
    there = has_windows & trimmed(boxes)
    if there.any():
        hashes[there, TRIMMED_KIND] = box_hashes(lumas[there], boxes[there])
    return has_windows, has_symmetries


def _fill_black(contents: pa.Table, hashes: np.ndarray, checks: np.ndarray | None = None) -> None:
    """Fill in the hash, and the check, of pictures that look otherwise on black: few archives hold many."""
    column = contents.column("phash64_on_black")
    there = np.flatnonzero(column.is_valid().to_numpy()) if column.null_count < len(column) else ()
    if not len(there):
        return
    hashes[there, BLACK_KIND] = column.drop_null().to_numpy()
    if checks is not None:
        checks[there, BLACK_KIND] = full_checks(luma_array(contents.column("luma_on_black").take(pa.array(there))))


def low_rows(contents: pa.Table) -> np.ndarray:
    """Tell which contents carry too little information to be searched."""
    least = np.where(contents.column("document").to_numpy(), FAINT_QUALITY, SMOOTH_QUALITY)
    faint = contents.column("pdq_quality").to_numpy() >= least
    return contents.column("low_information").to_numpy() & ~faint


def withheld_search(contents: pa.Table) -> pa.Array:
    """Make the column `search`, which finds the same candidates where the luma itself doesn't travel."""
    light = make_light(contents, True)
    hashes, checks = (light.column(name).combine_chunks() for name in ("hashes", "checks"))
    parts = [column.flatten().to_numpy().reshape(len(light), -1) for column in (hashes, checks)]
    return pa.array([row.tobytes() for row in np.concatenate(parts, axis=1).astype(">u8")], pa.binary())


def _take_withheld(contents: pa.Table, hashes: np.ndarray, checks: np.ndarray) -> None:
    """Fill in hashes and checks of rows whose luma was withheld.

    Raises:
      ValueError: another version of the search made them.
    """
    if "search" not in contents.column_names or not contents.column("luma").null_count:
        return
    kinds = hashes.shape[1]
    for row, found in enumerate(contents.column("search").to_pylist()):
        if found is None:
            continue
        values = np.frombuffer(found, ">u8")
        if len(values) != KINDS * (1 + CHECK_WORDS):
            raise ValueError("hashes that another version of the search made: pack them again with this version")
        hashes[row] = values[:kinds]
        checks[row] = values[KINDS:].reshape(KINDS, CHECK_WORDS)[:kinds]


def luma_array(column: pa.ChunkedArray) -> np.ndarray:
    """Give stored lumas as uint8 of shape (rows, 64, 64); zeros where one was withheld, or isn't of that size."""
    blank = bytes(64 * 64)
    lumas = (luma if luma is not None and len(luma) == len(blank) else blank for luma in column.to_pylist())
    return np.frombuffer(b"".join(lumas), np.uint8).reshape(-1, 64, 64)


def lists(column: pa.ChunkedArray, length: int) -> tuple[np.ndarray, np.ndarray]:
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


def picture_digests(contents: pa.Table) -> np.ndarray:
    """Hash what makes a coded picture the same picture: its digest, orientation and size. 0 where unknown."""
    columns = [contents.column(name).to_pylist() for name in ("picture_digest", "orientation", "width", "height")]
    return np.array([_digest(*values) for values in zip(*columns, strict=True)], dtype=np.uint64)


def _digest(digest: str | None, orientation: int, width: int, height: int) -> int:
    if not digest:
        return 0
    text = f"{digest}|{orientation}|{width}|{height}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") | 1
