"""`lineage`: which object derives from which, and what stands under the same or another catalogue number."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import STRINGS, Table, column

RELATIONS = {
    "copy-of": "the same bytes",
    "derived-from": "its file says that it derives from the other (XMP)",
    "version-of": "another version under the same catalogue number",
    "renumbered": "the same picture under another catalogue number",
    "variant-of": "a variant of the other, by the pictures alone",
}

LINEAGE = Table(
    name="lineage",
    version=1,
    order=("uri", "version", "relation", "to_uri", "to_version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("content_id", pa.string(), "its content", nullable=False),
            column("relation", pa.string(), "one of RELATIONS", nullable=False),
            column("to_uri", pa.string(), "the other object: the head of its cluster or of its bytes", nullable=False),
            column("to_version", pa.string(), "its version", nullable=False),
            column("to_content_id", pa.string(), "its content", nullable=False),
            column(
                "tier", pa.string(), "tier between the two; none where only the catalogue links them", nullable=False
            ),
            column("kind", pa.string(), "kind of variant, as in pairs; copy for the same bytes", nullable=False),
            column("age", pa.string(), "newer, older or same than the other, by the stores' clocks", nullable=False),
            column("catalogue_no", pa.string(), "its catalogue number"),
            column("to_catalogue_no", pa.string(), "the other's catalogue number"),
            column("provenance", pa.string(), "its provenance, from the sidecar catalogue"),
            column("evidence", STRINGS, "what says so: sha256, xmp, catalogue, pair ids", nullable=False),
            column("family_id", pa.string(), "the object's family; its content_id without a twin", nullable=False),
        ]
    ),
)
