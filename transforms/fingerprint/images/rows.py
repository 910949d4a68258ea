"""Named images to rows: those of `contents` with the name in front, and what couldn't be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.table import column
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.rows import Content, fitting_rows

NAME = column("name", pa.string(), "what the image was handed over as", nullable=False)
FINGERPRINTS = pa.schema([NAME, *CONTENTS.schema])
UNREAD = pa.schema([NAME, FAILURES.schema.field("error"), FAILURES.schema.field("message")])


class Read(NamedTuple):
    """An image that was decoded, or why not."""

    name: str
    content_id: str
    found: Content | DecodeError


def read_image(name: str, data: bytes, decoder: Callable[[bytes], Picture]) -> Read:
    """Decode one image."""
    content_id = hashlib.sha256(data).hexdigest()
    try:
        return Read(name, content_id, Content(len(data), decoder(data)))
    except DecodeError as error:
        return Read(name, content_id, error)


def rows_of(images: Sequence[Read]) -> tuple[pa.Table, pa.Table]:
    """Give rows of FINGERPRINTS and of UNREAD, one of either for each image."""
    decoded = {image.content_id: image.found for image in images if isinstance(image.found, Content)}
    contents, errors = fitting_rows(decoded)
    errors |= {image.content_id: image.found for image in images if isinstance(image.found, DecodeError)}
    place = {content_id: row for row, content_id in enumerate(contents.column("content_id").to_pylist())}
    there = [image for image in images if image.content_id in place]
    rows = contents.take(pa.array([place[image.content_id] for image in there], pa.int64()))
    named = pa.table([pa.array([image.name for image in there], pa.string()), *rows.columns], schema=FINGERPRINTS)
    failed = [(image.name, errors[image.content_id]) for image in images if image.content_id not in place]
    unread = [{"name": name, "error": error.code, "message": error.message} for name, error in failed]
    return named, pa.Table.from_pylist(unread, schema=UNREAD)


_LISTED = {
    "version": "",
    "library": "",
    "store": "file",
    "bucket": "",
    "etag": "",
    "storage_class": "",
    "hold": "no",
    "is_latest": True,
    "is_delete_marker": False,
    "archived": False,
    "identity_evidence": "read",
}
"""What a listing would say of an image that is there, read, and held by nothing."""


def as_objects(fingerprints: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Give rows of FINGERPRINTS the columns of `objects`, the name as URI; what only a listing knows is null."""
    own = {"uri": "name", "key": "name", "size": "size", "content_id": "content_id"}
    rows = fingerprints.num_rows

    def values(field: pa.Field) -> pa.Array | pa.ChunkedArray:
        if field.name in own:
            return fingerprints.column(own[field.name])
        return pa.repeat(pa.scalar(_LISTED.get(field.name), field.type), rows)

    fields = [OBJECTS.schema.field(name) for name in columns]
    return pa.table([values(field) for field in fields], schema=pa.schema(fields))
