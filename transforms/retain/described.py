"""A picture's sidecars count as its own metadata: their word joins the file's, and is never weaker than it."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import UNREAD
from mirrorfold.schemas.rights import FIELDS, rights_form

DESCRIBED = (
    "creator", "licence", "rights", "usage_terms", "rights_uri", "credit", "caption", "instructions", "data_mining",
    "gps", "digital_source_type", "c2pa", "catalogue_no", "capture_time",
)  # fmt: skip
"""Columns in which both words count: where they differ, both are there."""
NAMES = ("document_id", "instance_id", "original_document_id", "derived_from")
"""Columns in which the file's own word stands; a sidecar's fills what it leaves open."""
_PLACE = re.compile(r"([+-]\d+\.\d{3})\d*([+-]\d+\.\d{3})")


def with_beside(rows: pa.Table) -> pa.Table:
    """Join what sidecars state onto rows of `with_contents`, and count it; `unread` says that a sidecar wasn't read."""
    if "stated" not in rows.column_names:  # tables of other people's pipelines
        return rows.append_column(UNREAD, pa.nulls(rows.num_rows, pa.string()))
    stated = rows.column("stated").combine_chunks()
    there = [index for index, valid in enumerate(pc.is_valid(stated).to_pylist()) if valid]
    said = {index: dict(stated[index].as_py()) for index in there}
    unread = [said[index].get(UNREAD) if index in said else None for index in range(rows.num_rows)]
    if said:
        rows = _joined(rows, said)
    return rows.drop_columns(["stated"]).append_column(UNREAD, pa.array(unread, pa.string()))


def _joined(rows: pa.Table, said: dict[int, dict[str, str]]) -> pa.Table:
    more = dict.fromkeys(said, 0)
    for name in (*DESCRIBED, *NAMES):
        values = rows.column(name).to_pylist()
        for index, words in said.items():
            word, own = words.get(name), values[index]
            if word and not own:
                values[index], more[index] = word, more[index] + 1
            elif word and name in DESCRIBED and not same(name, own, word):
                values[index] = " | ".join(sorted({own, word}))
        rows = _set(rows, name, pa.array(values, pa.string()))
    counts = rows.column("metadata_fields").to_pylist()
    for index, extra in more.items():
        counts[index] = None if counts[index] is None else counts[index] + extra
    return _set(rows, "metadata_fields", pa.array(counts, rows.schema.field("metadata_fields").type))


def _set(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)


def same(name: str, own: str, word: str) -> bool:
    """Tell whether two say the same: times to the second, places to 100 m, rights in one form, text in any case."""
    if name == "capture_time":
        return own[:19] == word[:19]
    if name == "gps" and (one := _PLACE.match(own)) and (other := _PLACE.match(word)):
        return one.groups() == other.groups()
    if name in FIELDS:
        return rights_form(own) == rights_form(word)
    return own.strip().casefold() == word.strip().casefold()
