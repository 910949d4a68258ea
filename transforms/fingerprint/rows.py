"""Decoded pictures to rows of `contents`: signatures in batches, provenance as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.contents import CONTENTS, DIHEDRALS, IMAGEHASHES, WINDOWS
from mirrorfold.transforms.fingerprint.colour import LOW_QUALITY, look
from mirrorfold.transforms.fingerprint.errors import DecodeError, unforeseen
from mirrorfold.transforms.fingerprint.picture import CELL_BYTES, CELLS, Picture
from mirrorfold.transforms.fingerprint.provenance import parse_moment
from mirrorfold.transforms.fingerprint.signatures import SIDE, sign, sign_pages
from mirrorfold.transforms.fingerprint.version import ALGORITHM

BATCH = 32
"""Pictures per call into numpy: from 64 on the working set leaves the cache, and the same work takes twice as long."""


class Content(NamedTuple):
    """A distinct content that was decoded."""

    size: int
    picture: Picture


def content_rows(contents: Mapping[str, Content]) -> pa.Table:
    """Make the rows of `contents`, sorted by content_id."""
    names = sorted(contents)
    blocks = [
        _batch(names[start : start + BATCH], [contents[name] for name in names[start : start + BATCH]])
        for start in range(0, len(names), BATCH)
    ]
    return pa.concat_tables(blocks).combine_chunks() if blocks else CONTENTS.schema.empty_table()


def fitting_rows(contents: Mapping[str, Content]) -> tuple[pa.Table, dict[str, DecodeError]]:
    """Make the rows of `contents`; a picture of which no row can be made is a failure of its own, never the shard's."""
    try:
        return content_rows(contents), {}
    except Exception:  # noqa: BLE001 - one by one says whose it is
        unfit = {name: error for name, content in contents.items() if (error := _unfit(name, content))}
        return content_rows({name: content for name, content in contents.items() if name not in unfit}), unfit


def _unfit(name: str, content: Content) -> DecodeError | None:
    try:
        content_rows({name: content})
    except Exception as error:  # noqa: BLE001 - as above
        return unforeseen(error)
    return None


def _batch(names: Sequence[str], contents: Sequence[Content]) -> pa.Table:
    pictures = [content.picture for content in contents]
    columns: dict[str, pa.Array | list] = {
        "content_id": list(names),
        "size": [content.size for content in contents],
        "algorithm": [ALGORITHM] * len(names),
        **_hash_columns(pictures),
        **_picture_columns(pictures),
        **_provenance_columns(pictures),
    }
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field in CONTENTS.schema
        for column in [columns[field.name]]
    ]
    return pa.Table.from_arrays(arrays, schema=CONTENTS.schema)


def _hash_columns(pictures: Sequence[Picture]) -> dict[str, pa.Array]:
    luma = np.frombuffer(b"".join(p.luma for p in pictures), np.uint8).reshape(-1, SIDE, SIDE)
    blank = bytes(CELL_BYTES)
    cells = np.frombuffer(b"".join(p.cells or blank for p in pictures), np.uint8).reshape(-1, CELLS, CELLS, 3)
    signed = sign(luma)
    seen = look(luma, cells, np.array([bool(p.cells) for p in pictures]))
    return {
        "phash64": pa.array(signed.phash64),
        "phash256": _fixed(signed.phash256),
        "dhash256": _fixed(signed.dhash256),
        "pdq256": _fixed(signed.pdq256),
        "pdq_quality": pa.array(signed.pdq_quality),
        "windows64": _lists(signed.windows64, WINDOWS),
        "dihedral64": _lists(signed.dihedral64, DIHEDRALS),
        "luma": _fixed(luma.reshape(len(luma), -1)),
        **_on_black(pictures),
        "search": pa.nulls(len(pictures), pa.binary()),
        "colour": _fixed(seen.colour),
        "grey": pa.array(seen.grey),
        "low_information": pa.array(signed.pdq_quality < LOW_QUALITY),
        "document": pa.array(seen.document),
        "page_hashes": _page_hashes(pictures),
    }


def _on_black(pictures: Sequence[Picture]) -> dict[str, pa.Array]:
    """Give the columns of pictures on black: null where they have none, the hash also where it would be noise."""
    lumas = [picture.on_black or None for picture in pictures]
    there = [luma for luma in lumas if luma]
    if not there:
        kinds = {name: CONTENTS.schema.field(name).type for name in ("phash64_on_black", "luma_on_black")}
        return {name: pa.nulls(len(pictures), kind) for name, kind in kinds.items()}
    signed = sign(np.frombuffer(b"".join(there), np.uint8).reshape(-1, SIDE, SIDE))
    telling = signed.pdq_quality >= LOW_QUALITY
    hashes = iter(zip(signed.phash64.tolist(), telling.tolist(), strict=True))
    found = [next(hashes) if luma else (0, False) for luma in lumas]
    return {
        "phash64_on_black": pa.array([value if good else None for value, good in found], pa.uint64()),
        "luma_on_black": pa.array(lumas, pa.binary()),
    }


def _fixed(values: np.ndarray) -> pa.Array:
    data = np.ascontiguousarray(values, np.uint8)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(data.shape[1]), len(data), [None, pa.py_buffer(data.tobytes())]
    )


def _lists(values: np.ndarray, width: int) -> pa.Array:
    kind = pa.list_(pa.field("element", pa.uint64()), width)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=kind)


def _page_hashes(pictures: Sequence[Picture]) -> pa.Array:
    pages = [page for picture in pictures for page in picture.pages]
    kind = CONTENTS.schema.field("page_hashes").type
    if not pages:
        return pa.nulls(len(pictures), kind)
    hashed = iter(sign_pages(np.frombuffer(b"".join(pages), np.uint8).reshape(-1, SIDE, SIDE)).tolist())
    return pa.array([[next(hashed) for _ in p.pages] if p.pages else None for p in pictures], kind)


_PICTURE = (
    "media_type", "width", "height", "frames", "preview", "orientation", "mode", "bit_depth", "lossless", "icc_profile",
    "jpeg_quality",
)  # fmt: skip


def _picture_columns(pictures: Sequence[Picture]) -> dict[str, list]:
    columns = {name: [getattr(picture, name) for picture in pictures] for name in _PICTURE}
    for name in IMAGEHASHES:
        columns[f"imagehash_{name}"] = [picture.imagehash.get(name) for picture in pictures]
    columns["damaged"] = [picture.damaged for picture in pictures]
    columns["parts"] = [list(picture.parts) or None for picture in pictures]
    columns["declared_depth"] = [picture.declared_depth or picture.bit_depth for picture in pictures]
    return {**columns, "picture_digest": [picture.digest for picture in pictures]}


_PROVENANCE = [
    field.name
    for field in CONTENTS.schema
    if field.name
    in {
        "capture_time", "camera_make", "camera_model", "camera_serial", "image_unique_id", "document_id", "instance_id",
        "original_document_id", "derived_from", "creator", "rights", "licence", "catalogue_no", "title", "keywords",
        "software", "metadata_date", "caption", "usage_terms", "rights_uri", "data_mining", "instructions", "credit",
        "gps", "digital_source_type", "c2pa", "rating",
    }
]  # fmt: skip


def _provenance_columns(pictures: Sequence[Picture]) -> dict[str, list]:
    columns: dict[str, list] = {name: [p.provenance.get(name) for p in pictures] for name in _PROVENANCE}
    columns["metadata_date"] = [parse_moment(stated) if stated else None for stated in columns["metadata_date"]]
    columns["metadata_fields"] = [len(p.provenance) for p in pictures]
    return columns
