"""The keep order: one sortable key per object, smaller bytes preferred.

The key is fixed-width numbers for the policy's criteria, then the URI and version, so that the order is total and the
same wherever it is computed. Whether an object may be the kept copy at all comes before any criterion. Where all
criteria tie, a sitting master, that of the previous run, comes before a newcomer; then an ordinary path before an odd
one; only then does the URI decide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.objects import FRAIL_CLASSES
from mirrorfold.schemas.uri import ODD
from mirrorfold.transforms.retain.annotate import annotate, formats, with_contents
from mirrorfold.transforms.retain.described import with_beside
from mirrorfold.transforms.retain.policy import Policy, compile_policy

READ = ("read", "previous")
"""Evidence that the very copy was read, now or in an earlier run."""

MAX = np.uint64(2**63)

MASTERS = pa.schema([CLUSTERS.schema.field(name) for name in ("uri", "version", "content_id")])
"""The masters of the previous run."""


def object_priority(objects: pa.Table, contents: pa.Table, policy: dict, masters: pa.Table | None = None) -> pa.Table:
    """Give (uri, version, content_id, priority binary) of each object; the smallest priority is the preferred one.

    Args:
      objects: rows with at least `annotate.OBJECT_COLUMNS`.
      contents: rows with at least `annotate.CONTENT_COLUMNS`, for every content_id that is readable.
      policy: resolved, as `configs.policy.load_policy` gives it.
      masters: rows of MASTERS, at least those of the same contents.
    """
    compiled = compile_policy(policy)
    rows = prioritise(annotate(with_beside(with_contents(objects, contents)), compiled), compiled, masters)
    return rows.select(["uri", "version", "content_id", "priority"])


def prioritise(rows: pa.Table, policy: Policy, masters: pa.Table | None = None) -> pa.Table:
    """Add the priority to annotated rows; `masters` as in `object_priority`."""
    steps = [_fitness(rows)]
    steps += [CRITERIA[by](rows, prefer) for by, prefer in policy.keep_order if by in CRITERIA]
    keys = np.stack(steps, axis=1).astype(">u8")
    width = keys.shape[1] * 8
    prefix = pa.Array.from_buffers(pa.binary(width), len(keys), [None, pa.py_buffer(keys.tobytes())])
    parts = [prefix.cast(pa.binary()), _seats(rows, masters), _odd(rows), _named(rows), pa.scalar(b"", pa.binary())]
    return rows.append_column("priority", pc.binary_join_element_wise(*parts))


def place_of(policy: Policy, criterion: str) -> slice | None:
    """Give where a criterion's number stands in the key, 8 bytes; None where the policy doesn't ask for it."""
    places = [by for by, _ in policy.keep_order if by in CRITERIA]
    start = 8 * (1 + places.index(criterion)) if criterion in places else 0
    return slice(start, start + 8) if start else None


def deciding(kept: bytes, other: bytes, policy: Policy) -> str | None:
    """Name the first of `fitness` and the policy's criteria in which two keys differ; None where they tie."""
    names = ["fitness"] + [by for by, _ in policy.keep_order if by in CRITERIA]
    parts = (slice(8 * place, 8 * place + 8) for place in range(len(names)))
    return next((name for name, part in zip(names, parts, strict=True) if kept[part] != other[part]), None)


def _seats(rows: pa.Table, masters: pa.Table | None) -> pa.Array:
    """Give 0 to the sitting master itself, 1 to another copy of its bytes, 2 to anything else, as a byte each."""
    seats = np.full(rows.num_rows, 2)
    if masters is not None and masters.num_rows:
        seats[_flags(pc.is_in(rows.column("content_id"), value_set=masters.column("content_id")))] = 1
        sitting = pc.is_in(_named(rows), value_set=_named(masters))
        seats[_flags(sitting) & (seats == 1)] = 0
    return pa.array([bytes([seat]) for seat in seats.tolist()], pa.binary())


def _odd(rows: pa.Table) -> pa.ChunkedArray:
    odd = pc.match_substring_regex(rows.column("key"), ODD)
    return pc.if_else(odd, pa.scalar(b"\1", pa.binary()), pa.scalar(b"\0", pa.binary()))


def _named(rows: pa.Table) -> pa.Array:
    joined = pc.binary_join_element_wise(
        _escaped(rows.column("uri")), _escaped(rows.column("version")), pa.scalar(b"\0\0", pa.binary())
    )
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _escaped(text: pa.ChunkedArray) -> pa.ChunkedArray:
    # A zero byte inside a key must not read as the end of the URI.
    return pc.replace_substring(text, "\0", "\0\1").cast(pa.binary())


def _fitness(rows: pa.Table) -> np.ndarray:
    """Rank what may be kept copies: fit, passing, unread, archived, not current, unreadable (worst)."""
    readable = _flags(rows.column("readable"))
    rank = np.where(_flags(pc.is_in(rows.column("identity_evidence"), value_set=pa.array(READ))), 0, 2)
    rank = np.where(_flags(pc.is_valid(rows.column("passes"))), 1, rank)
    rank = np.where(_flags(rows.column("archived")), 3, rank)
    rank = np.where(_flags(rows.column("is_latest")), rank, 4)
    return np.where(readable & ~_flags(rows.column("is_delete_marker")), rank, 5).astype(np.uint64)


def _frail(rows: pa.Table) -> np.ndarray:
    classes = pa.array(FRAIL_CLASSES)
    return np.logical_or(*(_flags(pc.is_in(rows.column(n), value_set=classes)) for n in ("storage_class", "class_to")))


