"""What of `contents`, and of sidecars' words, stays at home when only hashes travel."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from mirrorfold.schemas.belongings import UNREAD
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS

WITHHELD = (
    "luma", "luma_on_black", "colour", "capture_time", "camera_make", "camera_model", "camera_serial",
    "image_unique_id", "document_id", "instance_id", "original_document_id", "derived_from", "creator", "rights",
    "licence", "catalogue_no", "title", "keywords", "software", "metadata_date", "caption", "usage_terms", "rights_uri",
    "data_mining", "instructions", "credit", "gps", "digital_source_type", "c2pa", "imagehash_colorhash", "rating",
)  # fmt: skip
"""Everything that shows the picture or says who made it, when and with what."""


def withhold(contents: pa.Table, search: Callable[[pa.Table], pa.Array]) -> pa.Table:
    """Take out what stays at home; `search` makes the hashes that stand in for the luma."""
    if not contents.num_rows:
        return contents
    # Made of the luma, so before that goes.
    hidden = {"search": search(contents)} if contents.column("luma").null_count == 0 else {}
    hidden = {name: pa.nulls(contents.num_rows, CONTENTS.schema.field(name).type) for name in WITHHELD} | hidden
    for name, column in hidden.items():
        contents = contents.set_column(contents.schema.get_field_index(name), CONTENTS.schema.field(name), column)
    return contents


def withhold_words(objects: pa.Table) -> pa.Table:
    """Take out what sidecars state; that they state something stays said."""
    place = objects.schema.get_field_index("stated")
    hidden = [None if stated is None else [(UNREAD, "withheld")] for stated in objects.column("stated").to_pylist()]
    return objects.set_column(
        place, OBJECTS.schema.field("stated"), pa.array(hidden, OBJECTS.schema.field("stated").type)
    )
