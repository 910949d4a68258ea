"""`merged_record`: what only copies that go state, beside the kept copy that stands for them.

A row is a value of a field that a quarantined object states and its kept copy doesn't. Whoever acts writes it beside
the kept copy; until then it is on record here.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

TEXT_FIELDS = (
    "licence", "rights", "rights_uri", "usage_terms", "data_mining", "creator", "credit", "catalogue_no", "title",
    "caption", "instructions", "capture_time", "gps", "digital_source_type", "rating",
)  # fmt: skip
"""Fields of one value, as `contents` has them; the catalogue number is also the catalogue's own."""
WHOLE_FIELDS = ("rating",)
"""Fields whose values are no words: two that differ are a conflict, neither is within the other."""
LIST_FIELDS = ("keywords",)
"""Fields of many values: of these the merged record is the union."""
STATES = {
    "alone": "the kept copy states nothing in this field: take it over",
    "more": "one of several values of a field that may have many: add it",
    "contained": "the kept copy's value has all of its words: nothing to do",
    "fuller": "it has all words of the kept copy's value, and more",
    "conflict": "the kept copy, or another copy that goes, states something else: people decide",
}

MERGED_RECORD = Table(
    name="merged_record",
    version=1,
    order=("uri", "version", "field", "value"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the kept copy", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("library", pa.string(), "its library", nullable=False),
            column("field", pa.string(), "one of the columns of contents that people fill in", nullable=False),
            column("value", pa.string(), "what a copy that goes states, without blanks around it", nullable=False),
            column("kept_value", pa.string(), "what the kept copy states in this field; of a list, its values by '; '"),
            column("state", pa.string(), "alone, more, contained, fuller or conflict", nullable=False),
            column("from_uri", pa.string(), "the object that goes and states it; of several the first", nullable=False),
            column("from_version", pa.string(), "its version", nullable=False),
            column("from_library", pa.string(), "its library", nullable=False),
        ]
    ),
)