def _flags(values: pa.ChunkedArray) -> np.ndarray:
    values = pc.fill_null(values, False)
    return (values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values).to_numpy(zero_copy_only=False)


def _numbers(values: pa.ChunkedArray, missing: int) -> np.ndarray:
    return pc.fill_null(values.cast(pa.int64()), missing).to_numpy().astype(np.int64)


def _descending(values: np.ndarray) -> np.ndarray:
    return MAX - np.maximum(values, -1).astype(np.int64).astype(np.uint64)


def _ranked(values: pa.ChunkedArray, prefer: tuple[str, ...]) -> np.ndarray:
    index = pc.index_in(values, value_set=pa.array(prefer, pa.string()))
    return pc.fill_null(index, len(prefer)).to_numpy().astype(np.uint64)


def _pixels(rows: pa.Table, _: tuple) -> np.ndarray:
    return _descending(_numbers(rows.column("width"), 0) * _numbers(rows.column("height"), 0))


def _bits(rows: pa.Table) -> pa.ChunkedArray:
    """Give the bits that are used; where that isn't known those declared, so that nothing deep goes on a guess."""
    return pc.coalesce(rows.column("bit_depth"), rows.column("declared_depth"))


def _pixel_class(rows: pa.Table, _: tuple) -> np.ndarray:
    """Rank by whole doublings of the number of pixels."""
    areas = _numbers(rows.column("width"), 0) * _numbers(rows.column("height"), 0)
    return _descending(np.floor(np.log2(np.maximum(areas, 1))).astype(np.int64))


def _few_colours(rows: pa.Table) -> np.ndarray:
    """Tell palettes, GIF's and PNG's: the coding loses nothing, but the colours were cut down before."""
    palette = pc.or_(pc.equal(rows.column("mode"), "P"), pc.equal(rows.column("media_type"), "image/gif"))
    return _flags(pc.and_(palette, pc.invert(pc.fill_null(rows.column("grey"), False))))


CUT = 1.05
"""Bits a sample up to which a reversible JPEG 2000 was cut to a rate: whole ones of photographs have 2.5 and more."""


def _loss(rows: pa.Table, _: tuple) -> np.ndarray:
    """Rank codings: without loss; with; of few colours, which lose more than most JPEGs do."""
    samples = _numbers(rows.column("width"), 0) * _numbers(rows.column("height"), 0)
    samples = samples * np.where(_flags(rows.column("grey")), 1, 3)
    cut = _flags(pc.equal(rows.column("media_type"), "image/jp2"))
    cut &= 8 * _numbers(rows.column("size"), 0) < CUT * samples * _numbers(rows.column("bit_depth"), 8) / 8
    return np.where(_few_colours(rows), 2, ~_flags(rows.column("lossless")) | cut).astype(np.uint64)


RIGHTS = ("creator", "licence", "rights", "usage_terms", "rights_uri", "credit", "caption")


def _stated_rights(rows: pa.Table) -> np.ndarray:
    """Count what a file states of whose it is and what it shows."""
    return np.add.reduce([_flags(pc.is_valid(rows.column(name))).astype(np.int64) for name in RIGHTS])


def _time(rows: pa.Table, *, newest: bool) -> np.ndarray:
    times = pc.fill_null(rows.column("last_modified").cast(pa.int64()), 2**62 if not newest else -1)
    times = np.maximum(times.to_numpy(), 0)
    return _descending(times) if newest else times.astype(np.uint64)


CRITERIA: dict[str, Callable[[pa.Table, tuple[str, ...]], np.ndarray]] = {
    "protected": lambda rows, _: (~_flags(rows.column("protected"))).astype(np.uint64),
    # A whole reading may tell more: transforms/retain/seen.py.
    "sound": lambda rows, _: _flags(pc.is_valid(rows.column("damaged"))).astype(np.uint64),
    "detail": lambda rows, _: np.zeros(rows.num_rows, np.uint64),
    "history": lambda rows, _: np.zeros(rows.num_rows, np.uint64),
    "held": lambda rows, _: (~_flags(pc.equal(rows.column("hold"), "yes"))).astype(np.uint64),
    "role": lambda rows, prefer: _ranked(pc.fill_null(rows.column("role"), "variant"), prefer),
    "scope": lambda rows, prefer: _ranked(rows.column("scope"), prefer),
    "library": lambda rows, prefer: _ranked(rows.column("library"), prefer),
    "pixel_class": _pixel_class,
    "pixels": _pixels,
    "bit_depth": lambda rows, _: _descending(_numbers(_bits(rows), 0)),
    "lossless": _loss,
    "parts": lambda rows, _: _descending(_numbers(pc.list_value_length(rows.column("parts")), 0)),
    "rights": lambda rows, _: _descending(_stated_rights(rows)),
    "colour": lambda rows, _: _flags(rows.column("grey")).astype(np.uint64),
    "quality": lambda rows, _: _descending(_numbers(rows.column("jpeg_quality"), 0)),
    "format": lambda rows, prefer: _ranked(formats(rows), prefer),
    "metadata_richness": lambda rows, _: _descending(_numbers(rows.column("metadata_fields"), 0)),
    "storage_class": lambda rows, prefer: _ranked(rows.column("storage_class"), prefer),
    "lasting": lambda rows, _: _frail(rows).astype(np.uint64),
    "largest": lambda rows, _: _descending(_numbers(rows.column("size"), 0)),
    "smallest": lambda rows, _: _numbers(rows.column("size"), 0).astype(np.uint64),
    "oldest": lambda rows, _: _time(rows, newest=False),
    "newest": lambda rows, _: _time(rows, newest=True),
}
"""Every criterion but `uri`, which always comes last."""
