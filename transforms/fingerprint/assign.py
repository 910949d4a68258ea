"""Fill the contents' ids into `objects`; every other column stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS

KEYS = ("uri", "version")


def fill_content_ids(partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Join a partition's `objects` with its `assignments`; both hold each (uri, version) at most once."""
    objects, assignments = blocks["objects"], blocks["assignments"]
    known = dict(
        zip(
            zip(*(assignments.column(name).to_pylist() for name in KEYS), strict=True),
            zip(*(assignments.column(name).to_pylist() for name in ("content_id", "identity_evidence")), strict=True),
            strict=True,
        )
    )
    keys = zip(*(objects.column(name).to_pylist() for name in KEYS), strict=True)
    found = [known.get(key, (None, None)) for key in keys]
    for index, name in enumerate(("content_id", "identity_evidence")):
        column = pa.array([pair[index] for pair in found], pa.string())
        objects = objects.set_column(objects.schema.get_field_index(name), OBJECTS.schema.field(name), column)
    yield objects
