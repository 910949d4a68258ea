"""Fill the contents' ids, and what sidecars state, into `objects`; every other column stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.fingerprint.beside.facts import join_facts

KEYS = ("uri", "version")


def fill_content_ids(partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Join a partition's `objects` with its `assignments`; both hold each (uri, version) at most once.

    Args:
      blocks: "objects", "assignments" and, where there are sidecars, "stated": rows of beside.facts.FACTS.
    """
    objects, assignments = blocks["objects"], blocks["assignments"]
    known = dict(
        zip(
            zip(*(assignments.column(name).to_pylist() for name in KEYS), strict=True),
            zip(*(assignments.column(name).to_pylist() for name in ("content_id", "identity_evidence")), strict=True),
            strict=True,
        )
    )
    keys = list(zip(*(objects.column(name).to_pylist() for name in KEYS), strict=True))
    found = [known.get(key, (None, None)) for key in keys]
    for index, name in enumerate(("content_id", "identity_evidence")):
        objects = _set(objects, name, [pair[index] for pair in found])
    if blocks.get("stated") is not None:
        said = join_facts(blocks["stated"])
        objects = _set(objects, "stated", [sorted(said[key].items()) if key in said else None for key in keys])
    yield objects


def _set(objects: pa.Table, name: str, values: list) -> pa.Table:
    field = OBJECTS.schema.field(name)
    return objects.set_column(objects.schema.get_field_index(name), field, pa.array(values, field.type))
