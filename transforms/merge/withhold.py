"""What of `contents`, and of sidecars' words, stays at home when only hashes travel; and names, if they are to."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from mirrorfold.schemas.belongings import UNREAD
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import CODES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.table import STRINGS
from mirrorfold.schemas.uri import make_uri
from mirrorfold.schemas.withheld import Digest

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


def withhold_names(objects: pa.Table, digest: Digest) -> pa.Table:
    """Put keyed digests in place of what names an object: URI, bucket, key, what lies beside it, what holds its bytes.

    Columns of inventories that we don't know are left out: nobody can say what they name.
    """
    rows = objects.select(["uri", "store", "bucket", "package", "companions", "beside", "physical_id"]).to_pylist()

    def place(row: dict, uri: str) -> str:
        return withheld_uri(row["store"], row["bucket"], uri, digest)

    made = {
        "uri": [place(row, row["uri"]) for row in rows],
        "bucket": [withheld_bucket(row["store"], row["bucket"], digest) for row in rows],
        "key": [digest("uri", row["uri"]) for row in rows],
        "physical_id": [row["physical_id"] and digest("copy", row["physical_id"]) for row in rows],
        "package": [row["package"] and _package(row, place) for row in rows],
        "extra": [None] * len(rows),
    }
    made |= {n: [row[n] and [place(row, uri) for uri in row[n]] for row in rows] for n in ("companions", "beside")}
    for name, values in made.items():
        kind = STRINGS if name in ("companions", "beside") else OBJECTS.schema.field(name).type
        at = objects.schema.get_field_index(name)
        objects = objects.set_column(at, OBJECTS.schema.field(name), pa.array(values, kind))
    return objects.sort_by([("uri", "ascending"), ("version", "ascending")])


def withheld_bucket(store: str, bucket: str, digest: Digest) -> str:
    """Give what stands for a bucket, or for a folder: an absolute path there too."""
    return ("/" if store == "file" else "") + digest("bucket", bucket)


def withheld_uri(store: str, bucket: str, uri: str, digest: Digest) -> str:
    """Give what stands for a URI."""
    return make_uri(store, withheld_bucket(store, bucket, digest), digest("uri", uri))


def _package(row: dict, place: Callable[[dict, str], str]) -> str:
    kind, _, folder = row["package"].partition(":")
    return f"{kind}:{place(row, folder)}"


def withhold_failures(failures: pa.Table, renamed: dict[str, str]) -> pa.Table:
    """Name failures' objects as `withhold_names` does, and say of each what its code means: messages hold paths."""
    made = {
        "uri": [renamed[uri] for uri in failures.column("uri").to_pylist()],
        "message": [CODES.get(code, code) for code in failures.column("error").to_pylist()],
    }
    for name, values in made.items():
        at = failures.schema.get_field_index(name)
        failures = failures.set_column(at, failures.schema.field(name), pa.array(values, pa.string()))
    return failures.sort_by([("uri", "ascending"), ("version", "ascending")])
